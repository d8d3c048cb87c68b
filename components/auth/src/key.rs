//! The key that a caller shows.

use http::HeaderMap;
use weir_core::config::KeyHash;
use weir_core::{ErrorKind, GatewayError, RequestView, Secret, header};

/// The longest key that is looked at, in bytes.
pub const MAX_KEY_BYTES: usize = 512;

/// A key that a caller showed: visible ASCII, neither empty nor overlong. What is not is refused before anything is
/// hashed or looked up, so that no store ever sees it.
pub struct PresentedKey(Secret<String>);

impl PresentedKey {
    /// Finds the caller's key in every place where one may stand: `Authorization: Bearer`, the headers of
    /// [`header::KEYS`], and `?key=`. The same key may stand in several.
    ///
    /// # Errors
    /// `MissingKey` where there is none; `InvalidKey` where one is malformed, or where two different ones are shown:
    /// which of them counts would be a guess.
    pub fn find(headers: &HeaderMap, view: &RequestView) -> Result<Self, GatewayError> {
        let mut found: Option<Self> = None;
        let in_query = view.query_key().map(|key| Ok(("`?key=`", key.expose().as_bytes())));
        for shown in in_headers(headers).chain(in_query) {
            let (place, bytes) = shown?;
            let key = Self::read(place, bytes)?;
            match &found {
                Some(first) if first.0.expose() != key.0.expose() => return Err(ambiguous()),
                _ => found = Some(key),
            }
        }
        found.ok_or_else(missing)
    }

    /// The hash under which the key is known.
    #[must_use]
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(self.0.expose())
    }

    fn read(place: &str, bytes: &[u8]) -> Result<Self, GatewayError> {
        let fault = if bytes.is_empty() {
            "is empty"
        } else if bytes.len() > MAX_KEY_BYTES {
            "is longer than any key can be"
        } else if !bytes.iter().all(u8::is_ascii_graphic) {
            "holds a character that no key has, such as a space or a line break"
        } else {
            let text = bytes.iter().map(|byte| char::from(*byte)).collect();
            return Ok(Self(Secret::new(text)));
        };
        Err(GatewayError::new(ErrorKind::InvalidKey, format!("the key in {place} {fault}")))
    }
}

/// What stands in each header that may hold a key.
fn in_headers(headers: &HeaderMap) -> impl Iterator<Item = Result<(&'static str, &[u8]), GatewayError>> {
    header::KEYS.into_iter().flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value))).map(
        |(name, value)| {
            if name == "authorization" { Ok((name, bearer(value.as_bytes())?)) } else { Ok((name, value.as_bytes())) }
        },
    )
}

/// The token of `Bearer <token>` (RFC 6750, section 2.1; the scheme's case does not matter).
fn bearer(value: &[u8]) -> Result<&[u8], GatewayError> {
    const SCHEME: usize = "bearer".len();
    match value.split_at_checked(SCHEME) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer") && token.first() == Some(&b' ') => {
            Ok(token.trim_ascii())
        }
        Some((scheme, b"")) if scheme.eq_ignore_ascii_case(b"bearer") => Ok(b""),
        _ => Err(GatewayError::new(ErrorKind::InvalidKey, "`authorization` must be `Bearer` and the key")),
    }
}

fn missing() -> GatewayError {
    GatewayError::new(
        ErrorKind::MissingKey,
        "no key came with the request; send it as `authorization: Bearer <key>` or `x-api-key: <key>`",
    )
}

fn ambiguous() -> GatewayError {
    GatewayError::new(
        ErrorKind::InvalidKey,
        "two different keys came with the request; send one, in one place (an SDK may add one from its environment)",
    )
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue, Method};

    use super::*;

    fn find(target: &str, headers: &[(&str, &[u8])]) -> Result<String, GatewayError> {
        let view = RequestView::parse(&Method::POST, target, false).ok().unwrap();
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value).unwrap()))
            .collect();
        PresentedKey::find(&headers, &view).map(|key| key.0.expose().clone())
    }

    const PATH: &str = "/v1/chat/completions";

    /// A target, and headers.
    type Request<'a> = (&'a str, &'a [(&'a str, &'a [u8])]);

    #[test]
    fn a_key_is_found_wherever_sdks_put_it() {
        let cases: [Request<'_>; 8] = [
            (PATH, &[("authorization", b"Bearer k-1")]),
            (PATH, &[("authorization", b"bearer   k-1 ")]),
            (PATH, &[("x-api-key", b"k-1")]),
            (PATH, &[("api-key", b"k-1")]),
            (PATH, &[("x-goog-api-key", b"k-1")]),
            ("/v1/chat/completions?key=k-1", &[]),
            ("/v1/chat/completions?key=k%2D1", &[]),
            (PATH, &[("authorization", b"Bearer k-1"), ("x-api-key", b"k-1")]),
        ];
        for (target, headers) in cases {
            assert_eq!(find(target, headers).as_deref(), Ok("k-1"), "{target} {headers:?}");
        }
    }

    #[test]
    fn two_different_keys_are_refused() {
        let cases: [Request<'_>; 3] = [
            (PATH, &[("authorization", b"Bearer k-1"), ("x-api-key", b"k-2")]),
            (PATH, &[("x-api-key", b"k-1"), ("x-api-key", b"k-2")]),
            ("/v1/chat/completions?key=k-2", &[("authorization", b"Bearer k-1")]),
        ];
        for (target, headers) in cases {
            let error = find(target, headers).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidKey);
            assert!(error.message().contains("two different keys"), "{error}");
        }
    }

    #[test]
    fn u5_malformed_keys_are_refused_before_any_lookup() {
        let long = "k".repeat(MAX_KEY_BYTES + 1);
        let cases: [Request<'_>; 9] = [
            (PATH, &[("x-api-key", b"")]),
            (PATH, &[("x-api-key", b"a b")]),
            (PATH, &[("x-api-key", b"a\tb")]),
            (PATH, &[("x-api-key", b"cl\xc3\xa9")]),
            (PATH, &[("x-api-key", long.as_bytes())]),
            (PATH, &[("authorization", b"Bearer")]),
            (PATH, &[("authorization", b"Basic dTpw")]),
            (PATH, &[("authorization", b"Bearerk-1")]),
            ("/v1/chat/completions?key=a%0d%0ab", &[]),
        ];
        for (target, headers) in cases {
            assert_eq!(find(target, headers).unwrap_err().kind(), ErrorKind::InvalidKey, "{target} {headers:?}");
        }
        assert_eq!(find(PATH, &[]).unwrap_err().kind(), ErrorKind::MissingKey);
    }

    #[test]
    fn h1_no_error_repeats_the_key() {
        for headers in [&[("x-api-key", &b"canary 1"[..])][..], &[("authorization", b"canary-1")]] {
            assert!(!find(PATH, headers).unwrap_err().to_string().contains("canary"));
        }
    }
}
