//! The quota in memory, and what is written down of it.

use std::sync::Arc;

use parking_lot::Mutex;
use weir_core::config::Limit;
use weir_core::control::{Renewed, Reserve, Reserved, Settle};
use weir_core::{UnixMillis, Usage};
use weir_limiter::{AttemptId, Quota, QuotaBounds, Settlement};

use crate::ledger::{Ledger, Record};
use crate::metrics::Metrics;
use crate::verify::{Edge, Refusal};

/// How many records are kept.
const RECORDS: usize = 10_000;

/// What is used and held, and who used it. For one replica; it forgets all when the process ends.
#[derive(Debug)]
pub(crate) struct Books {
    quota: Mutex<Quota>,
    ledger: Mutex<Ledger>,
    metrics: Arc<Metrics>,
}

impl Books {
    pub(crate) fn new(limits: &[Limit], metrics: Arc<Metrics>) -> Self {
        let quota = Mutex::new(Quota::new(limits, QuotaBounds::default()));
        Self { quota, ledger: Mutex::new(Ledger::new(RECORDS)), metrics }
    }

    pub(crate) fn reload(&self, limits: &[Limit]) {
        self.quota.lock().reload(limits);
    }

    pub(crate) fn reserve(&self, now: UnixMillis, edge: &Edge, ask: &Reserve) -> Result<Reserved, Refusal> {
        let id = AttemptId { request: ask.request, attempt: ask.attempt };
        let mut quota = self.quota.lock();
        check_owner(&quota, id, edge)?;
        let reserved = quota.reserve_for(now, &edge.name, ask);
        drop(quota);
        self.metrics.reserved(&reserved);
        Ok(reserved)
    }

    pub(crate) fn renew(&self, now: UnixMillis, edge: &Edge, id: AttemptId) -> Result<Option<Renewed>, Refusal> {
        let mut quota = self.quota.lock();
        check_owner(&quota, id, edge)?;
        let renewed = quota.renew(now, &id.to_string());
        if renewed.is_some() {
            self.metrics.renewed();
        }
        Ok(renewed)
    }

    pub(crate) fn settle(&self, now: UnixMillis, edge: &Edge, settle: &Settle) -> Result<Settlement, Refusal> {
        let id = AttemptId { request: settle.request, attempt: settle.attempt };
        let mut quota = self.quota.lock();
        check_owner(&quota, id, edge)?;
        let settlement = quota.settle(now, settle);
        // Both locks at once, so that no lease expires in between and is written down after its correction.
        let mut ledger = self.ledger.lock();
        drop(quota);
        let record = Record::settled(now, &edge.name, settle);
        match settlement {
            Settlement::Settled | Settlement::Unreserved => ledger.add(record),
            Settlement::Corrected => {
                ledger.correct(record);
            }
            Settlement::Repeated => {}
        }
        drop(ledger);
        self.metrics.settled(settlement, settle.outcome.ending);
        if settlement != Settlement::Repeated {
            self.metrics.used(&settle.principal.tenant, &settle.model, &settle.outcome.usage);
        }
        Ok(settlement)
    }

    /// What is due from time to time.
    pub(crate) fn tick(&self, now: UnixMillis) {
        let mut quota = self.quota.lock();
        let expired = quota.tick(now);
        let (live, counters) = (quota.reservations(), quota.counters());
        let mut ledger = self.ledger.lock();
        drop(quota);
        for lease in &expired {
            ledger.add(Record::expired(now, lease));
        }
        drop(ledger);
        self.metrics.expired(expired.len());
        self.metrics.sizes(live, counters);
    }

    /// How many attempts there were, and the latest of those that `is_wanted` says yes to.
    pub(crate) fn records(&self, most: usize, is_wanted: impl Fn(&Record) -> bool) -> (u64, Vec<Record>) {
        let ledger = self.ledger.lock();
        let records = ledger.newest().filter(|record| is_wanted(record)).take(most).cloned().collect();
        (ledger.total(), records)
    }

    /// All that the kept records add up to.
    pub(crate) fn used(&self) -> Usage {
        self.ledger.lock().newest().fold(Usage::default(), |mut sum, record| {
            sum.input += record.usage.input;
            sum.output += record.usage.output;
            sum.cache_read += record.usage.cache_read;
            sum.cache_write += record.usage.cache_write;
            sum.reasoning += record.usage.reasoning;
            sum.estimated |= record.usage.estimated;
            sum
        })
    }
}

/// A reservation is its owner's alone, while it lives and as long as it is remembered.
fn check_owner(quota: &Quota, id: AttemptId, edge: &Edge) -> Result<(), Refusal> {
    match quota.owner(id) {
        Some(owner) if owner != &*edge.name => Err(Refusal::Owner),
        _ => Ok(()),
    }
}
