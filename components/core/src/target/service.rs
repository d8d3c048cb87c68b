//! The paths under which KServe publishes an `LLMInferenceService`: `/{namespace}/{name}/v1/…`.

use std::fmt;

/// A service in the cluster, as a path names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Service {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// What other paths begin with: a namespace that is called so can be reached by its models' names only.
const RESERVED: [&str; 5] = ["openai", "v1", "v1beta", "v1beta1", "v2"];

impl Service {
    /// Splits `/{namespace}/{name}/…`: the service, and the rest with its `/`. `None` for a path of another kind.
    pub(super) fn split(path: &str) -> Option<(Self, &str)> {
        let (namespace, rest) = path.strip_prefix('/')?.split_once('/')?;
        let end = rest.find('/')?;
        let (name, rest) = rest.split_at(end);
        let fits = is_label(namespace) && is_label(name) && !RESERVED.contains(&namespace);
        fits.then(|| (Self { namespace: namespace.to_owned(), name: name.to_owned() }, rest))
    }

    /// The model's name where a request names none: the one that no other model can have.
    #[must_use]
    pub fn model(&self) -> String {
        self.qualified(&self.name)
    }

    /// The name of one of the service's models that no other service's model can have.
    #[must_use]
    pub fn qualified(&self, model: &str) -> String {
        format!("publishers/{}/models/{model}", self.namespace)
    }

    /// What its paths begin with; no trailing `/`.
    #[must_use]
    pub fn base_path(&self) -> String {
        format!("/{}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Whether a text is a label of DNS (RFC 1123, section 2.1), as names in Kubernetes that become hosts have to be.
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}
