//! Origins: the places that requests and credentials may go to.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Scheme, host and port (RFC 6454), all in lower case, the port always stated.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin {
    tls: bool,
    // Shared: thousands of servers are told anew whenever one of them changes.
    host: Arc<str>,
    port: u16,
}

/// A text that is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an origin: write `https://host` or `http://host:port`, with no path, user or query")]
pub struct NotAnOrigin(pub String);

impl Origin {
    /// The origin of a port at an address.
    #[must_use]
    pub fn at(address: IpAddr, port: u16, tls: bool) -> Self {
        let host = match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        Self { tls, host: host.into(), port }
    }

    /// Another port of the same host.
    #[must_use]
    pub fn with_port(&self, port: u16, tls: bool) -> Self {
        Self { tls, host: self.host.clone(), port }
    }

    /// Whether the origin is reached over TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// `https` or `http`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// The host, an IPv6 address in its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as they stand in a request's authority: a default port is left out.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == default_port(self.tls) { self.host.to_string() } else { format!("{}:{}", self.host, self.port) }
    }
}

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let fault = || NotAnOrigin(text.to_owned());
        let uri: http::Uri = text.parse().map_err(|_| fault())?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(fault()),
        };
        let authority = uri.authority().ok_or_else(fault)?;
        if authority.as_str().contains('@')
            || authority.host().is_empty()
            || !matches!(uri.path(), "" | "/")
            || uri.query().is_some()
        {
            return Err(fault());
        }
        // A port that is stated but does not parse is no default port.
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None if authority.as_str().len() > authority.host().len() => return Err(fault()),
            None => default_port(tls),
        };
        Ok(Self { tls, host: authority.host().to_ascii_lowercase().into(), port })
    }
}

impl TryFrom<String> for Origin {
    type Error = NotAnOrigin;

    fn try_from(text: String) -> Result<Self, NotAnOrigin> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme(), self.authority())
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_origins_are_equal_however_they_are_written() {
        let a: Origin = "https://API.openai.com:443".parse().unwrap();
        let b: Origin = "https://api.openai.com/".parse().unwrap();
        assert_eq!(a, b);
        assert_eq!(a.to_string(), "https://api.openai.com");
        assert_eq!("http://[::1]:9000".parse::<Origin>().unwrap().authority(), "[::1]:9000");
    }

    #[test]
    fn an_address_and_a_port_make_the_origin_that_is_written_so() {
        for address in ["10.0.0.1", "255.255.255.255", "::1", "2001:db8::1", "::ffff:10.0.0.1"] {
            let address: IpAddr = address.parse().unwrap();
            for (port, tls) in [(80, false), (443, true), (443, false), (8080, true), (1, false)] {
                let origin = Origin::at(address, port, tls);
                assert_eq!(origin.to_string().parse(), Ok(origin.clone()));
                assert_eq!(origin.with_port(9000, false), Origin::at(address, 9000, false));
            }
        }
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_refused() {
        for text in [
            "",
            "api.openai.com",
            "ftp://a",
            "https://u@a",
            "https://a/v1",
            "https://a?x",
            "https://a:99999",
            "https://",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
