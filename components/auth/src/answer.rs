//! Answers that this part gives itself: refusals, and the list of models.

use http::{HeaderMap, HeaderName, HeaderValue};
use weir_core::{Dialect, GatewayError, RequestId, error, header};

/// A whole response: nothing further in was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers; `content-length` is added by whoever sends it.
    pub headers: HeaderMap,
    /// The body: JSON.
    pub body: Vec<u8>,
}

impl Answer {
    /// A refusal, in the caller's dialect.
    #[must_use]
    pub fn refusal(dialect: Dialect, error: &GatewayError, request: RequestId) -> Self {
        let rendered = error::render(dialect, error);
        let mut headers: HeaderMap =
            rendered.headers.iter().map(|(name, value)| (HeaderName::from_static(name), text(value))).collect();
        if dialect == Dialect::AnthropicMessages {
            headers.insert(header::ANTHROPIC_REQUEST_ID, text(&request.to_string()));
        }
        headers.insert(header::REQUEST_ID, text(&request.to_string()));
        Self { status: rendered.status, headers, body: rendered.body }
    }

    /// A success with a JSON body.
    #[must_use]
    pub fn json(body: &serde_json::Value, request: RequestId) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::REQUEST_ID, text(&request.to_string()));
        Self { status: 200, headers, body: body.to_string().into_bytes() }
    }
}

/// Rendered headers and request ids are plain ASCII.
fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static("?"))
}
