//! The way to the API server.

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::config::{Config, InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError};

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
/// Tokens and certificates that files hold are read again as they change.
#[derive(Clone)]
pub struct Kube {
    client: kube::Client,
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
        let origin = config.cluster_url.to_string();
        let client = kube::Client::try_from(config).map_err(|error| ConnectError::Client(Box::new(error)))?;
        Ok(Self { client, origin })
    }

    /// Over a client that is there already, such as one that reaches a server within the process.
    #[must_use]
    pub fn over(client: kube::Client, origin: impl Into<String>) -> Self {
        Self { client, origin: origin.into() }
    }

    /// Where the API server is.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) fn client(&self) -> kube::Client {
        self.client.clone()
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
