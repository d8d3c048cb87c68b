//! Errors.

use http::HeaderMap;
use weir_core::UnixMillis;
use weir_core::error::render;
use weir_translator::attempt::refusal;
use weir_translator::fuzz::DIALECTS;

use crate::load::exchanges;

#[test]
fn keep_their_status_and_words_in_every_dialect() {
    for exchange in exchanges().into_iter().filter(|exchange| exchange.status >= 400) {
        // Some came under a content type of their own, and were recorded as text.
        let response = &exchange.response;
        let body = response.as_str().map_or_else(|| response.to_string(), str::to_owned).into_bytes();
        let response: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let (error, failure) = refusal(exchange.status, &HeaderMap::new(), &body, false, &[], UnixMillis(0));
        let words = response["error"]["message"].as_str().unwrap();
        assert!(error.message().contains(words), "{}: {error}", exchange.name);
        assert_eq!(error.status(), exchange.status, "{}", exchange.name);
        assert_eq!(failure.retry, exchange.status == 429, "{}", exchange.name);
        for client in DIALECTS {
            let rendered = render(client, &error);
            let told: serde_json::Value = serde_json::from_slice(&rendered.body).unwrap();
            assert_eq!(rendered.status, exchange.status, "{}", exchange.name);
            let told = told["error"]["message"].as_str().unwrap();
            assert!(told.contains(words), "{}: {told}", exchange.name);
        }
    }
}
