//! The one place where an error becomes a body, for each client dialect.

use serde_json::{Value, json};

use super::{ErrorKind, GatewayError, Source, Theirs, grpc};
use crate::Dialect;

/// An error as HTTP: what a client's SDK turns into its own exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The status.
    pub status: u16,
    /// The headers, `content-type` among them.
    pub headers: Vec<(&'static str, String)>,
    /// The body: JSON, or nothing for gRPC.
    pub body: Vec<u8>,
}

/// The answer for a request that ends in `error` before its first event.
#[must_use]
pub fn render(dialect: Dialect, error: &GatewayError) -> Rendered {
    if dialect == Dialect::KserveGrpc {
        return grpc::render(error);
    }
    let mut headers = vec![("content-type", "application/json".to_owned())];
    if let Some(after) = error.retry_after() {
        // Whole seconds, rounded up (RFC 9110, section 10.2.3); the SDKs also read the exact form.
        headers.push(("retry-after", after.as_millis().div_ceil(1000).to_string()));
        headers.push(("retry-after-ms", after.as_millis().to_string()));
    }
    if matches!(error.kind(), ErrorKind::MissingKey | ErrorKind::InvalidKey) {
        headers.push(("www-authenticate", "Bearer".to_owned()));
    }
    Rendered { status: error.status(), headers, body: body(dialect, error).to_string().into_bytes() }
}

/// The event that tells a client in mid-stream that the stream ends in `error`. gRPC has no events: there it is told by
/// the trailers ([`Status`](crate::grpc::Status)), and nothing is to be written.
#[must_use]
pub fn stream_event(dialect: Dialect, error: &GatewayError) -> Vec<u8> {
    let data = match dialect {
        Dialect::OpenaiResponses => json!({
            "type": "error",
            "code": openai_code(error),
            "message": error.message(),
            "param": error.param(),
            "sequence_number": null,
        }),
        Dialect::KserveGrpc => return Vec::new(),
        _ => body(dialect, error),
    };
    let name = match dialect {
        Dialect::AnthropicMessages | Dialect::OpenaiResponses => "event: error\n",
        _ => "",
    };
    format!("{name}data: {data}\n\n").into_bytes()
}

/// The error object of a body or an event. Where a backend failed or refused, `source` says so, which no dialect has a
/// word for and all SDKs pass over.
fn body(dialect: Dialect, error: &GatewayError) -> Value {
    let mut body = match dialect {
        Dialect::OpenaiChat | Dialect::OpenaiResponses => json!({"error": {
            "message": error.message(),
            "type": openai_type(error),
            "param": error.param(),
            "code": openai_code(error),
        }}),
        Dialect::AnthropicMessages => json!({"type": "error", "error": {
            "type": anthropic_type(error),
            "message": message_with_param(error),
        }}),
        Dialect::Gemini => json!({"error": {
            "code": error.status(),
            "message": message_with_param(error),
            "status": google_status(error.status()),
        }}),
        Dialect::BedrockConverse | Dialect::CohereChat => {
            json!({"message": message_with_param(error)})
        }
        Dialect::KserveV1 | Dialect::KserveV2 | Dialect::KserveGrpc => json!({"error": message_with_param(error)}),
    };
    if error.kind().source() == Source::Upstream
        && let Some(error @ Value::Object(_)) = body.get_mut("error")
    {
        error["source"] = "upstream".into();
    }
    body
}

/// Dialects without a field for the parameter name it in the message.
pub(crate) fn message_with_param(error: &GatewayError) -> String {
    match error.param() {
        Some(param) if !error.message().contains(param) => format!("{param}: {}", error.message()),
        _ => error.message().to_owned(),
    }
}

/// The `code` of OpenAI's error object: the backend's own where it refused the request, else Weir's.
fn openai_code(error: &GatewayError) -> &str {
    theirs(error).and_then(|theirs| theirs.code.as_deref()).unwrap_or(error.kind().code())
}

/// What the backend calls its error, where that is about the client's request: its other errors are about Weir's own
/// account with it.
fn theirs(error: &GatewayError) -> Option<&Theirs> {
    error.theirs().filter(|_| matches!(error.kind(), ErrorKind::UpstreamRejected | ErrorKind::ContextLengthExceeded))
}

