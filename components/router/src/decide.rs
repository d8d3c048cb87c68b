//! The decision about a request: its plan, what it may cost, and why.

use std::collections::BTreeMap;

use http::HeaderMap;
use weir_core::config::{Route, Target};
use weir_core::{Candidate, Config, Estimate, GatewayError, Limits, Millis, Plan, Tokens};

use crate::table::Question;
use crate::{Ask, Cooldowns, Head, Table, order};

/// What an instance needs to know, made from the configuration once.
#[derive(Clone, Debug)]
pub struct Router {
    table: Table,
    limits: Limits,
    patience: BTreeMap<String, Millis>,
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
    /// The place in the configuration of the route that was taken; [`Table::explain`] says why none before it was.
    pub route: usize,
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
        Self { table: Table::new(config.routes.clone()), limits: config.sizes, patience: patience.collect() }
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
        let ask = Ask::read(&head.view, body, &self.limits)?;
        let path = head.view.endpoint.path();
        let question = Question { principal: &head.principal, model: ask.model.as_str(), path: &path, headers };
        let (place, route) = self.table.find(question)?;
        let drawn = order::order(&route.targets, seed);
        let mut candidates: Vec<Candidate> = drawn.iter().map(|target| candidate(target, &ask)).collect();
        let set_aside = cooldowns.set_aside(&mut candidates, now);
        let drawn = drawn.into_iter().cloned().collect();
        Ok(Decision {
            estimate: ask.estimate(Tokens(route.max_output_tokens)),
            plan: plan(ask, route, candidates),
            why: Why { route: place, drawn, set_aside },
        })
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

fn candidate(target: &Target, ask: &Ask) -> Candidate {
    let model = target.model.clone().unwrap_or_else(|| ask.model.as_str().to_owned());
    Candidate { backend: target.backend.clone(), model }
}

fn plan(ask: Ask, route: &Route, candidates: Vec<Candidate>) -> Plan {
    Plan { model: ask.model.into(), stream: ask.stream, on_unsupported: route.on_unsupported, candidates }
}
