//! Errors as gRPC tells them: HTTP status 200, and a status and a message of its own in the trailers, or in the headers
//! where nothing else is answered.

use super::{GatewayError, Rendered};
use crate::grpc::Status;

/// The answer that consists of trailers alone, which then are its headers.
pub(super) fn render(error: &GatewayError) -> Rendered {
    let Status { code, message, pushback } = Status::from(error);
    let mut headers = vec![
        ("content-type", "application/grpc".to_owned()),
        (crate::grpc::STATUS, code.number().to_string()),
        (crate::grpc::MESSAGE, crate::grpc::escaped(&message)),
    ];
    if let Some(after) = pushback {
        headers.push((crate::grpc::PUSHBACK, after.to_string()));
    }
    Rendered { status: 200, headers, body: Vec::new() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Dialect, ErrorKind, error};

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
}
