//! Errors that a client sees: what went wrong, whose fault it is, and whether another backend may be tried.

mod grpc;
mod render;

use std::time::Duration;

pub(crate) use render::message_with_param;
pub use render::{Rendered, render, stream_event};

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The request is at fault: sending it again as it is will not help.
    Client,
    /// Weir, or how it is configured.
    Gateway,
    /// The backend.
    Upstream,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $status:literal, $code:literal, $source:ident, $retry:literal;)*) => {
        /// The kinds of error. Each has one status, one machine-readable code, one source.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorKind {
            $($(#[$doc])* $name,)*
        }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The HTTP status that says it best.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The machine-readable code, the same in all dialects.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Whose fault it is.
            #[must_use]
            pub fn source(self) -> Source {
                match self { $(Self::$name => Source::$source,)* }
            }

            /// Whether another backend may do better with the same request.
            #[must_use]
            pub fn may_retry(self) -> bool {
                match self { $(Self::$name => $retry,)* }
            }
        }
    };
}

kinds! {
    /// The body, a header or the path is wrong.
    InvalidRequest = 400, "invalid_request", Client, false;
    /// The request asks for something that the target's dialect cannot have.
    Unsupported = 400, "unsupported_parameter", Client, false;
    /// The prompt is longer than the model's context.
    ContextLengthExceeded = 400, "context_length_exceeded", Client, false;
    /// No key came with the request.
    MissingKey = 401, "missing_api_key", Client, false;
    /// The key is unknown, expired or revoked.
    InvalidKey = 401, "invalid_api_key", Client, false;
    /// The key may not use the model.
    ModelNotAllowed = 403, "model_not_allowed", Client, false;
    /// The caller may not do that.
    Forbidden = 403, "forbidden", Client, false;
    /// No model has that name.
    ModelNotFound = 404, "model_not_found", Client, false;
    /// Nothing is served at that path.
    PathNotFound = 404, "not_found", Client, false;
    /// The path takes another method.
    MethodNotAllowed = 405, "method_not_allowed", Client, false;
    /// The client was too slow.
    ClientTimeout = 408, "request_timeout", Client, false;
    /// The body is larger than the limit.
    BodyTooLarge = 413, "request_too_large", Client, false;
    /// The body is encoded or of a type that is not taken.
    UnsupportedEncoding = 415, "unsupported_media_type", Client, false;
    /// The caller's limit on requests or tokens is used up.
    RateLimited = 429, "rate_limit_exceeded", Client, false;
    /// The caller's budget of money is spent.
    BudgetExceeded = 429, "budget_exceeded", Client, false;
    /// The headers are larger than the limit.
    HeadersTooLarge = 431, "headers_too_large", Client, false;
    /// The client left before the answer came; nobody reads this.
    ClientGone = 499, "client_gone", Client, false;
    /// Weir is at fault.
    Internal = 500, "internal_error", Gateway, false;
    /// Weir's configuration is at fault.
    Misconfigured = 500, "misconfigured", Gateway, true;
    /// Weir has no room for the request now.
    Overloaded = 503, "overloaded", Gateway, true;
    /// The control plane cannot be reached, and the policy is to fail closed.
    ControlUnavailable = 503, "control_unavailable", Gateway, false;
    /// All backends that could serve the model are spent or cooling down.
    BackendsUnavailable = 503, "no_backend_available", Gateway, false;
    /// The backend refused the request as wrong.
    UpstreamRejected = 400, "upstream_rejected", Upstream, false;
    /// The backend refused Weir's credential.
    UpstreamAuth = 502, "upstream_auth", Upstream, true;
    /// The backend could not be reached.
    UpstreamConnect = 502, "upstream_connect", Upstream, true;
    /// The backend's name has no address.
    UpstreamDns = 502, "upstream_dns", Upstream, true;
    /// The backend's certificate or handshake failed.
    UpstreamTls = 502, "upstream_tls", Upstream, true;
    /// The backend answered with a redirect, which is never followed.
    UpstreamRedirect = 502, "upstream_redirect", Upstream, true;
    /// The backend answered with something that its dialect does not allow.
    UpstreamProtocol = 502, "upstream_protocol", Upstream, true;
    /// The backend broke off.
    UpstreamTruncated = 502, "upstream_truncated", Upstream, true;
    /// The backend failed.
    UpstreamFailed = 502, "upstream_error", Upstream, true;
    /// The backend's own rate limit.
    UpstreamRateLimited = 429, "upstream_rate_limited", Upstream, true;
    /// The backend is overloaded.
    UpstreamOverloaded = 503, "upstream_overloaded", Upstream, true;
    /// The backend did not answer in time.
    UpstreamTimeout = 504, "upstream_timeout", Upstream, true;
}

/// An error on its way to the client. It becomes a body in one place: [`render`].
///
/// The message is for the client: it says what, where and how to mend it, and holds no secret and no destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", kind.code())]
pub struct GatewayError {
    kind: ErrorKind,
    message: String,
    param: Option<String>,
    retry_after: Option<Duration>,
    status: Option<u16>,
    theirs: Option<Box<Theirs>>,
}

/// What a backend itself calls its error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Theirs {
    /// Its `type`, such as `invalid_request_error`.
    pub r#type: Option<String>,
    /// Its `code`, such as `invalid_function_parameters`.
    pub code: Option<String>,
}

impl GatewayError {
    /// An error of this kind with a message for the client.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), param: None, retry_after: None, status: None, theirs: None }
    }

    /// Names the field of the request that is at fault, as a path like `messages[0].content`.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Says it in other words.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Says after how long the client may try again.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Keeps the backend's own status instead of the kind's.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Keeps what the backend itself calls its error, for clients that know its words.
    #[must_use]
    pub fn with_theirs(mut self, theirs: Theirs) -> Self {
        self.theirs = Some(Box::new(theirs)).filter(|theirs| **theirs != Theirs::default());
        self
    }

    /// What the backend itself calls its error, where it is told to the client.
    #[must_use]
    pub fn theirs(&self) -> Option<&Theirs> {
        self.theirs.as_deref()
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message for the client.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The field at fault.
    #[must_use]
    pub fn param(&self) -> Option<&str> {
        self.param.as_deref()
    }

    /// After how long the client may try again.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.unwrap_or_else(|| self.kind.status())
    }
}
