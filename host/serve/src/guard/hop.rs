//! Headers that belong to one connection and must not travel further.

use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, TE};

/// Those of RFC 9110, section 7.6.1, and their unofficial kin. `te: trailers` is kept: it says
/// something about the requester, and gRPC needs it.
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-authenticate"),
    HeaderName::from_static("proxy-authorization"),
    HeaderName::from_static("proxy-connection"),
    http::header::TRANSFER_ENCODING,
    http::header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// Removes all hop-by-hop headers, those named by `Connection` included.
///
/// `host` and `content-length` stay, whatever `Connection` names: they are not for a peer to remove.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    for name in named_by_connection(headers) {
        if name != http::header::HOST && name != http::header::CONTENT_LENGTH && name != TE {
            headers.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    if headers.contains_key(TE) && headers.get_all(TE).iter().any(|value| value != "trailers") {
        headers.remove(TE);
    }
}

/// As [`strip_hop_by_hop`], but a wish to close the connection stays: hyper fulfils it.
pub(crate) fn strip_keeping_close(headers: &mut HeaderMap) {
    let close = headers.get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
    strip_hop_by_hop(headers);
    if close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .filter_map(|word| HeaderName::from_bytes(word.trim_ascii()).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w12_named_and_fixed_headers_go() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Internal-Auth"),
            ("connection", "host, content-length"),
            ("x-internal-auth", "root"),
            ("host", "a"),
            ("content-length", "3"),
            ("keep-alive", "1"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAA"),
            ("te", "trailers"),
            ("x-kept", "1"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        strip_hop_by_hop(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "host", "te", "x-kept"]);
    }

    #[test]
    fn w12_te_goes_unless_it_is_trailers() {
        let mut headers = HeaderMap::new();
        headers.insert(TE, HeaderValue::from_static("gzip, trailers"));
        strip_hop_by_hop(&mut headers);
        assert!(headers.is_empty());
    }
}
