//! Which models and endpoints there are: what a reload adds, changes, keeps and takes away.
//!
//! A reload tells everything anew, and there may be thousands of models of which one has changed. So what is told is
//! held against what is known, outside the fleet's lock, and only what differs is touched.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::Mutex;

use crate::dialers::Dialers;
use crate::directory::{Directory, Entry};
use crate::endpoint::{self, Endpoint};
use crate::fleet::{EndpointId, Share};
use crate::forward::Forwarder;
use crate::metrics::Metrics;
use crate::model::{EndpointOptions, Model, Protocols, Role, Source, Version, Watched};
use crate::options::{Health, OptionsError};
use crate::pool::{State, Tag, Wakes};

/// Models and endpoints by name. One reload works at a time.
#[derive(Default)]
pub(crate) struct Roster(Mutex<Known>);

#[derive(Default)]
struct Known {
    models: HashMap<String, Arc<Entry>>,
    endpoints: HashMap<String, Member>,
}

/// An endpoint that is listed.
struct Member {
    id: EndpointId,
    endpoint: Arc<Endpoint>,
    /// Whether `weir.yaml` lists it: there, what disagrees is a mistake.
    of_file: bool,
}

/// What a reload changes.
struct Difference<'m> {
    /// Models that are new or other than before.
    changed: Vec<&'m Model>,
    /// Endpoints of those that are new or other than before, by name.
    fresh: HashMap<String, (Arc<Endpoint>, bool)>,
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
        let models = &*with_explainers(models);
        check_names(models)?;
        let mut known = self.0.lock();
        let difference = known.difference(models, health, &forwarder.dialers, metrics)?;
        forwarder.pool.change(|fleet, now| ((), known.apply(models, difference, fleet, metrics, now)));
        forwarder.dialers.keep(known.endpoints.values().map(|member| &member.endpoint.options().trust));
        let (explainers, served): (Vec<&Model>, Vec<&Model>) =
            models.iter().partition(|model| explained(model).is_some());
        let entry = |model: &Model| known.models[&model.name].clone();
        let explainers = explainers.into_iter().filter_map(|model| Some((explained(model)?.to_owned(), entry(model))));
        Ok(Directory::new(served.into_iter().map(entry).collect(), explainers.collect()))
    }

    /// Closes connections that have waited too long for a request.
    pub(crate) fn sweep(&self) {
        for member in self.0.lock().endpoints.values() {
            member.endpoint.sweep();
        }
    }

    /// The endpoints that are to be watched here.
    pub(crate) fn watched(&self) -> Vec<(EndpointId, Weak<Endpoint>)> {
        let known = self.0.lock();
        let watched = known.endpoints.values().filter(|member| {
            let options = member.endpoint.options();
            options.watched == Watched::Here && is_open(options)
        });
        watched.map(|member| (member.id, Arc::downgrade(&member.endpoint))).collect()
    }
}

