//! Where guests may call, and the clients that call there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use weir_core::Origin;
use weir_serve::{Client, ClientBuildError, ClientOptions, NetworkPolicy};

/// Connect timeouts for which a client of its own is kept, for each policy. They come from configuration, so there are
/// few; one more is served by the client with the default.
const TIMEOUTS: usize = 16;

/// A place that guests may call. Nowhere else may they.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Scheme, host and port.
    pub origin: Origin,
    /// What it is.
    pub purpose: Purpose,
    /// The addresses that its name may resolve to.
    pub network: NetworkPolicy,
    /// Whether it speaks HTTP/2 without TLS.
    pub h2c: bool,
}

/// What a destination is to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A backend works for the client: when the client leaves, the call is cancelled.
    Backend,
    /// A control plane keeps the books: its calls go on, so that the guest can settle.
    Control,
}

impl Destination {
    /// A backend at an address of any kind, over HTTP/1.1 or what TLS negotiates.
    #[must_use]
    pub fn backend(origin: Origin) -> Self {
        Self { origin, purpose: Purpose::Backend, network: NetworkPolicy::Any, h2c: false }
    }

    /// A control plane at an address of any kind.
    #[must_use]
    pub fn control(origin: Origin) -> Self {
        Self { purpose: Purpose::Control, ..Self::backend(origin) }
    }
}

/// The allow-list of one configuration, with the client for each entry.
pub(crate) struct Destinations {
    entries: HashMap<Key, Entry>,
    clients: Arc<Clients>,
}

/// An origin as it stands in a request's URI.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    tls: bool,
    authority: String,
}

pub(crate) struct Entry {
    pub(crate) purpose: Purpose,
    policy: Policy,
    client: Client,
}

/// What makes clients differ.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Policy {
    network: NetworkKind,
    h2c: bool,
}

/// [`NetworkPolicy`], as part of a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum NetworkKind {
    Public,
    Private,
    Any,
}

impl Destinations {
    /// The allow-list `entries`. Of two for one origin the first counts.
    pub(crate) fn new(entries: &[Destination], clients: Arc<Clients>) -> Result<Self, ClientBuildError> {
        let mut known = HashMap::new();
        for destination in entries {
            let policy = Policy::of(destination);
            let client = clients.get(policy, None)?;
            let key = Key { tls: destination.origin.is_tls(), authority: destination.origin.authority() };
            known.entry(key).or_insert(Entry { purpose: destination.purpose, policy, client });
        }
        Ok(Self { entries: known, clients })
    }

    /// The entry for a request to this URI; none where it is not on the list.
    pub(crate) fn find(&self, uri: &http::Uri) -> Option<&Entry> {
        let tls = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let authority = uri.authority()?;
        let plain = Key { tls, authority: authority.as_str().to_owned() };
        self.entries.get(&plain).or_else(|| {
            // Written another way: with its default port, in capitals. Anything odder is refused.
            let origin: Origin = format!("{}://{authority}", uri.scheme_str()?).parse().ok()?;
            self.entries.get(&Key { tls, authority: origin.authority() })
        })
    }

    /// The client for an entry, connecting within `timeout` where one is asked for; for a call over gRPC one that speaks
    /// HTTP/2 alone, whatever else goes there.
    pub(crate) fn client(&self, entry: &Entry, timeout: Option<Duration>, grpc: bool) -> Client {
        let policy = Policy { h2c: entry.policy.h2c || grpc, ..entry.policy };
        if timeout.is_none() && policy == entry.policy {
            return entry.client.clone();
        }
        self.clients.get(policy, timeout).unwrap_or_else(|_| entry.client.clone())
    }
}

impl Policy {
    fn of(destination: &Destination) -> Self {
        let network = match destination.network {
            NetworkPolicy::Public => NetworkKind::Public,
            NetworkPolicy::Private => NetworkKind::Private,
            NetworkPolicy::Any => NetworkKind::Any,
        };
        Self { network, h2c: destination.h2c }
    }
}

/// The clients, kept over reloads so that their connections are.
pub(crate) struct Clients {
    base: ClientOptions,
    made: Mutex<HashMap<(Policy, Option<Duration>), Client>>,
}

impl Clients {
    /// Clients that are like `base` but for what their destinations say.
    pub(crate) fn new(base: ClientOptions) -> Self {
        Self { base, made: Mutex::default() }
    }

    fn get(&self, policy: Policy, timeout: Option<Duration>) -> Result<Client, ClientBuildError> {
        let timeout = timeout.filter(|timeout| *timeout != self.base.connect_timeout);
        let mut made = self.made.lock();
        if let Some(client) = made.get(&(policy, timeout)) {
            return Ok(client.clone());
        }
        let timeout = timeout.filter(|_| made.keys().filter(|(known, _)| *known == policy).count() < TIMEOUTS);
        if let Some(client) = made.get(&(policy, timeout)) {
            return Ok(client.clone());
        }
        let client = Client::new(ClientOptions {
            network: match policy.network {
                NetworkKind::Public => NetworkPolicy::Public,
                NetworkKind::Private => NetworkPolicy::Private,
                NetworkKind::Any => NetworkPolicy::Any,
            },
            h2c: policy.h2c,
            connect_timeout: timeout.unwrap_or(self.base.connect_timeout),
            ..self.base.clone()
        })?;
        made.insert((policy, timeout), client.clone());
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(origins: &[&str]) -> Destinations {
        let entries: Vec<_> = origins.iter().map(|o| Destination::backend(o.parse().unwrap())).collect();
        Destinations::new(&entries, Arc::new(Clients::new(ClientOptions::default()))).unwrap()
    }

    #[test]
    fn only_listed_origins_are_found_however_they_are_written() {
        let list = list(&["https://api.openai.com", "http://127.0.0.1:8000"]);
        let found = |uri: &str| list.find(&uri.parse().unwrap()).is_some();
        for uri in [
            "https://api.openai.com/v1/x?y",
            "https://API.openai.com/",
            "https://api.openai.com:443/",
            "http://127.0.0.1:8000/",
        ] {
            assert!(found(uri), "{uri}");
        }
        for uri in [
            "http://api.openai.com/",
            "https://api.openai.com:8443/",
            "https://api.openai.com.evil.example/",
            "https://api.openai.com@evil.example/",
            "http://127.0.0.1:8001/",
            "http://2130706433:8000/",
            "http://localhost:8000/",
        ] {
            assert!(!found(uri), "{uri}");
        }
    }

    #[test]
    fn many_connect_timeouts_do_not_make_many_clients() {
        let list = list(&["http://127.0.0.1:8000"]);
        let entry = list.find(&"http://127.0.0.1:8000/".parse().unwrap()).unwrap();
        for ms in 1..1000 {
            list.client(entry, Some(Duration::from_millis(ms)), false);
        }
        assert!(list.clients.made.lock().len() <= TIMEOUTS + 1);
    }
}
