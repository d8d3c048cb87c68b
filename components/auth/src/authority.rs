//! The host that a request names. A request that names it in two ways, or in a way that two readers could take
//! apart differently, is refused: what is decided here and what is done further in must be about the same request.

/// Why the host that a request names is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityFault {
    /// It is named and empty.
    #[error("the request names an empty host")]
    Empty,
    /// It is named twice.
    #[error("the request names its host twice")]
    Repeated,
    /// `Host` and the request's target name different hosts.
    #[error("`Host` and the request's target name different hosts")]
    Mismatch,
    /// It is not `host` or `host:port` (RFC 9110, section 4.2.3: no user information).
    #[error("the request's host is not `host` or `host:port`")]
    Malformed,
}

/// Checks the host that a request names: `authority` is that of its target (`:authority` in HTTP/2), `hosts` the
/// values of its `Host` headers. A runtime may have taken either away; whether one had to be there is the runtime's
/// to check.
///
/// # Errors
/// [`AuthorityFault`].
pub fn check<'a>(authority: Option<&str>, hosts: impl IntoIterator<Item = &'a [u8]>) -> Result<(), AuthorityFault> {
    let mut hosts = hosts.into_iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(AuthorityFault::Repeated);
    }
    let authority = authority.map(str::as_bytes);
    for named in [authority, host].into_iter().flatten() {
        check_syntax(named)?;
    }
    match (authority, host) {
        (Some(one), Some(other)) if !one.eq_ignore_ascii_case(other) => Err(AuthorityFault::Mismatch),
        _ => Ok(()),
    }
}

fn check_syntax(named: &[u8]) -> Result<(), AuthorityFault> {
    if named.is_empty() {
        return Err(AuthorityFault::Empty);
    }
    let (host, port) = match named.strip_prefix(b"[") {
        Some(rest) => {
            let end = rest.iter().position(|b| *b == b']').ok_or(AuthorityFault::Malformed)?;
            let (address, after) = (&rest[..end], &rest[end + 1..]);
            let is_address = !address.is_empty() && address.iter().all(|b| b.is_ascii_hexdigit() || b":.".contains(b));
            let port = if after.is_empty() { None } else { Some(after.strip_prefix(b":").unwrap_or(b"?")) };
            (is_address, port)
        }
        None => {
            let mut halves = named.splitn(2, |b| *b == b':');
            let name = halves.next().unwrap_or_default();
            (!name.is_empty() && name.iter().all(|b| is_name_byte(*b)), halves.next())
        }
    };
    let port_fits = port.is_none_or(|port| (1..=5).contains(&port.len()) && port.iter().all(u8::is_ascii_digit));
    if host && port_fits { Ok(()) } else { Err(AuthorityFault::Malformed) }
}

/// Of RFC 3986's `reg-name`, what names of hosts are made of in practice; no escapes, no sub-delimiters.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The target's authority, the `Host` headers, and what is to come of them.
    type Case = (Option<&'static str>, &'static [&'static str], Result<(), AuthorityFault>);

    #[test]
    fn w8_a_host_that_reads_in_two_ways_is_refused() {
        use AuthorityFault::*;
        let cases: [Case; 26] = [
            (None, &["a"], Ok(())),
            (None, &["a.example:8080"], Ok(())),
            (None, &["[::1]:3000"], Ok(())),
            (None, &["[::1]"], Ok(())),
            (None, &["127.0.0.1:3000"], Ok(())),
            (Some("a"), &[], Ok(())),
            (Some("A.example"), &["a.example"], Ok(())),
            (None, &[], Ok(())),
            (None, &[""], Err(Empty)),
            (Some(""), &[], Err(Empty)),
            (None, &["a", "b"], Err(Repeated)),
            (None, &["a", "a"], Err(Repeated)),
            (Some("a"), &["b"], Err(Mismatch)),
            (Some("a:80"), &["a"], Err(Mismatch)),
            (None, &["a/b"], Err(Malformed)),
            (None, &["a?x"], Err(Malformed)),
            (None, &["a#x"], Err(Malformed)),
            (None, &["u@h"], Err(Malformed)),
            (None, &["u:p@h"], Err(Malformed)),
            (None, &["a,b"], Err(Malformed)),
            (None, &["a b"], Err(Malformed)),
            (None, &["a%2fb"], Err(Malformed)),
            (None, &[":80"], Err(Malformed)),
            (None, &["a:"], Err(Malformed)),
            (None, &["a:80:80"], Err(Malformed)),
            (None, &["[::1]x"], Err(Malformed)),
        ];
        for (authority, hosts, expected) in cases {
            let hosts_bytes = hosts.iter().map(|host| host.as_bytes());
            assert_eq!(check(authority, hosts_bytes), expected, "{authority:?} {hosts:?}");
        }
    }
}
