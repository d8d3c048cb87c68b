//! Why an edge cannot start, and why a request got no answer from its guest.

use std::path::PathBuf;

use http::StatusCode;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;

/// Why an edge could not be made, or a new configuration not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EdgeError {
    /// A component's file cannot be read.
    #[error("cannot read the component {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The parts do not make a chain.
    #[error("the chain cannot be composed")]
    Compose(#[from] weir_compose::ComposeError),
    /// The runtime refuses its limits: usually more memory is to be reserved than there are addresses.
    #[error("the runtime cannot be set up with these limits")]
    Engine(#[source] wasmtime::Error),
    /// The chain cannot be compiled.
    #[error("the chain cannot be compiled")]
    Compile(#[source] wasmtime::Error),
    /// The chain wants something that this host does not give, or exports no handler of WASI HTTP 0.3.0.
    #[error("the chain does not fit this host")]
    Link(#[source] wasmtime::Error),
    /// The HTTP client for backends cannot be made.
    #[error("the client for backends cannot be made")]
    Client(#[from] weir_serve::ClientBuildError),
}

/// Why a request got no answer from its guest.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The instance trapped, was out of memory, or the host had a fault: all its requests ended.
    Trapped,
    /// The instance computed for too long and was killed.
    CpuDeadline,
    /// No instance could be made: memory or another resource is used up. The log says which.
    Instantiate,
    /// No instance was free in time, or too many requests waited.
    Overloaded,
    /// The instance holds as many bytes of request bodies as it may.
    BodyBudget,
    /// The guest did not answer in time.
    HeadTimeout,
    /// The guest answered with an error of its own.
    Guest(ErrorCode),
}

impl Failure {
    /// The status, a stable word, and what a client is told: never a text that came from a guest.
    pub(crate) fn describe(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Trapped => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal_error",
                "The gateway failed while it was handling the request.",
            ),
            Self::CpuDeadline => (
                StatusCode::SERVICE_UNAVAILABLE,
                "deadline_exceeded",
                "The gateway took too long to compute an answer.",
            ),
            Self::Instantiate | Self::Overloaded | Self::BodyBudget => (
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "The gateway has no room for the request right now; try again.",
            ),
            Self::HeadTimeout => (StatusCode::GATEWAY_TIMEOUT, "timeout", "The gateway did not get an answer in time."),
            Self::Guest(ErrorCode::HttpRequestBodySize(_)) => {
                (StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", "The request is too large.")
            }
            Self::Guest(ErrorCode::InternalError(_)) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "The gateway could not handle the request.")
            }
            Self::Guest(_) => {
                (StatusCode::BAD_GATEWAY, "upstream_error", "The gateway got no answer from the backend.")
            }
        }
    }
}
