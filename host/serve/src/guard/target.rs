//! Whom a request is for: checked once, so that no two parts of a gateway can differ about it.

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, Method, Uri, Version, request};

use super::Refusal;

/// Checks the target's form, `Host` and `:authority` of a parsed request, of either HTTP version.
///
/// What passes has exactly one host (none only in HTTP/1.0), made of letters, digits, `-`, `.`, `_`,
/// `~` or an IPv6 literal, with an optional port; without user information; and the same in `Host` as
/// in the target where both have it.
///
/// # Errors
/// [`Refusal::Malformed`] with the reason, [`Refusal::Method`] for `CONNECT`.
pub fn check_target(parts: &request::Parts) -> Result<(), Refusal> {
    if parts.method == Method::CONNECT {
        return Err(Refusal::Method);
    }
    check_form(&parts.uri, &parts.method)?;
    let host = one_host(&parts.headers)?;
    match (parts.uri.authority(), host) {
        (None, None) if parts.version == Version::HTTP_10 => Ok(()),
        (None, None) => Err(Refusal::Malformed("no Host")),
        (None, Some(host)) => check_authority(host),
        (Some(authority), None) if parts.version == Version::HTTP_2 => check_authority(authority.as_str()),
        (Some(_), None) => Err(Refusal::Malformed("no Host")),
        (Some(authority), Some(host)) => {
            check_authority(authority.as_str())?;
            check_authority(host)?;
            same(authority, host, &parts.uri)
        }
    }
}

fn check_form(uri: &Uri, method: &Method) -> Result<(), Refusal> {
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    match (uri.scheme(), uri.authority()) {
        (None, None) if uri.path() == "*" && method == Method::OPTIONS => Ok(()),
        (None, None) if uri.path().starts_with('/') => Ok(()),
        (Some(_), Some(_)) if known && (uri.path().starts_with('/') || uri.path() == "*") => Ok(()),
        _ => Err(Refusal::Malformed("the request target has an unknown form")),
    }
}

fn one_host(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut all = headers.get_all(HOST).iter();
    let first = all.next();
    if all.next().is_some() {
        return Err(Refusal::Malformed("more than one Host"));
    }
    first.map(|value| value.to_str().map_err(|_| Refusal::Malformed("Host is not text"))).transpose()
}

fn check_authority(text: &str) -> Result<(), Refusal> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (inner, after) = rest.split_once(']').ok_or(Refusal::Malformed("Host is not a host"))?;
        if inner.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(Refusal::Malformed("Host is not a host"));
        }
        // What is inside was checked; what follows can only be a port.
        (None, if after.is_empty() { None } else { Some(after.strip_prefix(':').unwrap_or("?")) })
    } else {
        let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
        (Some(host), port)
    };
    let good_host = host
        .is_none_or(|host| !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)));
    let good_port = port.is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok());
    if good_host && good_port { Ok(()) } else { Err(Refusal::Malformed("Host is not a host")) }
}

fn same(authority: &Authority, host: &str, uri: &Uri) -> Result<(), Refusal> {
    let default = if uri.scheme_str() == Some("https") { ":443" } else { ":80" };
    let short = |text: &str| text.strip_suffix(default).unwrap_or(text).to_ascii_lowercase();
    if short(authority.as_str()) == short(host) {
        Ok(())
    } else {
        Err(Refusal::Malformed("Host differs from the request target"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w8_authorities() {
        for good in ["a", "a.b-c_d", "127.0.0.1:3000", "[::1]", "[::1]:80", "A.example:65535"] {
            assert_eq!(check_authority(good), Ok(()), "{good}");
        }
        for bad in [
            "", ":80", "a:", "a:x", "a:65536", "a:1:2", "a/b", "a?x", "a#x", "u@h", "a b", "[::1", "[::1]x", "[::1]:",
            "[zz]", "a,b", "a%2eb", "a\\b", "a:+1",
        ] {
            assert!(check_authority(bad).is_err(), "{bad}");
        }
    }
}
