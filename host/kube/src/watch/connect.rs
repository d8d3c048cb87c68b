//! The way to the API server.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::config::{Config, InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::bearer::Bearer;

/// Which API server, and as whom. With neither field set: what `KUBECONFIG` or `~/.kube/config` says, else the service
/// account of the pod.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// A kubeconfig file.
    pub kubeconfig: Option<PathBuf>,
    /// A context of it; none: its current one.
    pub context: Option<String>,
}

/// A way to the API server. No connection is made until something is asked.
///
/// A token that a file holds is read for each request, and the authorities of a pod's service account each minute. What else
/// a kubeconfig names is read once.
#[derive(Clone)]
pub struct Kube {
    client: kube::Client,
    bearer: Option<Arc<Bearer>>,
    origin: String,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig {}cannot be used", .path.as_ref().map(|path| format!("{} ", path.display())).unwrap_or_default())]
    Kubeconfig {
        /// The file, where one was named.
        path: Option<PathBuf>,
        /// Why.
        #[source]
        source: KubeconfigError,
    },
    /// There is neither a kubeconfig nor a pod around us.
    #[error("no API server is known: there is no usable kubeconfig, and this is no pod with a service account")]
    Unknown(#[source] Box<InferConfigError>),
    /// The authorities that the kubeconfig names are none.
    #[error("the kubeconfig names a certificate authority, and no certificate stands there")]
    NoCertificate,
    /// The token that a file is to hold cannot be had.
    #[error("the API server's token cannot be read from {}", .path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The client cannot be made: a certificate or a token that cannot be read.
    #[error("the API server's client cannot be made")]
    Client(#[source] Box<kube::Error>),
}

impl Kube {
    /// Finds out where the API server is and who we are.
    ///
    /// # Errors
    /// [`ConnectError`] when that cannot be found out; not when the API server is not there.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let mut config = configure(options).await?;
        config.connect_timeout = Some(Duration::from_secs(5));
        config.read_timeout = None;
        // Our own back-off knows better which failures come again.
        config.default_retry = false;
        config.headers.push((USER_AGENT, HeaderValue::from_static(concat!("weir/", env!("CARGO_PKG_VERSION")))));
        if config.root_cert.as_ref().is_some_and(Vec::is_empty) {
            return Err(ConnectError::NoCertificate);
        }
        let bearer = bearer(&mut config)?;
        let origin = config.cluster_url.to_string();
        let client = kube::Client::try_from(config).map_err(|error| ConnectError::Client(Box::new(error)))?;
        Ok(Self { client, bearer, origin })
    }

    /// Over a client that is there already, such as one that reaches a server within the process.
    #[must_use]
    pub fn over(client: kube::Client, origin: impl Into<String>) -> Self {
        Self { client, bearer: None, origin: origin.into() }
    }

    /// Where the API server is.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// Whose token requests show, where the client does not see to that.
    pub(crate) fn bearer(&self) -> Option<Arc<Bearer>> {
        self.bearer.clone()
    }
}

/// Takes the file of the token away from the client, which would read it each minute, and its end of line with it. A token
/// that stands beside it is stronger.
fn bearer(config: &mut Config) -> Result<Option<Arc<Bearer>>, ConnectError> {
    let user = &mut config.auth_info;
    let Some(path) = user.token_file.take().filter(|_| user.token.is_none()).map(PathBuf::from) else {
        return Ok(None);
    };
    match Bearer::read(path.clone()) {
        Ok(bearer) => Ok(Some(Arc::new(bearer))),
        Err(source) => Err(ConnectError::Token { path, source }),
    }
}

async fn configure(options: &ConnectOptions) -> Result<Config, ConnectError> {
    let unusable = |source| ConnectError::Kubeconfig { path: options.kubeconfig.clone(), source };
    let chosen = KubeConfigOptions { context: options.context.clone(), ..KubeConfigOptions::default() };
    match (&options.kubeconfig, &options.context) {
        (Some(path), _) => {
            let kubeconfig = Kubeconfig::read_from(path).map_err(unusable)?;
            Config::from_custom_kubeconfig(kubeconfig, &chosen).await.map_err(unusable)
        }
        (None, Some(_)) => Config::from_kubeconfig(&chosen).await.map_err(unusable),
        (None, None) => Config::infer().await.map_err(|error| ConnectError::Unknown(Box::new(error))),
    }
}
