//! Which calls a part may make.

/// Whether a call to this scheme and authority goes to one of the `granted` origins. Those are written as
/// `weir_core::Origin` writes them: in lower case, a default port left out.
///
/// A call that does not say where it goes is not granted, whatever the runtime would make of it; neither is one with a
/// user in its authority.
#[must_use]
pub fn is_granted(granted: &[String], scheme: Option<&str>, authority: Option<&str>) -> bool {
    let (Some(scheme), Some(authority)) = (scheme, authority) else {
        return false;
    };
    let (scheme, authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
    let default_port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return false,
    };
    let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
    granted
        .iter()
        .any(|origin| origin.strip_prefix(&scheme).and_then(|rest| rest.strip_prefix("://")) == Some(authority))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_origins_that_are_granted_are() {
        let granted = ["https://opa.example.com", "http://127.0.0.1:8181", "https://[::1]"].map(str::to_owned);
        let is = |scheme, authority| is_granted(&granted, Some(scheme), Some(authority));
        for (scheme, authority) in [
            ("https", "opa.example.com"),
            ("HTTPS", "Opa.Example.Com"),
            ("https", "opa.example.com:443"),
            ("http", "127.0.0.1:8181"),
            ("https", "[::1]:443"),
        ] {
            assert!(is(scheme, authority), "{scheme}://{authority}");
        }
        for (scheme, authority) in [
            ("http", "opa.example.com"),
            ("https", "opa.example.com:80"),
            ("https", "opa.example.com:8443"),
            ("https", "opa.example.com."),
            ("https", "opa.example.com:0443"),
            ("https", "user@opa.example.com"),
            ("https", "opa.example.com@evil.example"),
            ("https", "opa.example.com.evil.example"),
            ("https", "evil.example/opa.example.com"),
            ("https", ""),
            ("", "opa.example.com"),
            ("file", "opa.example.com"),
            ("http", "127.0.0.1"),
            ("http", "2130706433:8181"),
        ] {
            assert!(!is(scheme, authority), "{scheme}://{authority}");
        }
    }

    #[test]
    fn nothing_is_granted_by_leaving_it_out() {
        let granted = ["https://opa.example.com".to_owned()];
        assert!(!is_granted(&granted, None, Some("opa.example.com")));
        assert!(!is_granted(&granted, Some("https"), None));
        assert!(!is_granted(&[], Some("https"), Some("opa.example.com")));
    }
}
