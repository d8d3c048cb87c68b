//! The way in.

use http::{HeaderMap, HeaderName};
use weir_core::header;

use crate::kept::{Headers, append, remove_internal};

/// The header in which a foreign part carries the token. It hands it on as it is, with the request that it belongs to.
pub const TOKEN: &str = "x-weir-deposit";

/// The internal headers of a request that a foreign part may read. What it writes in them goes no further.
pub const READABLE: [&str; 2] = [header::PRINCIPAL, header::REQUEST];

/// Takes the internal headers out of a request on its way to a foreign part, and leaves a copy of the [`READABLE`] ones.
pub fn deposit(headers: &mut HeaderMap) -> Headers {
    let kept = remove_internal(headers);
    append(headers, kept.iter().filter(|(name, _)| READABLE.contains(&name.as_str())).cloned().collect());
    kept
}

/// The token that a request from a foreign part bears; `None` where there is none, or more than one.
#[must_use]
pub fn token(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(HeaderName::from_static(TOKEN)).iter();
    let (Some(token), None) = (values.next(), values.next()) else { return None };
    token.to_str().ok().map(str::to_owned)
}

/// Restores the internal headers of a request that comes from a foreign part. What the foreign part says is treated as
/// what comes from outside: every header that must not come from there is dropped first.
pub fn restore_request(headers: &mut HeaderMap, kept: Headers) {
    header::strip_from_outside(headers);
    append(headers, kept);
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(entries: &[(&'static str, &'static str)]) -> HeaderMap {
        entries.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn a_foreign_part_sees_who_calls_and_no_more() {
        let mut seen = headers(&[
            ("x-weir-principal", "p"),
            ("x-weir-request", "r"),
            ("x-weir-plan", "secret"),
            ("x-weir-reservation", "secret"),
            ("accept", "*/*"),
        ]);
        let kept = deposit(&mut seen);
        assert_eq!(kept.len(), 4);
        assert_eq!(seen, headers(&[("x-weir-principal", "p"), ("x-weir-request", "r"), ("accept", "*/*")]));
    }

    #[test]
    fn what_a_foreign_part_adds_is_as_if_it_came_from_outside() {
        let mut forged = headers(&[
            ("x-weir-principal", "forged"),
            ("x-weir-backend", "forged"),
            ("x-weir-deposit", "0"),
            ("x-forwarded-for", "127.0.0.1"),
            ("spin-client-addr", "127.0.0.1"),
            ("x-mine", "kept"),
        ]);
        restore_request(&mut forged, vec![("x-weir-principal".into(), b"true".to_vec())]);
        assert_eq!(forged, headers(&[("x-mine", "kept"), ("x-weir-principal", "true")]));
    }

    #[test]
    fn a_token_stands_alone() {
        assert_eq!(token(&HeaderMap::new()), None);
        let mut headers = headers(&[(TOKEN, "a")]);
        assert_eq!(token(&headers), Some("a".to_owned()));
        headers.append(TOKEN, HeaderValue::from_static("b"));
        assert_eq!(token(&headers), None);
    }

    proptest! {
        /// Whatever a foreign part does to the headers, the internal ones come out as they went in.
        #[test]
        fn internal_headers_pass_a_foreign_part_unchanged(
            true_ones in proptest::collection::vec(("x-weir-[a-z]{1,6}", "[ -~]{0,12}"), 0..8),
            forged in proptest::collection::vec(("x-weir-[a-z]{1,6}", "[ -~]{0,12}"), 0..8),
            dropped in any::<bool>(),
        ) {
            let mut request = HeaderMap::new();
            append(&mut request, true_ones.iter().map(|(n, v)| (n.clone(), v.clone().into_bytes())).collect());
            let before = request.clone();
            let kept = deposit(&mut request);
            if dropped {
                request.clear();
            }
            append(&mut request, forged.iter().map(|(n, v)| (n.clone(), v.clone().into_bytes())).collect());
            restore_request(&mut request, kept);
            prop_assert_eq!(request, before);
        }
    }
}
