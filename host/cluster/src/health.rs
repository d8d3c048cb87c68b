//! Asks each endpoint how it is, every few seconds, as long as it is configured.

use std::sync::{Arc, Weak};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use weir_serve::Client;

use crate::endpoint::Endpoint;
use crate::fleet::EndpointId;
use crate::options::Health;
use crate::pool::Pool;
use crate::read::read;

/// As much of a health answer as is read, so that its connection can be used again.
const ANSWER: usize = 16 * 1024;

/// Watches an endpoint until `until` is cancelled, or nobody holds the endpoint any more.
pub(crate) fn watch(
    id: EndpointId,
    endpoint: &Arc<Endpoint>,
    pool: &Arc<Pool>,
    client: Client,
    rules: Health,
    until: CancellationToken,
) {
    let (endpoint, pool) = (Arc::downgrade(endpoint), Arc::downgrade(pool));
    tokio::spawn(until.run_until_cancelled_owned(async move {
        let mut ticks = tokio::time::interval(rules.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if look(id, &endpoint, &pool, &client, &rules).await.is_none() {
                return;
            }
        }
    }));
}

/// One check; `None` when endpoint or pool are gone.
async fn look(
    id: EndpointId,
    endpoint: &Weak<Endpoint>,
    pool: &Weak<Pool>,
    client: &Client,
    rules: &Health,
) -> Option<()> {
    let request = endpoint.upgrade()?.health_request();
    let ok = match request {
        Ok(request) => tokio::time::timeout(rules.timeout, is_well(client, request)).await.unwrap_or(false),
        Err(error) => {
            tracing::error!(%error, "no health check can be made");
            false
        }
    };
    let endpoint = endpoint.upgrade()?;
    pool.upgrade()?.checked(id, &endpoint, ok);
    Some(())
}

async fn is_well(client: &Client, request: http::Request<weir_serve::Body>) -> bool {
    let Ok(response) = client.send(request).await else { return false };
    let ok = response.status().is_success();
    // The answer itself says nothing more; whether it can be read to its end is no matter either.
    drop(read(response.into_body(), ANSWER).await);
    ok
}
