//! Counting a prompt's tokens: `POST /responses/input_tokens`
//! (<https://platform.openai.com/docs/api-reference/responses/input-tokens>).

use serde::Deserialize;
use serde_json::Map;
use serde_json::value::RawValue;
use weir_core::{ErrorKind, GatewayError, Tokens};

use super::super::tap::not_ours;
use super::request::counted;
use crate::canonical::Request;
use crate::codec::Target;
use crate::openai_chat::count;
use crate::said;
use crate::unsupported::Unsupported;

/// Writes the request that counts the tokens of `request`'s prompt: what says how the answer is made is no part of it.
///
/// # Errors
/// `Unsupported`, naming the field, for what of the prompt responses cannot have, unless it is to be dropped.
pub fn encode_count_request(
    request: Request,
    target: &Target<'_>,
    unsupported: &mut Unsupported,
) -> Result<Vec<u8>, GatewayError> {
    for field in &request.unplaced {
        unsupported.field(&field.path, field.mend)?;
    }
    counted(request, target, Map::new(), unsupported)
}

/// Reads the count.
///
/// # Errors
/// `UpstreamProtocol` when it is none; the backend's own error where it answers one under status 200.
pub fn decode_count(body: &[u8]) -> Result<Tokens, GatewayError> {
    let counted: Counted<'_> = serde_json::from_slice(body).map_err(|fault| not_ours(&fault))?;
    if let Some(error) = said::in_stream("", counted.error, body) {
        return Err(error);
    }
    let none = || GatewayError::new(ErrorKind::UpstreamProtocol, "the backend's count of tokens holds none");
    count(counted.input_tokens).ok_or_else(none)
}

#[derive(Deserialize)]
struct Counted<'a> {
    #[serde(default)]
    input_tokens: Option<i64>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}
