//! What an attempt asks of each limit, whether it is there, and what is left.

use weir_core::config::LimitUnit;
use weir_core::control::{LimitState, Reserve};
use weir_core::{Candidate, Millis};

use super::Quota;
use super::counters::CounterKey;
use crate::rule::{Call, Rule, Subject, estimated};
use crate::timeline::Moment;

/// When to try again where room depends on attempts that are not over: nobody knows when they will be.
const UNKNOWN: Millis = Millis(1_000);

/// What an attempt asks of one limit.
#[derive(Debug)]
pub(super) struct Share {
    /// The limit's index among the rules.
    rule: usize,
    pub(super) key: CounterKey,
    pub(super) unit: LimitUnit,
    pub(super) length: Millis,
    pub(super) amount: u64,
    /// Whether it is used for good at once, or held until the attempt is settled.
    pub(super) at_once: bool,
}

/// A limit that has not enough left.
#[derive(Debug)]
pub(super) struct Shortage {
    pub(super) limit: String,
    pub(super) retry_after: Millis,
    pub(super) never: bool,
}

/// Whether a limit counts this attempt: a caller's limit on requests counts the first alone.
pub(super) fn is_charged_again(rule: &Rule, attempt: u32) -> bool {
    attempt <= 1 || rule.limit.unit != LimitUnit::Requests || rule.is_for_backends()
}

fn call(ask: &Reserve) -> Call<'_> {
    Call { principal: &ask.principal, model: &ask.model }
}

impl Quota {
    pub(super) fn caller_shares(&self, ask: &Reserve) -> Vec<Share> {
        self.shares(ask, |rule| rule.caller(call(ask)))
    }

    /// The first candidate whose backend's limits fit; else the limit of the one that will fit soonest.
    pub(super) fn first_that_fits<'a>(
        &mut self,
        ask: &'a Reserve,
        at: Moment,
    ) -> Result<(usize, &'a Candidate, Vec<Share>), Shortage> {
        let mut soonest: Option<Shortage> = None;
        for (index, candidate) in ask.candidates.iter().enumerate() {
            let shares = self.shares(ask, |rule| rule.backend(call(ask), &candidate.backend));
            let Some(shortage) = self.worst_shortage(&shares, at) else {
                return Ok((index, candidate, shares));
            };
            if soonest.as_ref().is_none_or(|s| (shortage.never, shortage.retry_after) < (s.never, s.retry_after)) {
                soonest = Some(shortage);
            }
        }
        // A plan without candidates fits nowhere, now or later.
        Err(soonest.unwrap_or(Shortage { limit: String::new(), retry_after: Millis::ZERO, never: true }))
    }

    /// Of the limits that have not enough left, the one that takes longest to have it again.
    pub(super) fn worst_shortage(&mut self, shares: &[Share], at: Moment) -> Option<Shortage> {
        let short = shares.iter().filter_map(|share| self.shortage(share, at)).collect::<Vec<_>>();
        short.into_iter().max_by_key(|shortage| (shortage.never, shortage.retry_after))
    }

    /// What is left of these limits, the tightest first.
    pub(super) fn states(&mut self, shares: &[Share], at: Moment) -> Vec<LimitState> {
        let mut states: Vec<LimitState> = shares.iter().map(|share| self.state(share, at)).collect();
        states.sort_by(|a, b| {
            let left = |of: &LimitState, other: &LimitState| u128::from(of.remaining) * u128::from(other.limit.max(1));
            left(a, b).cmp(&left(b, a))
        });
        states
    }

    fn shares(&self, ask: &Reserve, subject: impl Fn(&Rule) -> Option<Subject>) -> Vec<Share> {
        let share = |(index, rule): (usize, &Rule)| {
            let charged = is_charged_again(rule, ask.attempt);
            Some(Share {
                rule: index,
                key: CounterKey { rule: rule.id, subject: subject(rule)? },
                unit: rule.limit.unit,
                length: rule.limit.window.length(),
                amount: if charged { estimated(rule.limit.unit, ask.estimate) } else { 0 },
                at_once: rule.limit.unit == LimitUnit::Requests,
            })
        };
        self.rules.iter().enumerate().filter_map(share).collect()
    }

    fn shortage(&mut self, share: &Share, at: Moment) -> Option<Shortage> {
        let limit = &self.rules[share.rule].limit;
        let counter = self.counters.find(&share.key, at);
        let taken = counter.as_ref().map_or(0, |counter| counter.taken());
        let wanted = taken.saturating_add(share.amount);
        if share.amount == 0 || (wanted <= limit.amount && taken.checked_add(share.amount).is_some()) {
            return None;
        }
        let never = share.amount > limit.amount;
        let missing = wanted.saturating_sub(limit.amount);
        let freed = counter.and_then(|counter| counter.window.frees(missing, at));
        let retry_after = if never { Millis::ZERO } else { freed.unwrap_or(UNKNOWN) };
        Some(Shortage { limit: limit.name.clone(), retry_after, never })
    }

    fn state(&mut self, share: &Share, at: Moment) -> LimitState {
        let limit = &self.rules[share.rule].limit;
        let counter = self.counters.find(&share.key, at);
        let reset = match &counter {
            None => Millis::ZERO,
            // What is held will be used, at the earliest now.
            Some(counter) if counter.held > 0 => counter.window.longest(),
            Some(counter) => counter.window.empties(at),
        };
        let taken = counter.map_or(0, |counter| counter.taken());
        let remaining = limit.amount.saturating_sub(taken);
        LimitState { name: limit.name.clone(), unit: limit.unit, limit: limit.amount, remaining, reset }
    }
}
