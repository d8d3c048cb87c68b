//! The answer to `POST /responses/input_tokens`.

use serde_json::json;
use weir_core::Tokens;

/// Writes how many tokens a request's input has.
#[must_use]
pub fn encode_count(tokens: Tokens) -> Vec<u8> {
    json!({"object": "response.input_tokens", "input_tokens": tokens.0}).to_string().into_bytes()
}
