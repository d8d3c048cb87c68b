//! What is counted.

use std::collections::HashSet;

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use weir_core::control::{DenyScope, Reserved};
use weir_core::signing::Proof;
use weir_core::{Ending, Usage};
use weir_limiter::Settlement;

/// How many pairs of tenant and model have a series of their own; the rest goes by the name of [`OTHER`].
const PAIRS: usize = 1_000;
const OTHER: &str = "other";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Decision {
    decision: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Limit {
    limit: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Settled {
    ending: &'static str,
    settlement: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Tokens {
    tenant: String,
    model: String,
    r#type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Proven {
    proof: &'static str,
}

/// The control plane's metrics. Label sets are bounded: names come from the configuration, from a fixed list, or are
/// cut off at a number.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    reservations: Family<Decision, Counter>,
    denials: Family<Limit, Counter>,
    settlements: Family<Settled, Counter>,
    tokens: Family<Tokens, Counter>,
    renewals: Counter,
    expiries: Counter,
    refusals: Family<Reason, Counter>,
    proven: Family<Proven, Counter>,
    live: Gauge,
    counters: Gauge,
    pairs: Mutex<HashSet<(String, String)>>,
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let of = "Reservations asked for, by what was decided";
        registry.register("weir_quota_reservations", of, self.reservations.clone());
        registry.register("weir_quota_denials", "Denials, by the limit that was used up", self.denials.clone());
        let of = "Settlements, by how the attempt ended and by what they met";
        registry.register("weir_quota_settlements", of, self.settlements.clone());
        registry.register("weir_tokens", "Tokens used, as settled", self.tokens.clone());
        registry.register("weir_quota_renewals", "Reservations kept alive", self.renewals.clone());
        let of = "Reservations that nobody settled in time, charged as estimated";
        registry.register("weir_quota_lease_expiries", of, self.expiries.clone());
        let of = "Calls refused since their signature, or what they are for, is not right";
        registry.register("weir_signature_refusals", of, self.refusals.clone());
        let of = "Calls of edges that were taken, by what showed whose they are: the signature, or a MAC once there is a session";
        registry.register("weir_signed_calls", of, self.proven.clone());
        registry.register("weir_quota_live_reservations", "Reservations not yet settled", self.live.clone());
        registry.register("weir_quota_counters", "Counters in memory", self.counters.clone());
    }

    pub(crate) fn reserved(&self, reserved: &Reserved) {
        let decision = match reserved {
            Reserved::Granted(_) => "granted",
            Reserved::Denied(deny) => {
                self.denials.get_or_create(&Limit { limit: deny.limit.clone() }).inc();
                match deny.scope {
                    DenyScope::Caller => "denied-caller",
                    DenyScope::Backends => "denied-backends",
                }
            }
        };
        self.reservations.get_or_create(&Decision { decision }).inc();
    }

    pub(crate) fn settled(&self, settlement: Settlement, ending: Ending) {
        let labels = Settled { ending: ending_name(ending), settlement: settlement_name(settlement) };
        self.settlements.get_or_create(&labels).inc();
    }

    pub(crate) fn used(&self, tenant: &str, model: &str, usage: &Usage) {
        let (tenant, model) = self.bounded(tenant, model);
        for (r#type, tokens) in [
            ("input", usage.input),
            ("output", usage.output),
            ("cache-read", usage.cache_read),
            ("cache-write", usage.cache_write),
            ("reasoning", usage.reasoning),
        ] {
            if tokens.0 > 0 {
                let labels = Tokens { tenant: tenant.clone(), model: model.clone(), r#type };
                self.tokens.get_or_create(&labels).inc_by(tokens.0);
            }
        }
    }

    pub(crate) fn proven(&self, proof: Proof) {
        let proof = match proof {
            Proof::Signature => "signature",
            Proof::Mac => "mac",
        };
        self.proven.get_or_create(&Proven { proof }).inc();
    }

    pub(crate) fn renewed(&self) {
        self.renewals.inc();
    }

    pub(crate) fn expired(&self, number: usize) {
        self.expiries.inc_by(number as u64);
    }

    pub(crate) fn refused(&self, reason: &'static str) {
        self.refusals.get_or_create(&Reason { reason }).inc();
    }

    pub(crate) fn sizes(&self, live: usize, counters: usize) {
        self.live.set(i64::try_from(live).unwrap_or(i64::MAX));
        self.counters.set(i64::try_from(counters).unwrap_or(i64::MAX));
    }

    fn bounded(&self, tenant: &str, model: &str) -> (String, String) {
        let pair = (tenant.to_owned(), model.to_owned());
        let mut pairs = self.pairs.lock();
        if pairs.contains(&pair) {
            return pair;
        }
        if pairs.len() >= PAIRS {
            return (OTHER.to_owned(), OTHER.to_owned());
        }
        pairs.insert(pair.clone());
        pair
    }
}

fn ending_name(ending: Ending) -> &'static str {
    match ending {
        Ending::Complete => "complete",
        Ending::Truncated => "truncated",
        Ending::ClientGone => "client-gone",
        Ending::Refused => "refused",
        Ending::Failed => "failed",
    }
}

fn settlement_name(settlement: Settlement) -> &'static str {
    match settlement {
        Settlement::Settled => "settled",
        Settlement::Corrected => "corrected",
        Settlement::Unreserved => "unreserved",
        Settlement::Repeated => "repeated",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_models_ends_in_one_series() {
        let metrics = Metrics::default();
        for number in 0..PAIRS + 50 {
            let usage = Usage { input: weir_core::Tokens(2), ..Usage::default() };
            metrics.used("acme", &format!("model-{number}"), &usage);
        }
        let other = Tokens { tenant: OTHER.into(), model: OTHER.into(), r#type: "input" };
        assert_eq!(metrics.tokens.get_or_create(&other).get(), 100);
    }
}
