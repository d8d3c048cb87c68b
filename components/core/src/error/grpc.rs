//! Errors as gRPC tells them: HTTP status 200, and a status and a message of its own in the trailers, or in the headers
//! where nothing else is answered (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>).

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::render::message_with_param;
use super::{ErrorKind, GatewayError, Rendered};

/// What is escaped in `grpc-message`: all but printable ASCII, and `%`.
const MESSAGE: AsciiSet = CONTROLS.add(b'%');

/// A gRPC status, as it stands in `grpc-status` and `grpc-message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcStatus {
    /// The code (<https://grpc.io/docs/guides/status-codes/>).
    pub code: u8,
    /// The message, percent-encoded.
    pub message: String,
}

/// The status for a call that ends in `error`.
#[must_use]
pub fn grpc_status(error: &GatewayError) -> GrpcStatus {
    GrpcStatus { code: code(error), message: utf8_percent_encode(&message_with_param(error), &MESSAGE).to_string() }
}

/// The answer that consists of trailers alone, which then are its headers.
pub(super) fn render(error: &GatewayError) -> Rendered {
    let GrpcStatus { code, message } = grpc_status(error);
    let mut headers = vec![
        ("content-type", "application/grpc".to_owned()),
        ("grpc-status", code.to_string()),
        ("grpc-message", message),
    ];
    if let Some(after) = error.retry_after() {
        // What clients' retry policies look for (<https://github.com/grpc/proposal/blob/master/A6-client-retries.md>).
        headers.push(("grpc-retry-pushback-ms", after.as_millis().to_string()));
    }
    Rendered { status: 200, headers, body: Vec::new() }
}

/// The code that says best what a status of HTTP says.
fn code(error: &GatewayError) -> u8 {
    const CANCELLED: u8 = 1;
    const INVALID_ARGUMENT: u8 = 3;
    const DEADLINE_EXCEEDED: u8 = 4;
    const NOT_FOUND: u8 = 5;
    const PERMISSION_DENIED: u8 = 7;
    const RESOURCE_EXHAUSTED: u8 = 8;
    const UNIMPLEMENTED: u8 = 12;
    const INTERNAL: u8 = 13;
    const UNAVAILABLE: u8 = 14;
    const UNAUTHENTICATED: u8 = 16;
    match (error.kind(), error.status()) {
        (ErrorKind::PathNotFound | ErrorKind::MethodNotAllowed, _) | (_, 501) => UNIMPLEMENTED,
        (_, 401) => UNAUTHENTICATED,
        (_, 403) => PERMISSION_DENIED,
        (_, 404) => NOT_FOUND,
        (_, 408 | 504) => DEADLINE_EXCEEDED,
        (_, 413 | 429 | 431) => RESOURCE_EXHAUSTED,
        (_, 499) => CANCELLED,
        (_, 400..=499) => INVALID_ARGUMENT,
        (_, 502 | 503) => UNAVAILABLE,
        _ => INTERNAL,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Dialect, error};

    #[test]
    fn an_error_is_trailers_alone() {
        let refused = GatewayError::new(ErrorKind::RateLimited, "50% is\nenough, é")
            .with_retry_after(Duration::from_millis(1500));
        let answer = error::render(Dialect::KserveGrpc, &refused);
        assert_eq!((answer.status, answer.body), (200, Vec::new()));
        let headers: Vec<_> = answer.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(
            headers,
            [
                ("content-type", "application/grpc"),
                ("grpc-status", "8"),
                ("grpc-message", "50%25 is%0Aenough, %C3%A9"),
                ("grpc-retry-pushback-ms", "1500"),
            ]
        );
    }

    #[test]
    fn every_kind_has_a_code() {
        for (kind, expected) in [
            (ErrorKind::InvalidRequest, 3),
            (ErrorKind::MissingKey, 16),
            (ErrorKind::ModelNotAllowed, 7),
            (ErrorKind::ModelNotFound, 5),
            (ErrorKind::PathNotFound, 12),
            (ErrorKind::BodyTooLarge, 8),
            (ErrorKind::ClientGone, 1),
            (ErrorKind::Internal, 13),
            (ErrorKind::BackendsUnavailable, 14),
            (ErrorKind::UpstreamTimeout, 4),
        ] {
            assert_eq!(grpc_status(&GatewayError::new(kind, "m")).code, expected, "{kind:?}");
        }
        for &kind in ErrorKind::ALL {
            let status = grpc_status(&GatewayError::new(kind, "m"));
            assert!((1..=16).contains(&status.code) && status.message == "m", "{kind:?}");
        }
    }
}