impl Known {
    /// What `models` changes. Nothing has changed yet when it fails.
    fn difference<'m>(
        &self,
        models: &'m [Model],
        health: &Health,
        dialers: &Dialers,
        metrics: &Metrics,
    ) -> Result<Difference<'m>, OptionsError> {
        let same = |model: &Model| self.models.get(&model.name).is_some_and(|entry| entry.model() == model);
        let (kept, changed): (Vec<&Model>, Vec<&Model>) = models.iter().partition(|model| same(model));
        let held: HashSet<EndpointId> =
            kept.iter().flat_map(|model| &self.models[&model.name].endpoints).copied().collect();
        // What this reload has said of each endpoint so far: how it is called, and whether `weir.yaml` says so.
        let mut said: HashMap<String, (&EndpointOptions, bool)> = HashMap::new();
        for (model, options) in changed.iter().flat_map(|model| model.endpoints().map(move |options| (model, options)))
        {
            let (name, of_file) = (endpoint::name(options), model.source == Source::File);
            let member = self.endpoints.get(&name).filter(|member| held.contains(&member.id));
            let member = member.map(|member| (member.endpoint.options(), member.of_file));
            match said.get(&name).copied().or(member) {
                None => {
                    Endpoint::check(options, &health.path)?;
                    said.insert(name, (options, of_file));
                }
                Some((first, true)) if of_file && !agree(first, options) => {
                    return Err(OptionsError::EndpointTwice(name));
                }
                // The first that lists it says how it is called.
                Some(_) => {}
            }
        }
        let as_before = |name: &str, options: &EndpointOptions| {
            self.endpoints.get(name).is_some_and(|member| member.endpoint.options() == options)
        };
        let fresh = said.into_iter().filter(|(name, (options, _))| !as_before(name, options));
        let made = |(name, (options, of_file)): (String, (&EndpointOptions, bool))| {
            let before = self.endpoints.get(&name).map(|member| &*member.endpoint);
            let endpoint = Endpoint::new(options.clone(), before, &health.path, dialers, metrics)?;
            Ok((name, (Arc::new(endpoint), of_file)))
        };
        Ok(Difference { changed, fresh: fresh.map(made).collect::<Result<_, OptionsError>>()? })
    }

    fn apply(
        &mut self,
        models: &[Model],
        difference: Difference<'_>,
        fleet: &mut State,
        metrics: &Metrics,
        now: Instant,
    ) -> Wakes {
        for (name, (endpoint, of_file)) in difference.fresh {
            self.enlist(name, endpoint, of_file, fleet);
        }
        let mut wakes = self.dismiss(models, fleet);
        let mut touched = Vec::with_capacity(difference.changed.len());
        for model in difference.changed {
            let shares = self.shares(model);
            let endpoints = distinct(&shares);
            let entry = match self.models.get(&model.name) {
                Some(entry) => {
                    fleet.arrange(entry.id, shares);
                    entry.changed(model.clone(), endpoints)
                }
                None => Entry::new(fleet.add_model(shares), model.clone(), endpoints, metrics.of_model(&model.name)),
            };
            touched.push(entry.id);
            self.models.insert(model.name.clone(), Arc::new(entry));
        }
        self.retire(fleet);
        wakes.extend(fleet.serve(&touched, now));
        wakes
    }

    fn enlist(&mut self, name: String, endpoint: Arc<Endpoint>, of_file: bool, fleet: &mut State) {
        let terms = endpoint.terms();
        if let Some(member) = self.endpoints.get_mut(&name) {
            fleet.replace(member.id, endpoint.clone(), terms);
            (member.endpoint, member.of_file) = (endpoint, of_file);
        } else {
            endpoint.metrics.found(true);
            let id = fleet.add(endpoint.clone(), terms);
            self.endpoints.insert(name, Member { id, endpoint, of_file });
        }
    }

    /// Takes away the models that are not listed any more.
    fn dismiss(&mut self, models: &[Model], fleet: &mut State) -> Wakes {
        let listed: HashSet<&str> = models.iter().map(|model| model.name.as_str()).collect();
        let mut wakes = Vec::new();
        self.models.retain(|name, entry| {
            let stays = listed.contains(name.as_str());
            if !stays {
                wakes.extend(fleet.remove_model(entry.id));
                entry.metrics.forget();
            }
            stays
        });
        wakes
    }

    /// Takes away the endpoints that no model lists any more.
    fn retire(&mut self, fleet: &mut State) {
        let listed: HashSet<EndpointId> = self.models.values().flat_map(|entry| &entry.endpoints).copied().collect();
        self.endpoints.retain(|_, member| {
            let stays = listed.contains(&member.id);
            if !stays {
                fleet.retire(member.id);
                member.endpoint.leave();
                member.endpoint.metrics.forget();
            }
            stays
        });
    }

    fn shares(&self, model: &Model) -> Vec<Share<Arc<Tag>>> {
        let share = |version: &Version| {
            let mut seen = HashSet::new();
            let ids = version.endpoints.iter().map(|options| self.endpoints[&endpoint::name(options)].id);
            let ids = ids.filter(|id| seen.insert(*id));
            let Version { name, weight, served_as, .. } = version;
            let tag = Tag { version: name.clone(), weight: *weight, served_as: served_as.clone() };
            Share { version: Arc::new(tag), weight: version.weight, endpoints: ids.collect() }
        };
        model.versions.iter().map(share).collect()
    }
}

fn distinct(shares: &[Share<Arc<Tag>>]) -> Vec<EndpointId> {
    let mut seen = HashSet::new();
    shares.iter().flat_map(|share| &share.endpoints).copied().filter(|id| seen.insert(*id)).collect()
}

/// Whether an endpoint gets requests.
pub(crate) fn is_open(options: &EndpointOptions) -> bool {
    !options.draining && options.role == Role::Whole
}

/// Whether a server that is listed twice has the same cap and the same place for gRPC, and a key in both places or in none.
/// Keys are not compared.
fn agree(first: &EndpointOptions, other: &EndpointOptions) -> bool {
    let of = |options: &EndpointOptions| (options.max_in_flight, options.grpc.clone(), options.credential.is_some());
    of(first) == of(other)
}

/// What the name of a model's explainers ends in: no model of a cluster can be called so, for its space.
const EXPLAINERS: &str = " (explainer)";

/// The models, and one more for the explainers of each that has some: they are called and looked after like any.
fn with_explainers(models: &[Model]) -> Cow<'_, [Model]> {
    if models.iter().all(|model| model.explainers.is_empty()) {
        return Cow::Borrowed(models);
    }
    let explainer = |model: &Model| {
        let served_as = model.versions.iter().find_map(|version| version.served_as.clone());
        let name = format!("{}{EXPLAINERS}", model.name);
        let served_as = Some(served_as.unwrap_or_else(|| model.name.clone()));
        let version = Version { name: String::new(), weight: 1, served_as, endpoints: model.explainers.clone() };
        Model {
            source: model.source.clone(),
            status: model.status.clone(),
            protocols: Protocols { v1: true, ..Protocols::NONE },
            versions: vec![version],
            ..Model::new(name, Vec::new())
        }
    };
    let explainers = models.iter().filter(|model| !model.explainers.is_empty()).map(explainer);
    models.iter().cloned().chain(explainers).collect()
}

/// The model whose explainers these are.
fn explained(model: &Model) -> Option<&str> {
    model.name.strip_suffix(EXPLAINERS)
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
