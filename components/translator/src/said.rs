//! What a backend said went wrong, and what that means here.
//!
//! Backends that claim the same dialect have their errors in a dozen shapes; one lenient reader serves all of them.

use serde_json::Value;
use serde_json::value::RawValue;
use weir_core::error::Theirs;
use weir_core::{ErrorKind, GatewayError};

/// An error as a backend words it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The message for humans.
    pub message: Option<String>,
    /// The most telling of its codes and types.
    pub codes: Vec<String>,
    /// What the backend itself calls it.
    pub theirs: Theirs,
    /// The field that it names.
    pub param: Option<String>,
    /// The HTTP status, where the error itself states it.
    pub status: Option<u16>,
}

impl Said {
    /// Reads an error body. What is not understood is left out; a body that is no JSON says nothing.
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        serde_json::from_slice::<Value>(body).map_or_else(|_| Self::default(), |value| Self::of(&value))
    }

    fn of(value: &Value) -> Self {
        let inner = match value {
            // Gemini's compatible paths wrap it in a list.
            Value::Array(list) => return list.first().map(Self::of).unwrap_or_default(),
            Value::Object(object) => object.get("error").filter(|error| !error.is_null()).unwrap_or(value),
            other => other,
        };
        let text = |key: &str| inner.get(key).and_then(Value::as_str).map(str::to_owned);
        let message = match inner {
            Value::String(message) => Some(message.clone()),
            // FastAPI's validation errors are a list under `detail`.
            _ => {
                text("message").or_else(|| inner.get("detail").map(|d| d.as_str().map_or(d.to_string(), str::to_owned)))
            }
        };
        let status = ["code", "status_code", "status"].iter().find_map(|key| {
            let number = inner.get(*key)?;
            let number = number.as_u64().or_else(|| number.as_str()?.parse().ok())?;
            u16::try_from(number).ok().filter(|status| (400..600).contains(status))
        });
        let codes = ["code", "type", "status"].iter().filter_map(|key| text(key)).collect();
        let theirs = Theirs { r#type: text("type"), code: text("code") };
        Self { message, codes, theirs, param: text("param"), status }
    }

    /// What an answer with this status means.
    #[must_use]
    pub fn with_status(self, status: u16) -> GatewayError {
        let kind = match status {
            401 | 403 => ErrorKind::UpstreamAuth,
            408 | 504 => ErrorKind::UpstreamTimeout,
            429 => ErrorKind::UpstreamRateLimited,
            503 | 529 => ErrorKind::UpstreamOverloaded,
            300..=399 => ErrorKind::UpstreamRedirect,
            400..=499 if status != 425 => self.refusal(),
            425 | 500..=599 => ErrorKind::UpstreamFailed,
            _ => ErrorKind::UpstreamProtocol,
        };
        self.error(kind, Some(status))
    }

    /// What an error in the middle of a stream, or under status 200, means.
    #[must_use]
    pub fn without_status(self) -> GatewayError {
        if let Some(status) = self.status {
            return self.with_status(status);
        }
        let says = |word: &str| self.codes.iter().any(|code| code.contains(word));
        let kind = if says("rate_limit") || says("quota") || says("too_many") {
            ErrorKind::UpstreamRateLimited
        } else if says("overloaded") || says("unavailable") {
            ErrorKind::UpstreamOverloaded
        } else if says("authentication") || says("permission") || says("api_key") {
            ErrorKind::UpstreamAuth
        } else if says("timeout") {
            ErrorKind::UpstreamTimeout
        } else if says("invalid") || says("context_length") || says("too_large") || says("not_found") {
            self.refusal()
        } else {
            ErrorKind::UpstreamFailed
        };
        self.error(kind, None)
    }

    /// The request is at fault; clients act on one case apart from the others.
    fn refusal(&self) -> ErrorKind {
        let too_long = self.codes.iter().any(|code| code == "context_length_exceeded")
            || self.message.as_deref().is_some_and(|m| m.starts_with("prompt is too long"));
        if too_long { ErrorKind::ContextLengthExceeded } else { ErrorKind::UpstreamRejected }
    }

    fn error(self, kind: ErrorKind, status: Option<u16>) -> GatewayError {
        let words = match kind {
            ErrorKind::UpstreamRejected | ErrorKind::ContextLengthExceeded => {
                let fallback = || "the backend refused the request and did not say why".to_owned();
                self.message.map_or_else(fallback, |message| shortened(&message))
            }
            ErrorKind::UpstreamAuth => "the backend refused the gateway's credential".to_owned(),
            ErrorKind::UpstreamRedirect => {
                "the backend answered with a redirect, which is never followed: correct its URL".to_owned()
            }
            _ => {
                let status = status.map_or_else(String::new, |status| format!(" with status {status}"));
                let what = match kind {
                    ErrorKind::UpstreamRateLimited => "turned the request down, since its rate limit is reached",
                    ErrorKind::UpstreamOverloaded => "is overloaded",
                    ErrorKind::UpstreamTimeout => "took too long",
                    _ => "failed",
                };
                let said = self.message.map_or_else(String::new, |message| format!(": {}", shortened(&message)));
                format!("the backend {what}{status}{said}")
            }
        };
        let mut error = GatewayError::new(kind, words).with_theirs(self.theirs);
        if let (ErrorKind::UpstreamRejected | ErrorKind::ContextLengthExceeded, Some(param)) = (kind, self.param) {
            error = error.with_param(param);
        }
        let keeps = |status: u16| kind == ErrorKind::UpstreamRejected || status == 529;
        match status.filter(|&status| keeps(status)) {
            Some(status) => error.with_status(status),
            None => error,
        }
    }
}

