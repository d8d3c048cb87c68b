//! Origins: the places that requests and credentials may go to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Scheme, host and port (RFC 6454), all in lower case, the port always stated.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin {
    tls: bool,
    host: String,
    port: u16,
}

/// A text that is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an origin: write `https://host` or `http://host:port`, with no path, user or query")]
pub struct NotAnOrigin(pub String);

impl Origin {
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
        if self.port == default_port(self.tls) { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
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
        Ok(Self { tls, host: authority.host().to_ascii_lowercase(), port })
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
