//! What is counted of one model.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::labels::{OfCall, OfHedge, OfModel, OfRetry, OfStatus};
use super::{Families, OTHER, PAIRS};
use crate::usage::Tokens;

/// A model's metrics, by handles. They are forgotten with it; what is counted afterwards is counted in vain.
pub(crate) struct ModelMetrics {
    name: String,
    families: Arc<Families>,
    pub(crate) queued: Gauge,
    ends: OnceLock<Ends>,
    statuses: RwLock<HashMap<u16, Counter>>,
    retries: Mutex<HashMap<&'static str, Counter>>,
    hedges: [OnceLock<Counter>; 2],
    /// By operation, and by tenant.
    calls: RwLock<HashMap<&'static str, HashMap<String, Arc<Calls>>>>,
    gone: AtomicBool,
}

/// How calls ended that did not end as they should. Made with the first call, whatever its end.
#[derive(Default)]
pub(crate) struct Ends {
    pub(crate) cancels: Counter,
    pub(crate) truncated: Counter,
    pub(crate) usage_unknown: Counter,
}

/// Calls of one tenant, of one operation of a model. Made when there is something to count.
struct Calls {
    label: OfCall,
    duration: OnceLock<Histogram>,
    first_token: OnceLock<Histogram>,
    per_token: OnceLock<Histogram>,
    input: OnceLock<Histogram>,
    output: OnceLock<Histogram>,
}

/// A call that is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finished<'t> {
    pub(crate) operation: &'static str,
    pub(crate) tenant: &'t str,
    pub(crate) status: u16,
    pub(crate) took: Duration,
    /// The time to its first byte, where it was a stream.
    pub(crate) first: Option<Duration>,
    pub(crate) tokens: Tokens,
}

impl ModelMetrics {
    pub(super) fn new(name: &str, families: &Arc<Families>) -> Arc<Self> {
        let label = OfModel { model: name.to_owned() };
        Arc::new(Self {
            name: name.to_owned(),
            queued: families.queued.get_or_create_owned(&label),
            ends: OnceLock::new(),
            families: families.clone(),
            statuses: RwLock::default(),
            retries: Mutex::default(),
            hedges: Default::default(),
            calls: RwLock::default(),
            gone: AtomicBool::new(false),
        })
    }

    /// How its calls ended so far.
    pub(crate) fn ends(&self) -> &Ends {
        self.ends.get_or_init(|| {
            let (families, label) = (&self.families, OfModel { model: self.name.clone() });
            Ends {
                cancels: families.cancels.get_or_create_owned(&label),
                truncated: families.truncated.get_or_create_owned(&label),
                usage_unknown: families.usage_unknown.get_or_create_owned(&label),
            }
        })
    }

    /// Another attempt, since the one before met this.
    pub(crate) fn retried(&self, reason: &'static str) {
        let make = || self.families.retries.get_or_create_owned(&OfRetry { model: self.name.clone(), reason });
        self.retries.lock().entry(reason).or_insert_with(|| self.made(make)).inc();
    }

    /// Of a call that was made twice, the first answer counted or the second.
    pub(crate) fn hedged(&self, second: bool) {
        let answered = if second { "second" } else { "first" };
        let make = || self.families.hedges.get_or_create_owned(&OfHedge { model: self.name.clone(), answered });
        self.hedges[usize::from(second)].get_or_init(|| self.made(make)).inc();
    }

