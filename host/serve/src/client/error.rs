//! What can go wrong with an upstream call, by type.

use std::error::Error as StdError;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::legacy;

use super::NetworkPolicy;
use crate::body::BoxError;

/// Why an upstream call failed. The texts name the upstream's host, never a path or a header.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The request cannot be sent as it stands: no absolute URI, another scheme, no host.
    #[error("the request's URI is not one that can be called: {0}")]
    InvalidUri(&'static str),
    /// The name does not resolve.
    #[error("the name {host} cannot be resolved")]
    Dns {
        /// The name.
        host: Arc<str>,
        /// What the resolver said.
        source: Arc<io::Error>,
    },
    /// The name resolves, but only to addresses that the backend's network policy forbids.
    #[error("{host} resolves to {address}, which the network policy `{policy}` forbids")]
    Blocked {
        /// The name.
        host: Arc<str>,
        /// One of the addresses.
        address: IpAddr,
        /// The policy.
        policy: NetworkPolicy,
    },
    /// The connection was refused, or failed otherwise.
    #[error("cannot connect to {host}")]
    Connect {
        /// The name.
        host: Arc<str>,
        /// What the system said of the last address tried.
        source: Arc<io::Error>,
    },
    /// Name resolution, TCP and TLS together took too long.
    #[error("connecting to {host} took longer than {after:?}")]
    ConnectTimeout {
        /// The name.
        host: Arc<str>,
        /// `ClientOptions::connect_timeout`.
        after: Duration,
    },
    /// The TLS handshake failed: an untrusted certificate, a wrong name, no common version.
    #[error("the TLS handshake with {host} failed")]
    Tls {
        /// The name.
        host: Arc<str>,
        /// What rustls said.
        source: Arc<io::Error>,
    },
    /// The request's own body failed while it was being sent: the fault is the client's, or the gateway's.
    #[error("the request body failed while it was being sent")]
    RequestBody(#[source] Arc<dyn StdError + Send + Sync>),
    /// The upstream closed or reset the connection or stream before its answer was complete.
    #[error("the upstream closed the connection before its answer was complete")]
    Closed(#[source] Arc<dyn StdError + Send + Sync>),
    /// The upstream's answer is not valid HTTP.
    #[error("the upstream's answer is not valid HTTP")]
    Protocol(#[source] Arc<dyn StdError + Send + Sync>),
}

impl ClientError {
    /// Whether the call failed while connecting: no byte of the request was written, so that another
    /// backend, or the same, may be tried without doubt.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        matches!(
            self,
            Self::Dns { .. }
                | Self::Blocked { .. }
                | Self::Connect { .. }
                | Self::ConnectTimeout { .. }
                | Self::Tls { .. }
        )
    }

    /// Whether the upstream may have begun to work on the request.
    #[must_use]
    pub fn may_have_been_processed(&self) -> bool {
        matches!(self, Self::RequestBody(_) | Self::Closed(_) | Self::Protocol(_))
    }

    /// A short, stable word for metrics and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::InvalidUri(_) => "invalid_uri",
            Self::Dns { .. } => "dns",
            Self::Blocked { .. } => "blocked",
            Self::Connect { .. } => "connect",
            Self::ConnectTimeout { .. } => "connect_timeout",
            Self::Tls { .. } => "tls",
            Self::RequestBody(_) => "request_body",
            Self::Closed(_) => "closed",
            Self::Protocol(_) => "protocol",
        }
    }

    /// Finds the reason in an error that reading a response's body gave, also below wrappers.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        chain(error).find_map(|error| error.downcast_ref())
    }

    pub(super) fn from_legacy(error: &legacy::Error) -> Self {
        if let Some(known) = Self::find(error) {
            return known.clone();
        }
        match chain(error).find_map(|error| error.downcast_ref::<hyper::Error>()) {
            Some(cause) => Self::classify(cause, Arc::new(error_text(cause))),
            // The pool's own complaints: an absent scheme or host, a version the pool does not speak.
            None => Self::InvalidUri("it needs `http` or `https` and a host"),
        }
    }

    pub(super) fn from_body(error: &hyper::Error) -> Self {
        Self::classify(error, Arc::new(error_text(error)))
    }

    fn classify(error: &hyper::Error, source: Arc<dyn StdError + Send + Sync>) -> Self {
        if error.is_user() {
            Self::RequestBody(source)
        } else if error.is_parse() {
            Self::Protocol(source)
        } else {
            Self::Closed(source)
        }
    }
}

/// As the body of an upstream's response fails.
pub(super) fn body_error(error: &hyper::Error) -> BoxError {
    ClientError::from_body(error).into()
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// hyper's errors cannot be cloned, ours can be kept in more than one place: so the text stays.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Told(String);

fn error_text(error: &(dyn StdError + 'static)) -> Told {
    let words: Vec<String> = chain(error).map(ToString::to_string).collect();
    Told(words.join(": "))
}
