//! `count_tokens`: how many tokens a request would have.

use serde_json::json;
use weir_core::json::Object;
use weir_core::{GatewayError, Tokens};

use crate::canonical::Request;

/// Reads a request of which the tokens are to be counted: as one for an answer, but that it need not say how long that
/// may be.
///
/// # Errors
/// Those of [`decode_request`](super::decode_request).
pub fn decode_count_request(body: &Object) -> Result<Request, GatewayError> {
    super::request::read(body)
}

/// Writes the answer.
#[must_use]
pub fn encode_count(tokens: Tokens) -> Vec<u8> {
    json!({"input_tokens": tokens.0}).to_string().into_bytes()
}
