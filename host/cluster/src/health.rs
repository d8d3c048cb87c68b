//! Looks after the endpoints: asks those that nobody else watches how they are, and notices that time has passed.
//!
//! One task does it for all of them. Each endpoint has its own moment in each round, so that a thousand are not asked at
//! once.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use slotmap::Key as _;
use tokio::time::{Instant, MissedTickBehavior};

use crate::endpoint::Endpoint;
use crate::fleet::EndpointId;
use crate::forward::Forwarder;
use crate::options::Health;
use crate::pool::Pool;
use crate::read::read;
use crate::roster::Roster;

/// As much of a health answer as is read, so that its connection can be used again.
const ANSWER: usize = 16 * 1024;
/// How often those who wait are looked at, who may have got room by an ejection's end, and connections that wait.
const TICK: Duration = Duration::from_millis(500);

/// Looks after the endpoints of a roster as long as it is there.
pub(crate) fn watch(roster: &Arc<Roster>, forwarder: &Forwarder, rules: &Health) {
    let (roster, pool) = (Arc::downgrade(roster), Arc::downgrade(&forwarder.pool));
    let rules = rules.clone();
    tokio::spawn(async move {
        let interval = |every| {
            let mut ticks = tokio::time::interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let (mut rounds, mut ticks) = (interval(rules.every), interval(TICK));
        let mut checks = FuturesUnordered::new();
        // Those that have not answered yet are not asked again.
        let mut asked = HashSet::new();
        let mut first = true;
        loop {
            tokio::select! {
                start = rounds.tick() => {
                    let Some(roster) = roster.upgrade() else { return };
                    for (id, endpoint) in roster.watched() {
                        if !asked.insert(id) {
                            continue;
                        }
                        // The first round shows at once what is down.
                        let wait = if first { Duration::ZERO } else { rules.every.mul_f64(moment(id)) };
                        checks.push(look(id, endpoint, pool.clone(), rules.timeout, start + wait));
                    }
                    first = false;
                }
                _ = ticks.tick() => match (pool.upgrade(), roster.upgrade()) {
                    (Some(pool), Some(roster)) => {
                        pool.tick();
                        roster.sweep();
                    }
                    _ => return,
                },
                Some(id) = checks.next() => {
                    asked.remove(&id);
                }
            }
        }
    });
}

/// An endpoint's moment in each round, from 0 to 1.
fn moment(id: EndpointId) -> f64 {
    // Fibonacci hashing: numbers in a row are spread evenly.
    let spread = id.data().as_ffi().wrapping_mul(0x9E37_79B9_7F4A_7C15);
    f64::from(u32::try_from(spread >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

/// One check, at its moment.
async fn look(
    id: EndpointId,
    endpoint: Weak<Endpoint>,
    pool: Weak<Pool>,
    timeout: Duration,
    at: Instant,
) -> EndpointId {
    tokio::time::sleep_until(at).await;
    let Some(endpoint) = endpoint.upgrade() else { return id };
    let ok = match endpoint.health_request() {
        Ok(request) => tokio::time::timeout(timeout, is_well(&endpoint, request)).await.unwrap_or(false),
        Err(error) => {
            tracing::error!(%error, "no health check can be made");
            false
        }
    };
    if let Some(pool) = pool.upgrade() {
        pool.checked(id, &endpoint, ok);
    }
    id
}

async fn is_well(endpoint: &Endpoint, request: http::Request<weir_serve::Body>) -> bool {
    let Ok(response) = endpoint.send(request).await else { return false };
    let ok = response.status().is_success();
    // The answer itself says nothing more; whether it can be read to its end is no matter either.
    drop(read(response.into_body(), ANSWER).await);
    ok
}