/// The `type` of OpenAI's error object: <https://platform.openai.com/docs/guides/error-codes>. A backend's own word
/// stays, as long as it is not another dialect's.
fn openai_type(error: &GatewayError) -> &str {
    let own = theirs(error).and_then(|theirs| theirs.r#type.as_deref());
    if let Some(own) = own.filter(|own| !ANTHROPIC_TYPES.contains(own) || *own == "invalid_request_error") {
        return own;
    }
    match error.status() {
        401 => "authentication_error",
        403 => "permission_error",
        429 if error.kind() == ErrorKind::BudgetExceeded => "insufficient_quota",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    }
}

/// The types of Anthropic's errors: <https://docs.anthropic.com/en/api/errors>.
const ANTHROPIC_TYPES: [&str; 10] = [
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "timeout_error",
    "overloaded_error",
];

/// The `type` of Anthropic's error object; a backend's own where it is one of them.
fn anthropic_type(error: &GatewayError) -> &'static str {
    let own = theirs(error).and_then(|theirs| theirs.r#type.as_deref());
    if let Some(own) = own.and_then(|own| ANTHROPIC_TYPES.into_iter().find(|known| *known == own)) {
        return own;
    }
    match error.status() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        504 => "timeout_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}

/// The canonical status of Google's APIs: <https://cloud.google.com/apis/design/errors>.
fn google_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        400..=498 => "INVALID_ARGUMENT",
        _ => "INTERNAL",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_kind_renders_in_every_dialect() {
        for &kind in ErrorKind::ALL {
            for dialect in Dialect::ALL.into_iter().filter(|dialect| *dialect != Dialect::KserveGrpc) {
                let error = GatewayError::new(kind, "what \"went\"\nwrong").with_param("messages[0]");
                let answer = render(dialect, &error);
                assert_eq!(answer.status, kind.status());
                let body: Value = serde_json::from_slice(&answer.body).unwrap();
                assert!(body.to_string().contains("what \\\"went\\\"\\nwrong"), "{body}");
                let event = String::from_utf8(stream_event(dialect, &error)).unwrap();
                assert!(event.ends_with("\n\n") && event.matches("\n\n").count() == 1, "{event}");
            }
        }
    }

    #[test]
    fn kserves_protocols_have_an_error_as_its_servers_do() {
        let error = GatewayError::new(ErrorKind::UpstreamFailed, "it broke").with_param("inputs");
        for dialect in [Dialect::KserveV1, Dialect::KserveV2] {
            let answer = render(dialect, &error);
            assert_eq!((answer.status, &*answer.body), (502, &br#"{"error":"inputs: it broke"}"#[..]));
            assert_eq!(stream_event(dialect, &error), b"data: {\"error\":\"inputs: it broke\"}\n\n");
        }
        assert_eq!(stream_event(Dialect::KserveGrpc, &error), b"");
    }

    #[test]
    fn a_backends_own_words_stay_where_the_client_knows_them() {
        let theirs = |r#type: &str, code: Option<&str>| Theirs {
            r#type: Some(r#type.to_owned()),
            code: code.map(str::to_owned),
        };
        let told = |kind, theirs, dialect| {
            let error = GatewayError::new(kind, "m").with_theirs(theirs);
            let body: Value = serde_json::from_slice(&render(dialect, &error).body).unwrap();
            let text = |key: &str| body["error"][key].as_str().unwrap_or_default().to_owned();
            (text("type"), text("code"), text("source"))
        };
        let (rejected, limited) = (ErrorKind::UpstreamRejected, ErrorKind::UpstreamRateLimited);
        let expected = |a: &str, b: &str| (a.to_owned(), b.to_owned(), "upstream".to_owned());
        let openai = theirs("image_error", Some("invalid_image"));
        assert_eq!(told(rejected, openai.clone(), Dialect::OpenaiChat), expected("image_error", "invalid_image"));
        assert_eq!(told(rejected, openai.clone(), Dialect::AnthropicMessages), expected("invalid_request_error", ""));
        assert_eq!(told(limited, openai, Dialect::OpenaiChat), expected("rate_limit_error", "upstream_rate_limited"));
        let anthropic = theirs("not_found_error", None);
        assert_eq!(told(rejected, anthropic.clone(), Dialect::AnthropicMessages), expected("not_found_error", ""));
        assert_eq!(
            told(rejected, anthropic, Dialect::OpenaiChat),
            expected("invalid_request_error", "upstream_rejected")
        );
    }

    #[test]
    fn retry_after_is_rounded_up_to_seconds() {
        let error =
            GatewayError::new(ErrorKind::RateLimited, "slow down").with_retry_after(Duration::from_millis(1500));
        assert!(render(Dialect::OpenaiChat, &error).headers.contains(&("retry-after", "2".to_owned())));
    }
}
