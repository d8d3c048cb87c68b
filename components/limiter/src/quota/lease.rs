//! Reservations that live, in the order in which they run out.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use weir_core::config::LimitUnit;
use weir_core::{Candidate, Estimate, Principal};

use super::counters::CounterKey;
use crate::attempt::AttemptId;
use crate::timeline::Moment;

/// What is held for an attempt until it is settled.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) owner: Arc<str>,
    pub(super) expires: Moment,
    /// The index among the candidates that were asked for.
    pub(super) chosen: usize,
    pub(super) subject: Expired,
    pub(super) held: Vec<Held>,
}

/// A share of a limit.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) key: CounterKey,
    pub(super) unit: LimitUnit,
    pub(super) amount: u64,
}

/// An attempt whose lease ran out: it is charged as estimated, until a late settlement says better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// The attempt.
    pub id: AttemptId,
    /// Who made the reservation.
    pub owner: Arc<str>,
    /// The caller's tenant.
    pub tenant: String,
    /// The name of the caller's key.
    pub key: String,
    /// The caller's user.
    pub user: Option<String>,
    /// The model as the caller named it.
    pub model: String,
    /// The candidate that was chosen.
    pub candidate: Candidate,
    /// What it is charged.
    pub estimate: Estimate,
}

impl Expired {
    pub(super) fn of(
        id: AttemptId,
        owner: Arc<str>,
        caller: &Principal,
        model: &str,
        candidate: Candidate,
        estimate: Estimate,
    ) -> Self {
        Self {
            id,
            owner,
            tenant: caller.tenant.clone(),
            key: caller.key.clone(),
            user: caller.user.clone(),
            model: model.to_owned(),
            candidate,
            estimate,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Leases {
    by_id: HashMap<AttemptId, Lease>,
    by_end: BTreeSet<(Moment, AttemptId)>,
}

impl Leases {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn get(&self, id: AttemptId) -> Option<&Lease> {
        self.by_id.get(&id)
    }

    pub(super) fn add(&mut self, id: AttemptId, lease: Lease) {
        self.by_end.insert((lease.expires, id));
        self.by_id.insert(id, lease);
    }

    pub(super) fn renew(&mut self, id: AttemptId, expires: Moment) -> bool {
        let Some(lease) = self.by_id.get_mut(&id) else {
            return false;
        };
        self.by_end.remove(&(lease.expires, id));
        lease.expires = expires;
        self.by_end.insert((expires, id));
        true
    }

    pub(super) fn take(&mut self, id: AttemptId) -> Option<Lease> {
        let lease = self.by_id.remove(&id)?;
        self.by_end.remove(&(lease.expires, id));
        Some(lease)
    }

    /// The lease that runs out first.
    pub(super) fn first(&self) -> Option<(Moment, AttemptId)> {
        self.by_end.first().copied()
    }
}
