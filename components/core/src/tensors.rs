//! The binary extension of V2: JSON first, then the tensors' own bytes, with a header that says where the one ends and
//! the other begins
//! (<https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md>).

use http::HeaderMap;

use crate::header::INFERENCE_LENGTH;
use crate::{Endpoint, ErrorKind, GatewayError};

/// Whether tensors stand behind the JSON of a request's body.
#[must_use]
pub fn are_behind(endpoint: &Endpoint, headers: &HeaderMap) -> bool {
    *endpoint == Endpoint::Infer && headers.contains_key(INFERENCE_LENGTH)
}

/// The part of a body that is JSON: all of it, unless tensors are behind it.
///
/// # Errors
/// `InvalidRequest` that points at the header, where it is no length of a part of this body.
pub fn json_of<'b>(endpoint: &Endpoint, headers: &HeaderMap, body: &'b [u8]) -> Result<&'b [u8], GatewayError> {
    if !are_behind(endpoint, headers) {
        return Ok(body);
    }
    let mut lengths = headers.get_all(INFERENCE_LENGTH).iter();
    let (first, second) = (lengths.next(), lengths.next());
    let text = first.filter(|_| second.is_none()).and_then(|value| value.to_str().ok());
    // Digits alone: `+1` would parse, too, and others might read it otherwise.
    let digits = text.filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    let length: usize =
        digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| wrong("must be one whole number"))?;
    body.get(..length).ok_or_else(|| wrong("is more than the body's length"))
}

fn wrong(what: &str) -> GatewayError {
    GatewayError::new(ErrorKind::InvalidRequest, format!("`{INFERENCE_LENGTH}` {what}")).with_param(INFERENCE_LENGTH)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn split(lengths: &[&'static str], body: &[u8]) -> Option<usize> {
        let mut headers = HeaderMap::new();
        for length in lengths {
            headers.append(HeaderName::from_static(INFERENCE_LENGTH), HeaderValue::from_static(length));
        }
        json_of(&Endpoint::Infer, &headers, body).ok().map(<[u8]>::len)
    }

    #[test]
    fn the_header_says_where_the_json_ends() {
        let body = b"{\"a\":1}\x00\x01";
        assert_eq!(split(&[], body), Some(9));
        assert_eq!(split(&["7"], body), Some(7));
        assert_eq!(split(&["9"], body), Some(9));
        assert_eq!(split(&["0"], body), Some(0));
        for wrong in ["10", "-1", "+7", "7.0", "", " 7", "0x7", "seven", "18446744073709551616"] {
            assert_eq!(split(&[wrong], body), None, "{wrong}");
        }
        assert_eq!(split(&["7", "7"], body), None);
    }
}
