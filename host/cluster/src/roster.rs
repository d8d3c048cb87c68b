//! Which endpoints there are: what a reload adds, keeps and takes away.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::directory::{Directory, Entry};
use crate::endpoint::{self, Endpoint};
use crate::fleet::EndpointId;
use crate::forward::Forwarder;
use crate::health;
use crate::metrics::Metrics;
use crate::model::Model;
use crate::options::{Health, OptionsError};
use crate::pool::{State, Wakes};

/// The endpoints by name. One reload works at a time.
#[derive(Default)]
pub(crate) struct Roster(Mutex<Known>);

#[derive(Default)]
struct Known {
    endpoints: HashMap<String, (EndpointId, Arc<Endpoint>)>,
    /// Ends the health checks when it is dropped: with the next reload, or with the cluster.
    watching: Option<DropGuard>,
}

impl Roster {
    /// Makes the fleet be what `models` says, and gives the directory for it.
    pub(crate) fn reload(
        &self,
        models: &[Model],
        forwarder: &Forwarder,
        health: &Health,
        metrics: &Metrics,
    ) -> Result<Directory, OptionsError> {
        check_names(models)?;
        let mut known = self.0.lock();
        let listed = listed(models, health, metrics)?;
        let entries = forwarder.pool.change(|fleet, now| {
            known.merge(listed, fleet, metrics);
            known.arrange(models, fleet, metrics, now)
        });
        let token = CancellationToken::new();
        for (id, endpoint) in known.endpoints.values() {
            let client = forwarder.client.clone();
            health::watch(*id, endpoint, &forwarder.pool, client, health.clone(), token.clone());
        }
        known.watching = Some(token.drop_guard());
        Ok(Directory::new(entries))
    }
}

impl Known {
    /// Retires what is not listed any more, keeps the state of what still is, adds what is new.
    fn merge(&mut self, listed: HashMap<String, Arc<Endpoint>>, fleet: &mut State, metrics: &Metrics) {
        self.endpoints.retain(|name, (id, _)| {
            let stays = listed.contains_key(name);
            if !stays {
                fleet.retire(*id);
                metrics.forget_endpoint(name);
            }
            stays
        });
        for (name, endpoint) in listed {
            if let Some((id, old)) = self.endpoints.get_mut(&name) {
                fleet.replace(*id, endpoint.clone(), endpoint.cap());
                *old = endpoint;
            } else {
                endpoint.up.set(1);
                let id = fleet.add(endpoint.clone(), endpoint.cap());
                self.endpoints.insert(name, (id, endpoint));
            }
        }
    }

    fn arrange(&self, models: &[Model], fleet: &mut State, metrics: &Metrics, now: Instant) -> (Vec<Entry>, Wakes) {
        let ids = |model: &Model| {
            let mut seen = HashSet::new();
            let ids = model.endpoints().map(|options| self.endpoints[&endpoint::name(options)].0);
            ids.filter(|id| seen.insert(*id)).collect::<Vec<_>>()
        };
        let layout: Vec<_> = models.iter().map(|model| (model.name.clone(), ids(model))).collect();
        let counts: Vec<usize> = layout.iter().map(|(_, ids)| ids.len()).collect();
        let (model_ids, wakes) = fleet.arrange(layout, now);
        let entries = models.iter().zip(model_ids).zip(counts).map(|((model, id), endpoints)| Entry {
            id,
            name: model.name.clone(),
            aliases: model.aliases.clone(),
            endpoints,
            queued: metrics.queued(&model.name),
        });
        (entries.collect(), wakes)
    }
}

/// The endpoints of all models, each once.
fn listed(
    models: &[Model],
    health: &Health,
    metrics: &Metrics,
) -> Result<HashMap<String, Arc<Endpoint>>, OptionsError> {
    let mut listed: HashMap<String, Arc<Endpoint>> = HashMap::new();
    for options in models.iter().flat_map(Model::endpoints) {
        let name = endpoint::name(options);
        match listed.get(&name) {
            Some(first) if first.agrees_with(options) => {}
            Some(_) => return Err(OptionsError::EndpointTwice(name)),
            None => {
                let endpoint = Endpoint::new(options.clone(), &health.path, metrics)?;
                listed.insert(name, Arc::new(endpoint));
            }
        }
    }
    Ok(listed)
}

fn check_names(models: &[Model]) -> Result<(), OptionsError> {
    let mut seen = HashSet::new();
    for name in models.iter().flat_map(|model| std::iter::once(&model.name).chain(&model.aliases)) {
        if name.is_empty() {
            return Err(OptionsError::EmptyName);
        }
        if !seen.insert(name) {
            return Err(OptionsError::NameTwice(name.clone()));
        }
    }
    Ok(())
}
