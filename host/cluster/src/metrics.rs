//! What the data plane counts. Labels come from configuration, never from a request: their number is bounded.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The label of requests whose model is not known, or that never came so far as to name one.
pub(crate) const NO_MODEL: &str = "";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfModel {
    model: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStatus {
    model: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfEndpoint {
    endpoint: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRetry {
    model: String,
    reason: &'static str,
}

/// The data plane's metrics.
#[derive(Clone)]
pub(crate) struct Metrics {
    requests: Family<OfStatus, Counter>,
    in_flight: Family<OfEndpoint, Gauge>,
    up: Family<OfEndpoint, Gauge>,
    ejections: Family<OfEndpoint, Counter>,
    queued: Family<OfModel, Gauge>,
    cancels: Family<OfModel, Counter>,
    truncated: Family<OfModel, Counter>,
    retries: Family<OfRetry, Counter>,
    heartbeats: Counter,
    refused_calls: Counter,
    first_byte: Family<OfModel, Histogram, fn() -> Histogram>,
    duration: Family<OfModel, Histogram, fn() -> Histogram>,
}

impl Metrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let this = Self {
            requests: Family::default(),
            in_flight: Family::default(),
            up: Family::default(),
            ejections: Family::default(),
            queued: Family::default(),
            cancels: Family::default(),
            truncated: Family::default(),
            retries: Family::default(),
            heartbeats: Counter::default(),
            refused_calls: Counter::default(),
            first_byte: Family::new_with_constructor(seconds),
            duration: Family::new_with_constructor(seconds),
        };
        this.register(registry.sub_registry_with_prefix("weir_cluster"));
        this
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "requests",
            "Requests by model and status; 499: the client left before one",
            self.requests.clone(),
        );
        registry.register("in_flight", "Requests that an endpoint is working on", self.in_flight.clone());
        registry.register("endpoint_up", "Whether health checks find an endpoint up", self.up.clone());
        registry.register("ejections", "Times that an endpoint was put aside or found down", self.ejections.clone());
        registry.register("queued", "Requests that wait for room on an endpoint", self.queued.clone());
        registry.register("cancels", "Requests whose client left before the end", self.cancels.clone());
        registry.register("truncated", "Answers that broke off after their head", self.truncated.clone());
        registry.register("retries", "Further attempts, by what the one before met", self.retries.clone());
        registry.register("heartbeats", "Comments sent into silent streams", self.heartbeats.clone());
        registry.register("refused_calls", "Calls without a right signature", self.refused_calls.clone());
        let first = "From a request's head to the first byte of its answer's body";
        registry.register_with_unit("first_byte", first, Unit::Seconds, self.first_byte.clone());
        let whole = "From a request's head to the end of its answer";
        registry.register_with_unit("duration", whole, Unit::Seconds, self.duration.clone());
    }

    pub(crate) fn of_endpoint(&self, name: &str) -> (Gauge, Gauge, Counter) {
        let label = OfEndpoint { endpoint: name.to_owned() };
        (
            self.in_flight.get_or_create_owned(&label),
            self.up.get_or_create_owned(&label),
            self.ejections.get_or_create_owned(&label),
        )
    }

    /// Forgets an endpoint that is not configured any more.
    pub(crate) fn forget_endpoint(&self, name: &str) {
        let label = OfEndpoint { endpoint: name.to_owned() };
        self.in_flight.remove(&label);
        self.up.remove(&label);
        self.ejections.remove(&label);
    }

    /// Forgets a model that is not configured any more.
    pub(crate) fn forget_model(&self, name: &str) {
        self.queued.remove(&OfModel { model: name.to_owned() });
    }

    pub(crate) fn queued(&self, model: &str) -> Gauge {
        self.queued.get_or_create_owned(&OfModel { model: model.to_owned() })
    }

    pub(crate) fn request(&self, model: &str, status: u16, seconds: f64) {
        self.requests.get_or_create(&OfStatus { model: model.to_owned(), status }).inc();
        self.duration.get_or_create(&OfModel { model: model.to_owned() }).observe(seconds);
    }

    pub(crate) fn first_byte(&self, model: &str, seconds: f64) {
        self.first_byte.get_or_create(&OfModel { model: model.to_owned() }).observe(seconds);
    }

    pub(crate) fn cancelled(&self, model: &str) {
        self.cancels.get_or_create(&OfModel { model: model.to_owned() }).inc();
    }

    pub(crate) fn truncated(&self, model: &str) {
        self.truncated.get_or_create(&OfModel { model: model.to_owned() }).inc();
    }

    pub(crate) fn retried(&self, model: &str, reason: &'static str) {
        self.retries.get_or_create(&OfRetry { model: model.to_owned(), reason }).inc();
    }

    pub(crate) fn heartbeat(&self) {
        self.heartbeats.inc();
    }

    pub(crate) fn refused_call(&self) {
        self.refused_calls.inc();
    }
}

/// From 5 ms to about 164 s, each bucket twice the one before.
fn seconds() -> Histogram {
    Histogram::new(prometheus_client::metrics::histogram::exponential_buckets(0.005, 2.0, 16))
}
