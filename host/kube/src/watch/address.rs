//! Where things are on an API server.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Kind;

/// What may stand in a query as it is.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The objects of one kind, in one version, in one namespace or in all, that a label selector selects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address<'a> {
    pub(crate) kind: &'a Kind,
    pub(crate) version: &'a str,
    pub(crate) namespace: Option<&'a str>,
    pub(crate) selector: Option<&'a str>,
}

impl Address<'_> {
    /// One page of the list.
    pub(crate) fn list(&self, limit: u32, from: Option<&str>) -> String {
        let mut uri = format!("{}?limit={limit}", self.path());
        self.select(&mut uri);
        if let Some(token) = from {
            query(&mut uri, "continue", token);
        }
        uri
    }

    /// The watch from a resource version on.
    pub(crate) fn watch(&self, resource_version: &str, seconds: u64) -> String {
        let mut uri = format!("{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}", self.path());
        self.select(&mut uri);
        query(&mut uri, "resourceVersion", resource_version);
        uri
    }

    fn path(&self) -> String {
        let mut path = group_version(self.kind.group, self.version);
        if let Some(namespace) = self.namespace {
            let namespace = utf8_percent_encode(namespace, QUERY);
            let _ = write!(path, "/namespaces/{namespace}");
        }
        path.push('/');
        path.push_str(self.kind.plural);
        path
    }

    fn select(&self, uri: &mut String) {
        if let Some(selector) = self.selector {
            query(uri, "labelSelector", selector);
        }
    }
}

/// The path of a version of a group, where its discovery document is.
pub(crate) fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") }
}

fn query(uri: &mut String, name: &str, value: &str) {
    let _ = write!(uri, "&{name}={}", utf8_percent_encode(value, QUERY));
}

#[cfg(test)]
mod tests {
    use super::*;

    const PODS: Kind = Kind { group: "", versions: &["v1"], plural: "pods" };
    const POOLS: Kind = Kind { group: "inference.networking.k8s.io", versions: &["v1"], plural: "inferencepools" };

    #[test]
    fn as_the_api_server_has_them() {
        let pods = Address { kind: &PODS, version: "v1", namespace: Some("models"), selector: Some("a=b,c in (d)") };
        assert_eq!(
            pods.list(500, Some("a+/=")),
            "/api/v1/namespaces/models/pods?limit=500&labelSelector=a%3Db%2Cc%20in%20%28d%29&continue=a%2B%2F%3D"
        );
        let pools = Address { kind: &POOLS, version: "v1", namespace: None, selector: None };
        assert_eq!(
            pools.watch("451", 300),
            "/apis/inference.networking.k8s.io/v1/inferencepools\
             ?watch=true&allowWatchBookmarks=true&timeoutSeconds=300&resourceVersion=451"
        );
    }
}
