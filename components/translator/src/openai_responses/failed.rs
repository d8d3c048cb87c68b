//! The event that tells of an error in the midst of a stream.

use serde_json::json;
use weir_core::GatewayError;

/// The event, numbered. It is what OpenAI's reference has, and holds besides, as OpenAI's own streams do, an object
/// `error`: by that its SDKs know that they are to raise one.
pub(super) fn failed(error: &GatewayError, sequence_number: u64) -> Vec<u8> {
    let (code, message, param) = (error.kind().code(), error.message(), error.param());
    let data = json!({
        "type": "error",
        "sequence_number": sequence_number,
        "code": code,
        "message": message,
        "param": param,
        "error": {"type": error_type(error), "code": code, "message": message, "param": param},
    });
    format!("event: error\ndata: {data}\n\n").into_bytes()
}

/// The `type` of OpenAI's error object: <https://platform.openai.com/docs/guides/error-codes>.
fn error_type(error: &GatewayError) -> &'static str {
    match error.status() {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    }
}
