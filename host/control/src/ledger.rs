//! Who used what: one record an attempt, the latest in memory.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use weir_core::control::Settle;
use weir_core::{Ending, Millis, RequestId, UnixMillis, Usage};
use weir_limiter::Expired;

/// What one attempt used. It says who, what model and how much; never what was asked or answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When it was settled, or when its lease ran out.
    pub at: UnixMillis,
    /// The request.
    pub request: RequestId,
    /// Which try it was, counted from 1.
    pub attempt: u32,
    /// The edge that settled it.
    pub edge: String,
    /// The caller's tenant.
    pub tenant: String,
    /// The name of the caller's key.
    pub key: String,
    /// The caller's user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The model as the caller named it.
    pub model: String,
    /// The backend that was called.
    pub backend: String,
    /// The model as that backend calls it.
    pub backend_model: String,
    /// The tokens, of each kind.
    pub usage: Usage,
    /// How it ended; `None` while nobody but its lease said so.
    pub ending: Option<Ending>,
    /// From the sending of the request to the first event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_event: Option<Millis>,
    /// From the sending of the request to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took: Option<Millis>,
    /// The backend's status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

impl Record {
    pub(crate) fn settled(at: UnixMillis, edge: &str, settle: &Settle) -> Self {
        let outcome = &settle.outcome;
        Self {
            at,
            request: settle.request,
            attempt: settle.attempt,
            edge: edge.to_owned(),
            tenant: settle.principal.tenant.clone(),
            key: settle.principal.key.clone(),
            user: settle.principal.user.clone(),
            model: settle.model.clone(),
            backend: outcome.candidate.backend.clone(),
            backend_model: outcome.candidate.model.clone(),
            usage: outcome.usage,
            ending: Some(outcome.ending),
            first_event: outcome.first_event,
            took: Some(outcome.took),
            status: outcome.status,
        }
    }

    pub(crate) fn expired(at: UnixMillis, expired: &Expired) -> Self {
        let Expired { id, owner, tenant, key, user, model, candidate, estimate } = expired;
        Self {
            at,
            request: id.request,
            attempt: id.attempt,
            edge: owner.to_string(),
            tenant: tenant.clone(),
            key: key.clone(),
            user: user.clone(),
            model: model.clone(),
            backend: candidate.backend.clone(),
            backend_model: candidate.model.clone(),
            usage: Usage { input: estimate.input, output: estimate.output, estimated: true, ..Usage::default() },
            ending: None,
            first_event: None,
            took: None,
            status: None,
        }
    }
}

/// The last so many records.
#[derive(Debug)]
pub(crate) struct Ledger {
    records: VecDeque<Record>,
    total: u64,
    most: usize,
}

impl Ledger {
    pub(crate) fn new(most: usize) -> Self {
        Self { records: VecDeque::new(), total: 0, most: most.max(1) }
    }

    pub(crate) fn add(&mut self, record: Record) {
        self.total += 1;
        self.records.push_back(record);
        if self.records.len() > self.most {
            self.records.pop_front();
        }
    }

    /// Puts what is known at last in the place of what a lease that ran out left. Gives what it replaced.
    pub(crate) fn correct(&mut self, record: Record) -> Option<Record> {
        let is_same =
            |old: &&mut Record| old.ending.is_none() && old.request == record.request && old.attempt == record.attempt;
        match self.records.iter_mut().rev().find(is_same) {
            Some(old) => Some(std::mem::replace(old, record)),
            None => {
                // It was pushed out since; the attempt has been counted.
                self.total = self.total.saturating_sub(1);
                self.add(record);
                None
            }
        }
    }

    /// How many attempts there were, those that are not kept any more included.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The records, the newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use weir_core::{Candidate, Estimate, Tokens};
    use weir_limiter::AttemptId;

    use super::*;

    fn expired(number: u8) -> Expired {
        Expired {
            id: AttemptId { request: RequestId::new(UnixMillis(1), [number; 10]), attempt: 1 },
            owner: "edge".into(),
            tenant: "acme".into(),
            key: "laptop".into(),
            user: None,
            model: "m".into(),
            candidate: Candidate { backend: "b".into(), model: "m".into() },
            estimate: Estimate { input: Tokens(3), output: Tokens(4) },
        }
    }

    #[test]
    fn the_oldest_records_go_first() {
        let mut ledger = Ledger::new(3);
        for number in 0..5 {
            ledger.add(Record::expired(UnixMillis(u64::from(number)), &expired(number)));
        }
        assert_eq!(ledger.newest().map(|record| record.at.0).collect::<Vec<_>>(), [4, 3, 2]);
        assert_eq!(ledger.total(), 5);
    }

    #[test]
    fn a_late_settlement_replaces_what_the_lease_left() {
        let mut ledger = Ledger::new(3);
        ledger.add(Record::expired(UnixMillis(1), &expired(1)));
        ledger.add(Record::expired(UnixMillis(2), &expired(2)));
        let late = Record { ending: Some(Ending::Complete), ..Record::expired(UnixMillis(9), &expired(1)) };
        assert_eq!(ledger.correct(late.clone()).map(|old| old.at), Some(UnixMillis(1)));
        assert_eq!((ledger.total(), ledger.newest().nth(1)), (2, Some(&late)));
    }
}
