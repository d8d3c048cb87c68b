//! What went wrong on the way to the API server, as far as it matters what is done next.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

/// Longer messages are cut: they stand in logs and in the fleet's snapshot.
const LONGEST_MESSAGE: usize = 300;

/// Kinds of failure, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FailureKind {
    /// There is no connection: refused, no such host, TLS, a token that cannot be read.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// A watch without a byte for too long.
    Silent,
    /// A stream that broke off.
    Cut,
    /// 410: the resource version is too old, or the list has changed too much.
    Expired,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 404: the kind is not served.
    Absent,
    /// 429.
    Throttled,
    /// 5xx.
    Server,
    /// Another refusal.
    Refused,
    /// What came is not what was asked for, or too large.
    Malformed,
}

impl FailureKind {
    /// The name, as metrics have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Silent => "silent",
            Self::Cut => "cut",
            Self::Expired => "expired",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Absent => "absent",
            Self::Throttled => "throttled",
            Self::Server => "server",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
    /// When the server wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, message: impl fmt::Display) -> Self {
        let mut message = message.to_string();
        message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
        Self { kind, message, retry_after: None }
    }

    /// An error with all its causes.
    pub(crate) fn of_error(kind: FailureKind, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            let cause = error.to_string();
            if !message.ends_with(&cause) {
                message.push_str(": ");
                message.push_str(&cause);
            }
            source = error.source();
        }
        Self::new(kind, message)
    }

    /// An answer that is no success. A kind that is not served is told in plain text, everything else as a `Status`.
    pub(crate) fn of_answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut failure = match serde_json::from_slice::<Status>(body) {
            Ok(told) => Self::of_status(&Status { code: status.as_u16(), ..told }),
            Err(_) => {
                let text = String::from_utf8_lossy(&body[..body.len().min(LONGEST_MESSAGE)]);
                Self::new(kind_of_code(status.as_u16()), format_args!("{status}: {}", text.trim()))
            }
        };
        let seconds = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        failure.retry_after = seconds.map(Duration::from_secs).or(failure.retry_after);
        failure
    }

    /// What a `Status` says, that of an answer or that of an `ERROR` event.
    pub(crate) fn of_status(status: &Status) -> Self {
        let kind = match &*status.reason {
            "Expired" | "Gone" => FailureKind::Expired,
            _ => kind_of_code(status.code),
        };
        let message = if status.message.is_empty() { &status.reason } else { &status.message };
        let mut failure = Self::new(kind, message);
        failure.retry_after = status.details.retry_after_seconds.map(Duration::from_secs);
        failure
    }
}

/// The API server's `Status` object.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Status {
    message: String,
    reason: String,
    code: u16,
    details: Details,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Details {
    retry_after_seconds: Option<u64>,
}

fn kind_of_code(code: u16) -> FailureKind {
    match code {
        401 => FailureKind::Unauthorized,
        403 => FailureKind::Forbidden,
        404 => FailureKind::Absent,
        410 => FailureKind::Expired,
        429 => FailureKind::Throttled,
        500.. => FailureKind::Server,
        _ => FailureKind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_when_to_come_back() {
        let body = br#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"storage is (re)initializing",
            "reason":"TooManyRequests","details":{"retryAfterSeconds":1},"code":429}"#;
        let failure = Failure::of_answer(StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new(), body);
        assert_eq!(failure.kind, FailureKind::Throttled);
        assert_eq!(failure.retry_after, Some(Duration::from_secs(1)));
        assert_eq!(failure.message, "storage is (re)initializing");
    }

    #[test]
    fn plain_text_and_nonsense_are_told_as_they_are() {
        let failure = Failure::of_answer(StatusCode::NOT_FOUND, &HeaderMap::new(), b"404 page not found\n");
        assert_eq!(failure.to_string(), "absent: 404 Not Found: 404 page not found");
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, "7".parse().unwrap())]);
        let failure = Failure::of_answer(StatusCode::BAD_GATEWAY, &headers, "<html>ü".repeat(1_000).as_bytes());
        assert_eq!((failure.kind, failure.retry_after), (FailureKind::Server, Some(Duration::from_secs(7))));
        assert!(failure.message.len() <= LONGEST_MESSAGE);
        let failure = Failure::of_answer(StatusCode::IM_A_TEAPOT, &HeaderMap::new(), br#"{"code":"x","details":null}"#);
        assert_eq!(failure.kind, FailureKind::Refused);
    }
}
