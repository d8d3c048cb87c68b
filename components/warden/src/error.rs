//! What a warden answers where it lets nothing through.

use http::{HeaderMap, Method};
use weir_core::{Dialect, ErrorKind, GatewayError, RequestView};

/// The dialect in which whoever sent this request expects answers.
#[must_use]
pub fn dialect(method: &Method, target: &str, headers: &HeaderMap) -> Dialect {
    let anthropic = headers.contains_key("anthropic-version");
    RequestView::parse(method, target, anthropic).map_or_else(|(dialect, _)| dialect, |view| view.dialect)
}

/// A foreign part called on without a token, or with one that is spent.
#[must_use]
pub fn no_deposit() -> GatewayError {
    GatewayError::new(
        ErrorKind::Misconfigured,
        "the gateway is misconfigured; its operator finds the reason in its log",
    )
}

/// The vault is full.
#[must_use]
pub fn no_room() -> GatewayError {
    GatewayError::new(ErrorKind::Overloaded, "the gateway has no room for the request right now; try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_in_the_callers_dialect() {
        let dialect = |target| dialect(&Method::POST, target, &HeaderMap::new());
        assert_eq!(dialect("/v1/messages"), Dialect::AnthropicMessages);
        assert_eq!(dialect("/v1/chat/completions"), Dialect::OpenaiChat);
        assert_eq!(dialect("/v1/responses/../x"), Dialect::OpenaiResponses);
        assert_eq!(no_deposit().kind().status(), 500);
        assert_eq!(no_room().kind().status(), 503);
    }
}
