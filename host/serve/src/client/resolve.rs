//! Name resolution that outlives a short outage of the resolver.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long the last good answer stands in for a resolver that fails.
const KEEP: Duration = Duration::from_secs(300);
/// Names remembered; backends come from configuration, so this is far above what is used.
const NAMES: usize = 1024;

/// The system's resolver, with the last good answer of each name.
#[derive(Debug, Clone, Default)]
pub(super) struct Resolver(Arc<Mutex<HashMap<Arc<str>, LastGood>>>);

#[derive(Debug)]
struct LastGood {
    at: Instant,
    addresses: Vec<IpAddr>,
}

impl Resolver {
    /// The addresses of a host; a literal address is itself.
    pub(super) async fn resolve(&self, host: &Arc<str>, port: u16) -> io::Result<Vec<SocketAddr>> {
        let addresses = match literal(host) {
            Some(address) => vec![address],
            None => self.look_up(host).await?,
        };
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }

    async fn look_up(&self, host: &Arc<str>) -> io::Result<Vec<IpAddr>> {
        let answer = match tokio::net::lookup_host((&**host, 0)).await {
            Ok(found) => Ok(found.map(|address| address.ip()).collect::<Vec<_>>()),
            Err(error) => Err(error),
        };
        match answer {
            Ok(addresses) if !addresses.is_empty() => {
                self.remember(host, &addresses);
                Ok(addresses)
            }
            Ok(_) => self.recall(host).ok_or_else(|| io::Error::other("no address")),
            Err(error) => self.recall(host).ok_or(error),
        }
    }

    fn remember(&self, host: &Arc<str>, addresses: &[IpAddr]) {
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= NAMES {
            known.retain(|_, last| now.duration_since(last.at) < KEEP);
        }
        if known.len() < NAMES || known.contains_key(host) {
            known.insert(host.clone(), LastGood { at: now, addresses: addresses.to_vec() });
        }
    }

    fn recall(&self, host: &Arc<str>) -> Option<Vec<IpAddr>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = known.get(host)?;
        (last.at.elapsed() < KEEP).then(|| last.addresses.clone())
    }
}

/// An address written as such; in a URI an IPv6 address has brackets.
fn literal(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn r6_the_last_good_answer_outlives_a_short_outage() {
        let resolver = Resolver::default();
        // A name that can never resolve (RFC 6761), as in an outage of the resolver.
        let host: Arc<str> = "models.invalid".into();
        assert!(resolver.resolve(&host, 80).await.is_err());

        resolver.remember(&host, &[IpAddr::from([10, 0, 0, 7])]);
        let answer = resolver.resolve(&host, 80).await.unwrap();
        assert_eq!(answer, ["10.0.0.7:80".parse().unwrap()]);

        tokio::time::advance(KEEP).await;
        assert!(resolver.resolve(&host, 80).await.is_err());
    }

    #[test]
    fn literals_are_taken_as_they_are() {
        assert_eq!(literal("[::1]"), Some("::1".parse().unwrap()));
        assert_eq!(literal("127.0.0.1"), Some(IpAddr::from([127, 0, 0, 1])));
        assert_eq!(literal("2130706433"), None);
    }
}