    /// A call is over.
    pub(crate) fn finished(&self, call: Finished<'_>) {
        self.status(call.status).inc();
        let calls = self.calls(call.operation, call.tenant);
        let time = |cell: &OnceLock<Histogram>, family: &super::Histograms<OfCall>, value: f64| {
            cell.get_or_init(|| self.made(|| family.get_or_create_owned(&calls.label))).observe(value);
        };
        let families = &self.families;
        time(&calls.duration, &families.duration, call.took.as_secs_f64());
        if let Some(first) = call.first {
            time(&calls.first_token, &families.first_token, first.as_secs_f64());
            if let Some(further) = call.tokens.output.and_then(|output| output.checked_sub(1)).filter(|&n| n > 0) {
                #[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 tokens")]
                let each = call.took.saturating_sub(first).as_secs_f64() / further as f64;
                time(&calls.per_token, &families.per_token, each);
            }
        }
        for (cell, tokens, kind) in
            [(&calls.input, call.tokens.input, "input"), (&calls.output, call.tokens.output, "output")]
        {
            if let Some(tokens) = tokens {
                #[expect(clippy::cast_precision_loss, reason = "no answer has 2^52 tokens")]
                let tokens = tokens as f64;
                let make = || families.tokens.get_or_create_owned(&calls.label.tokens(kind));
                cell.get_or_init(|| self.made(make)).observe(tokens);
            }
        }
    }

    /// Forgets all of it.
    pub(crate) fn forget(&self) {
        self.gone.store(true, Ordering::SeqCst);
        // Where there is none yet, what is counted later is counted where nobody sees it.
        self.ends.get_or_init(Ends::default);
        let (families, label) = (&self.families, OfModel { model: self.name.clone() });
        families.queued.remove(&label);
        families.cancels.remove(&label);
        families.truncated.remove(&label);
        families.usage_unknown.remove(&label);
        for &status in self.statuses.read().keys() {
            families.requests.remove(&OfStatus { model: self.name.clone(), status });
        }
        for &reason in self.retries.lock().keys() {
            families.retries.remove(&OfRetry { model: self.name.clone(), reason });
        }
        for answered in ["first", "second"] {
            families.hedges.remove(&OfHedge { model: self.name.clone(), answered });
        }
        for calls in self.calls.read().values().flat_map(HashMap::values) {
            families.duration.remove(&calls.label);
            families.first_token.remove(&calls.label);
            families.per_token.remove(&calls.label);
            families.tokens.remove(&calls.label.tokens("input"));
            families.tokens.remove(&calls.label.tokens("output"));
            if calls.label.tenant != OTHER {
                families.pairs.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    fn status(&self, status: u16) -> Counter {
        if let Some(counter) = self.statuses.read().get(&status) {
            return counter.clone();
        }
        let make = || self.families.requests.get_or_create_owned(&OfStatus { model: self.name.clone(), status });
        self.statuses.write().entry(status).or_insert_with(|| self.made(make)).clone()
    }

    fn calls(&self, operation: &'static str, tenant: &str) -> Arc<Calls> {
        if let Some(calls) = self.calls.read().get(operation).and_then(|tenants| tenants.get(tenant)) {
            return calls.clone();
        }
        let mut calls = self.calls.write();
        let tenants = calls.entry(operation).or_default();
        let room = |pairs| (pairs < PAIRS).then_some(pairs + 1);
        let own = tenants.contains_key(tenant)
            || tenant == OTHER
            || self.families.pairs.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok();
        let tenant = if own { tenant } else { OTHER };
        let label = || OfCall::new(operation, &self.name, tenant);
        tenants.entry(tenant.to_owned()).or_insert_with(|| Arc::new(Calls::new(label()))).clone()
    }

    /// A metric of the family; of a model that is gone one that nobody sees.
    fn made<M: Unseen>(&self, make: impl FnOnce() -> M) -> M {
        if self.gone.load(Ordering::SeqCst) { M::unseen() } else { make() }
    }
}

impl Calls {
    fn new(label: OfCall) -> Self {
        let (duration, first_token, per_token, input, output) = Default::default();
        Self { label, duration, first_token, per_token, input, output }
    }
}

/// A metric that stands in no registry.
trait Unseen {
    fn unseen() -> Self;
}

impl Unseen for Counter {
    fn unseen() -> Self {
        Self::default()
    }
}

impl Unseen for Histogram {
    fn unseen() -> Self {
        Self::new(std::iter::empty())
    }
}
