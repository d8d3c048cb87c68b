//! URLs, addresses, and which networks they are in.

use std::net::{IpAddr, SocketAddr};

use url::{Host, Url};
use weir_core::Origin;

use super::Compiler;
use crate::read::At;
use crate::report::Mistake;

/// Where something is: its origin, and what its paths begin with.
pub(super) struct Place {
    pub(super) origin: Origin,
    pub(super) base_path: String,
    pub(super) reach: Reach,
}

/// What a URL tells of the network that its host is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// This machine itself.
    Loopback,
    /// A private address.
    Private,
    /// An address of the internet.
    Public,
    /// A name: who knows.
    Name,
}

impl Compiler<'_> {
    /// A URL of scheme, host, port and path, and nothing else.
    pub(super) fn place(&mut self, at: &At<String>, default_path: &str) -> Option<Place> {
        match parse(&at.value, default_path) {
            Ok(place) => Some(place),
            Err((message, help)) => {
                self.tell(Mistake::new("url", at.span.clone(), message).label("not usable").help(help));
                None
            }
        }
    }

    /// A URL of scheme, host and port only.
    pub(super) fn origin(&mut self, at: &At<String>) -> Option<Place> {
        let place = self.place(at, "")?;
        if !place.base_path.is_empty() {
            self.tell(
                Mistake::new("url", at.span.clone(), "a path cannot stand here")
                    .label(format!("`{}` is too much", place.base_path))
                    .help(format!("write `{}`", place.origin)),
            );
        }
        Some(place)
    }

    /// An address to listen at.
    pub(super) fn address(&mut self, at: Option<&At<String>>, default: SocketAddr) -> SocketAddr {
        let Some(at) = at else {
            return default;
        };
        let help = match at.value.parse() {
            Ok(address) => return address,
            Err(_) if at.starts_with("localhost:") => format!("write `{}`", at.replacen("localhost", "127.0.0.1", 1)),
            Err(_) if at.starts_with(':') => {
                format!("write `127.0.0.1{0}` for this machine, `0.0.0.0{0}` for every one", at.value)
            }
            Err(_) if at.parse::<u16>().is_ok() => format!("write `127.0.0.1:{}`", at.value),
            Err(_) => "write an IP address and a port, such as `127.0.0.1:3000` or `[::]:3000`".into(),
        };
        let message = format!("`{}` is no address to listen at", at.value);
        self.tell(Mistake::new("address", at.span.clone(), message).label("not an address").help(help));
        default
    }
}

fn parse(text: &str, default_path: &str) -> Result<Place, (String, String)> {
    if !text.contains("://") {
        // What stands before an `@` may be a password, which is not to be repeated.
        let example = if text.contains('@') { "host/path" } else { text };
        return Err(("a URL begins with its scheme".into(), format!("write `https://{example}`")));
    }
    let url =
        Url::parse(text).map_err(|error| (format!("not a URL: {error}"), "write it as `https://host/path`".into()))?;
    let faults = [
        (
            !matches!(url.scheme(), "http" | "https"),
            format!("`{}` is no scheme that can be called", url.scheme()),
            "write `https://…` or `http://…`",
        ),
        (
            !url.username().is_empty() || url.password().is_some(),
            "a user cannot stand in a URL".into(),
            "give the key by reference: `key: { env: NAME }`",
        ),
        (
            url.query().is_some(),
            "a query cannot stand here".into(),
            "leave out what follows the `?`; a key goes in `key: { env: NAME }`",
        ),
        (url.fragment().is_some(), "a fragment cannot stand here".into(), "leave out what follows the `#`"),
        (url.port() == Some(0), "port 0 cannot be called".into(), "write the port that the server listens at"),
    ];
    if let Some((_, message, help)) = faults.into_iter().find(|(fault, ..)| *fault) {
        return Err((message, help.into()));
    }
    let host =
        url.host().ok_or_else(|| ("the host is missing".to_owned(), "write it as `https://host/path`".to_owned()))?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let origin =
        format!("{}://{host}{port}", url.scheme()).parse().map_err(|error: weir_core::origin::NotAnOrigin| {
            (error.to_string(), "write it as `https://host`".to_owned())
        })?;
    let base_path = match url.path().trim_end_matches('/') {
        "" => default_path,
        path => path,
    };
    Ok(Place { origin, base_path: base_path.to_owned(), reach: reach(&host) })
}

fn reach(host: &Host<&str>) -> Reach {
    match host {
        Host::Domain(name) if *name == "localhost" || name.ends_with(".localhost") => Reach::Loopback,
        Host::Domain(_) => Reach::Name,
        Host::Ipv4(ip) => reach_of((*ip).into()),
        Host::Ipv6(ip) => reach_of((*ip).into()),
    }
}

fn reach_of(ip: IpAddr) -> Reach {
    match ip.to_canonical() {
        ip if ip.is_loopback() || ip.is_unspecified() => Reach::Loopback,
        IpAddr::V4(ip) => {
            let carrier_grade = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            if ip.is_private() || ip.is_link_local() || carrier_grade { Reach::Private } else { Reach::Public }
        }
        IpAddr::V6(ip) if ip.is_unique_local() || ip.is_unicast_link_local() => Reach::Private,
        IpAddr::V6(_) => Reach::Public,
    }
}
