//! What the simulator says when it refuses, in the shape of vLLM: `{"error": {message, type, param, code}}`.

use http::StatusCode;
use serde_json::{Value, json};

use crate::directive::UnknownDirective;
use crate::engine::TooLong;

/// A refusal: a status, and the words for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {message}")]
pub struct ApiError {
    /// The HTTP status, which the body repeats as `code`.
    pub status: StatusCode,
    /// What is wrong, for a person.
    pub message: String,
    /// The field that is wrong, as a path into the body.
    pub param: Option<String>,
}

impl ApiError {
    /// A refusal with this status.
    #[must_use]
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), param: None }
    }

    /// 400 for the field at `param`.
    #[must_use]
    pub fn field(param: &str, message: impl Into<String>) -> Self {
        Self { param: Some(param.to_owned()), ..Self::new(StatusCode::BAD_REQUEST, message) }
    }

    /// 404 for a model that is not served.
    #[must_use]
    pub fn no_model(name: &str) -> Self {
        let message = format!("The model `{name}` does not exist.");
        Self { param: Some("model".into()), ..Self::new(StatusCode::NOT_FOUND, message) }
    }

    /// 400 for a request that is longer than the model's context.
    #[must_use]
    pub fn context(limit: usize, prompt: usize, answer: usize) -> Self {
        let message = format!(
            "This model's maximum context length is {limit} tokens, but the request has {prompt} in the prompt and asks for \
             {answer} more. Shorten the prompt, or ask for fewer."
        );
        Self::field("messages", message)
    }

    /// 503: come back later.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// The body.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"error": {
            "message": self.message,
            "type": self.kind(),
            "param": self.param,
            "code": self.status.as_u16(),
        }})
    }

    /// Seconds after which to try again, where that makes sense.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE).then_some(1)
    }

    fn kind(&self) -> &'static str {
        match self.status {
            StatusCode::BAD_REQUEST => "BadRequestError",
            StatusCode::UNAUTHORIZED => "AuthenticationError",
            StatusCode::NOT_FOUND => "NotFoundError",
            StatusCode::TOO_MANY_REQUESTS => "RateLimitError",
            StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailableError",
            status if status.is_client_error() => "BadRequestError",
            _ => "InternalServerError",
        }
    }
}

impl From<UnknownDirective> for ApiError {
    fn from(error: UnknownDirective) -> Self {
        Self::field("messages", error.to_string())
    }
}

impl From<TooLong> for ApiError {
    fn from(error: TooLong) -> Self {
        Self::field("messages", error.to_string())
    }
}
