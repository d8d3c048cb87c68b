//! What the data plane counts.
//!
//! Names of models and endpoints come from what is configured or found, never from a request, and go with it; statuses,
//! reasons and operations are fixed lists; of tenants only so many have series of their own. So the number of series is
//! bounded. Whoever counts holds a handle: no name is looked up, and nothing comes back that has been forgotten. What is
//! counted of calls has its series from the first call on: a cluster has thousands of endpoints, and most of them rest.

mod endpoint;
mod labels;
mod model;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

pub(crate) use endpoint::EndpointMetrics;
use labels::{OfAttempt, OfCall, OfEndpoint, OfHedge, OfModel, OfRetry, OfStatus, OfTokens};
pub(crate) use model::{Finished, ModelMetrics};

/// The label of requests whose model is not known, or that never came so far as to name one.
const NO_MODEL: &str = "";
/// How many pairs of a model and a tenant have series of their own; further tenants share one for each model.
const PAIRS: usize = 500;
/// The name of tenants that share a series.
const OTHER: &str = "other";

/// The data plane's metrics. Cheap to clone; clones are the same.
#[derive(Clone)]
pub(crate) struct Metrics {
    families: Arc<Families>,
    unknown: Arc<ModelMetrics>,
}

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

struct Families {
    requests: Family<OfStatus, Counter>,
    in_flight: Family<OfEndpoint, Gauge>,
    up: Family<OfEndpoint, Gauge>,
    ejections: Family<OfEndpoint, Counter>,
    attempts: Family<OfAttempt, Counter>,
    queued: Family<OfModel, Gauge>,
    cancels: Family<OfModel, Counter>,
    truncated: Family<OfModel, Counter>,
    usage_unknown: Family<OfModel, Counter>,
    retries: Family<OfRetry, Counter>,
    hedges: Family<OfHedge, Counter>,
    heartbeats: Counter,
    refused_calls: Counter,
    duration: Histograms<OfCall>,
    first_token: Histograms<OfCall>,
    per_token: Histograms<OfCall>,
    tokens: Histograms<OfTokens>,
    /// Pairs of a model and a tenant that have series.
    pairs: AtomicUsize,
}

impl Metrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let families = Arc::new(Families {
            requests: Family::default(),
            in_flight: Family::default(),
            up: Family::default(),
            ejections: Family::default(),
            attempts: Family::default(),
            queued: Family::default(),
            cancels: Family::default(),
            truncated: Family::default(),
            usage_unknown: Family::default(),
            retries: Family::default(),
            hedges: Family::default(),
            heartbeats: Counter::default(),
            refused_calls: Counter::default(),
            duration: Family::new_with_constructor(seconds),
            first_token: Family::new_with_constructor(seconds),
            per_token: Family::new_with_constructor(short_seconds),
            tokens: Family::new_with_constructor(tokens),
            pairs: AtomicUsize::new(0),
        });
        families.register(registry);
        families.register_gen_ai(registry);
        let unknown = ModelMetrics::new(NO_MODEL, &families);
        Self { families, unknown }
    }

    /// What is counted of a model.
    pub(crate) fn of_model(&self, name: &str) -> Arc<ModelMetrics> {
        ModelMetrics::new(name, &self.families)
    }

    /// What is counted of requests that name no model that is known.
    pub(crate) fn of_no_model(&self) -> Arc<ModelMetrics> {
        self.unknown.clone()
    }

    /// What is counted of an endpoint.
    pub(crate) fn of_endpoint(&self, name: &str) -> Arc<EndpointMetrics> {
        EndpointMetrics::new(name, &self.families)
    }

    pub(crate) fn heartbeat(&self) {
        self.families.heartbeats.inc();
    }

    pub(crate) fn refused_call(&self) {
        self.families.refused_calls.inc();
    }
}

impl Families {
    fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("weir_cluster");
        let help = "Requests by model and status; 499: the client left before one";
        registry.register("requests", help, self.requests.clone());
        registry.register("in_flight", "Requests that an endpoint is working on", self.in_flight.clone());
        registry.register("endpoint_up", "Whether health checks find an endpoint up", self.up.clone());
        registry.register("ejections", "Times that an endpoint was put aside or found down", self.ejections.clone());
        registry.register("attempts", "Requests that an endpoint answered, or failed to", self.attempts.clone());
        registry.register("queued", "Requests that wait for room on an endpoint", self.queued.clone());
        registry.register("cancels", "Requests whose client left before the end", self.cancels.clone());
        registry.register("truncated", "Answers that broke off after their head", self.truncated.clone());
        let help = "Good answers of which it is not known how many tokens they took";
        registry.register("usage_unknown", help, self.usage_unknown.clone());
        registry.register("retries", "Further attempts, by what the one before met", self.retries.clone());
        let help = "Calls that were asked of a second endpoint, by whose answer counted";
        registry.register("hedges", help, self.hedges.clone());
        registry.register("heartbeats", "Comments sent into silent streams", self.heartbeats.clone());
        registry.register("refused_calls", "Calls without a right signature", self.refused_calls.clone());
    }

    /// The names of OpenTelemetry's conventions for generative AI, in Prometheus' form.
    fn register_gen_ai(&self, registry: &mut Registry) {
        let mut time = |name, help, family: &Histograms<OfCall>| {
            registry.register_with_unit(name, help, Unit::Seconds, family.clone());
        };
        let help = "From a request's head to the end of its answer";
        time("gen_ai_server_request_duration", help, &self.duration);
        let help = "From a request's head to the first byte of its stream";
        time("gen_ai_server_time_to_first_token", help, &self.first_token);
        let help = "Between the tokens of a stream, after the first, where their number is known";
        time("gen_ai_server_time_per_output_token", help, &self.per_token);
        let help = "Tokens of a request, as its answer says";
        registry.register("gen_ai_client_token_usage", help, self.tokens.clone());
    }
}

/// From 5 ms to about 164 s, each bucket twice the one before.
fn seconds() -> Histogram {
    Histogram::new(prometheus_client::metrics::histogram::exponential_buckets(0.005, 2.0, 16))
}

/// From 1 ms to about 4 s, each bucket twice the one before.
fn short_seconds() -> Histogram {
    Histogram::new(prometheus_client::metrics::histogram::exponential_buckets(0.001, 2.0, 13))
}

/// From 1 to about 4 million, each bucket four times the one before, as the conventions have them.
fn tokens() -> Histogram {
    Histogram::new(prometheus_client::metrics::histogram::exponential_buckets(1.0, 4.0, 12))
}

#[cfg(test)]
mod tests;