/// The error that an event or a whole answer of status 200 holds, if it holds one: `error` is its member of that
/// name, `name` the event's.
#[must_use]
pub(crate) fn in_stream(name: &str, error: Option<&RawValue>, data: &[u8]) -> Option<GatewayError> {
    let is_error = name == "error" || error.is_some_and(|raw| !matches!(raw.get(), "null" | "{}" | "\"\"" | "false"));
    is_error.then(|| Said::read(data).without_status())
}

/// A stream that its dialect does not allow; `what` goes on from "its stream".
pub(crate) fn broken(what: &str) -> GatewayError {
    GatewayError::new(ErrorKind::UpstreamProtocol, format!("the backend broke its dialect: its stream {what}"))
}

/// An answer to a request for a count that does not hold one.
pub(crate) fn no_count() -> GatewayError {
    GatewayError::new(ErrorKind::UpstreamProtocol, "the backend's answer holds no count of tokens")
}

/// Whether an error body is one of KServe's protocols: a message under `error`, and no object.
pub(crate) fn is_kserves(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|value| value["error"].is_string())
}

/// Messages are for humans; some backends put whole pages there.
pub(crate) fn shortened(message: &str) -> String {
    const MOST: usize = 2_000;
    match message.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}\u{2026}", &message[..end]),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_understood_in_all_their_shapes() {
        for (body, message, codes, status) in [
            (r#"{"error":{"message":"m","type":"t","param":"p","code":"c"}}"#, Some("m"), vec!["c", "t"], None),
            (
                r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#,
                Some("m"),
                vec!["overloaded_error"],
                None,
            ),
            (r#"{"error":{"code":429,"message":"m"},"user_id":"u"}"#, Some("m"), vec![], Some(429)),
            (r#"{"object":"error","message":"m","code":404}"#, Some("m"), vec![], Some(404)),
            (
                r#"[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]"#,
                Some("m"),
                vec!["INVALID_ARGUMENT"],
                Some(400),
            ),
            (r#"{"error":"m"}"#, Some("m"), vec![], None),
            (r#"{"detail":"m"}"#, Some("m"), vec![], None),
            (r#"{"detail":[{"msg":"x"}]}"#, Some(r#"[{"msg":"x"}]"#), vec![], None),
            ("<html>", None, vec![], None),
            ("{}", None, vec![], None),
        ] {
            let said = Said::read(body.as_bytes());
            assert_eq!((said.message.as_deref(), said.status), (message, status), "{body}");
            assert_eq!(said.codes, codes, "{body}");
        }
    }

    #[test]
    fn a_status_decides_whose_fault_it_is_and_whether_another_may_do_better() {
        for (status, kind, shown, retry) in [
            (400, ErrorKind::UpstreamRejected, 400, false),
            (404, ErrorKind::UpstreamRejected, 404, false),
            (422, ErrorKind::UpstreamRejected, 422, false),
            (401, ErrorKind::UpstreamAuth, 502, true),
            (403, ErrorKind::UpstreamAuth, 502, true),
            (307, ErrorKind::UpstreamRedirect, 502, true),
            (408, ErrorKind::UpstreamTimeout, 504, true),
            (425, ErrorKind::UpstreamFailed, 502, true),
            (429, ErrorKind::UpstreamRateLimited, 429, true),
            (500, ErrorKind::UpstreamFailed, 502, true),
            (503, ErrorKind::UpstreamOverloaded, 503, true),
            (529, ErrorKind::UpstreamOverloaded, 529, true),
            (204, ErrorKind::UpstreamProtocol, 502, true),
        ] {
            let error = Said::read(br#"{"error":{"message":"their words","param":"p"}}"#).with_status(status);
            assert_eq!((error.kind(), error.status(), error.kind().may_retry()), (kind, shown, retry), "{status}");
            assert_eq!(error.message().contains("their words"), !matches!(status, 401 | 403 | 307), "{status}");
        }
    }

    #[test]
    fn a_prompt_that_is_too_long_is_told_apart() {
        let openai = Said::read(br#"{"error":{"message":"m","code":"context_length_exceeded"}}"#).with_status(400);
        let anthropic = Said::read(br#"{"error":{"message":"prompt is too long: 9 > 8"}}"#).with_status(400);
        assert_eq!([openai.kind(), anthropic.kind()], [ErrorKind::ContextLengthExceeded; 2]);
    }
}
