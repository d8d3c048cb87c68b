//! What is counted of one endpoint.

use std::sync::{Arc, OnceLock};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::Families;
use super::labels::{OfAttempt, OfEndpoint};

/// An endpoint's metrics, by handles, which are forgotten with it. Whether it is up is told as long as it is listed; what
/// it did, from its first request on: of thousands that nobody calls there is nothing more to tell.
pub(crate) struct EndpointMetrics {
    label: OfEndpoint,
    families: Arc<Families>,
    up: OnceLock<Gauge>,
    work: OnceLock<Work>,
}

/// What an endpoint has to do, and how it does it.
#[derive(Default)]
pub(crate) struct Work {
    pub(crate) in_flight: Gauge,
    pub(crate) ejections: Counter,
    /// Attempts that were answered as they should be, and those that were not.
    pub(crate) answered: Counter,
    pub(crate) failed: Counter,
}

impl EndpointMetrics {
    pub(super) fn new(name: &str, families: &Arc<Families>) -> Arc<Self> {
        let label = OfEndpoint { endpoint: name.to_owned() };
        Arc::new(Self { label, families: families.clone(), up: OnceLock::new(), work: OnceLock::new() })
    }

    /// It is found up, or down.
    pub(crate) fn found(&self, up: bool) {
        self.up.get_or_init(|| self.families.up.get_or_create_owned(&self.label)).set(i64::from(up));
    }

    /// What it did so far, and does.
    pub(crate) fn work(&self) -> &Work {
        self.work.get_or_init(|| {
            let (families, label) = (&self.families, &self.label);
            let attempts = |outcome| families.attempts.get_or_create_owned(&OfAttempt::new(&label.endpoint, outcome));
            Work {
                in_flight: families.in_flight.get_or_create_owned(label),
                ejections: families.ejections.get_or_create_owned(label),
                answered: attempts(OfAttempt::ANSWERED),
                failed: attempts(OfAttempt::FAILED),
            }
        })
    }

    /// Forgets all of it. What is counted afterwards is counted in vain.
    pub(crate) fn forget(&self) {
        // What is not there yet will be where nobody sees it.
        self.up.get_or_init(Gauge::default);
        self.work.get_or_init(Work::default);
        let (families, label) = (&self.families, &self.label);
        families.up.remove(label);
        families.in_flight.remove(label);
        families.ejections.remove(label);
        for outcome in [OfAttempt::ANSWERED, OfAttempt::FAILED] {
            families.attempts.remove(&OfAttempt::new(&label.endpoint, outcome));
        }
    }
}
