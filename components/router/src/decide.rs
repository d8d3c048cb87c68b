//! The decision about a request: its plan, what it may cost, and why.

use std::collections::BTreeMap;

use http::HeaderMap;
use weir_core::config::{Backend, BackendKind, Route, Target};
use weir_core::grpc::Message;
use weir_core::{
    Candidate, Config, Endpoint, ErrorKind, Estimate, GatewayError, Limits, Millis, Plan, RequestView, Rpc, Tokens,
};

use crate::table::Question;
use crate::{Ask, Cooldowns, Head, Table, order};

/// What an instance needs to know, made from the configuration once.
#[derive(Clone, Debug)]
pub struct Router {
    table: Table,
    limits: Limits,
    patience: BTreeMap<String, Millis>,
    /// The backends that are tier twos, in the configuration's order.
    tier_twos: Vec<String>,
}

/// Where a request goes, what it may cost, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Where to try, in this order.
    pub plan: Plan,
    /// What it may cost.
    pub estimate: Estimate,
    /// Why.
    pub why: Why,
}

/// Why a plan is as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// The place in the configuration of the route that was taken; [`Table::explain`] says why none before it was. `None`
    /// for a question about the server, which takes no route.
    pub route: Option<usize>,
    /// The targets in the order drawn, by their weights and priorities.
    pub drawn: Vec<Target>,
    /// The candidates that were set aside, since their backends asked to be left alone.
    pub set_aside: Vec<Candidate>,
}

impl Router {
    /// Makes ready what `config` says of routes.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let patience = config
            .backends
            .iter()
            .map(|(name, backend)| (name.clone(), backend.timeouts.connect + backend.timeouts.first_event));
        let tier_twos =
            config.backends.iter().filter(|(_, backend)| is_tier_two(backend)).map(|(name, _)| name.clone());
        Self {
            table: Table::new(config.routes.clone()),
            limits: config.sizes,
            patience: patience.collect(),
            tier_twos: tier_twos.collect(),
        }
    }

    /// Decides where a request goes. `seed` decides between targets of one priority; `cooldowns` and `now` say which
    /// backends are to be left alone.
    ///
    /// # Errors
    /// What is wrong with the body, or that the caller may not use the model, or that there is none.
    pub fn decide(
        &self,
        head: &Head,
        headers: &HeaderMap,
        body: &[u8],
        seed: u64,
        cooldowns: &Cooldowns,
        now: Millis,
    ) -> Result<Decision, GatewayError> {
        if head.view.endpoint.is_about_the_server() && !asks_about_a_model(&head.view, body, &self.limits) {
            return self.about_the_server(&head.view, cooldowns, now);
        }
        let ask = Ask::read(&head.view, headers, body, &self.limits)?;
        let path = head.view.endpoint.path();
        let question = Question { principal: &head.principal, model: ask.model.as_str(), path: &path, headers };
        let (place, route) = self.table.find(question)?;
        let mut drawn = order::order(&route.targets, seed);
        if head.view.is_for_tier_two() {
            drawn.retain(|target| self.tier_twos.contains(&target.backend));
            if drawn.is_empty() {
                return Err(not_in_cluster(&head.view, &ask));
            }
        }
        let mut candidates: Vec<Candidate> = drawn.iter().map(|target| candidate(target, &ask)).collect();
        let set_aside = cooldowns.set_aside(&mut candidates, now);
        let drawn = drawn.into_iter().cloned().collect();
        Ok(Decision {
            estimate: ask.estimate(Tokens(route.max_output_tokens)),
            plan: plan(ask, route, candidates),
            why: Why { route: Some(place), drawn, set_aside },
        })
    }

    /// Where a question about the server goes, which names no model: to a tier two, the first that may be asked.
    fn about_the_server(
        &self,
        view: &RequestView,
        cooldowns: &Cooldowns,
        now: Millis,
    ) -> Result<Decision, GatewayError> {
        let of = |backend: &String| Candidate { backend: backend.clone(), model: String::new() };
        let mut candidates: Vec<Candidate> = self.tier_twos.iter().map(of).collect();
        if candidates.is_empty() {
            let message = format!("{} is served by a tier two, of which this gateway has none", view.path);
            return Err(GatewayError::new(ErrorKind::PathNotFound, message));
        }
        let set_aside = cooldowns.set_aside(&mut candidates, now);
        let plan = Plan { model: String::new(), stream: false, on_unsupported: Default::default(), candidates };
        let why = Why { route: None, drawn: Vec::new(), set_aside };
        Ok(Decision { plan, estimate: Estimate::default(), why })
    }

    /// How long the first event of an attempt with this plan may take: as long as the most patient candidate waits.
    #[must_use]
    pub fn patience(&self, plan: &Plan) -> Millis {
        let each = plan.candidates.iter().filter_map(|candidate| self.patience.get(&candidate.backend));
        each.copied().max().unwrap_or_default()
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }
}

/// Whether a health check of gRPC is for a model: it goes where the model's calls go, under the name that it has there.
fn asks_about_a_model(view: &RequestView, body: &[u8], limits: &Limits) -> bool {
    let health = matches!(view.endpoint, Endpoint::Grpc(Rpc::HealthCheck | Rpc::HealthWatch));
    let named = || Message::only(body, limits.body_bytes).and_then(|message| message.name(limits.model_bytes));
    health && named().is_ok_and(|name| name.is_some_and(|name| name.text() != Rpc::SERVICE))
}

fn is_tier_two(backend: &Backend) -> bool {
    matches!(backend.kind, BackendKind::Weir { .. })
}

fn not_in_cluster(view: &RequestView, ask: &Ask) -> GatewayError {
    let (path, model) = (view.endpoint.path(), &ask.model);
    let message = format!("{path} is served by a tier two alone, and the model `{model}` is not behind one");
    GatewayError::new(ErrorKind::Unsupported, message).with_param("model")
}

fn candidate(target: &Target, ask: &Ask) -> Candidate {
    let model = target.model.clone().unwrap_or_else(|| ask.model.as_str().to_owned());
    Candidate { backend: target.backend.clone(), model }
}

fn plan(ask: Ask, route: &Route, candidates: Vec<Candidate>) -> Plan {
    Plan { model: ask.model.into(), stream: ask.stream, on_unsupported: route.on_unsupported, candidates }
}
