//! Which version a request goes to, and which of its endpoints.

use std::time::Instant;

use rand::Rng as _;

use super::{EndpointId, Fleet, ModelId, Share, Slot};
use crate::balance::Admission;
use crate::pace;

/// Up to this many endpoints, all are compared; beyond, two taken by chance.
const FEW: usize = 8;

/// The place of a share in its model, the endpoint, and how it may be called.
pub(super) type Choice = (usize, EndpointId, Admission);

impl<E: Clone, V: Clone, W> Fleet<E, V, W> {
    /// A version by its weight, and the best of its endpoints. A version that has no room now leaves its calls to the
    /// others: weights divide what is answered, and let nobody wait while there is room.
    pub(super) fn choose(&mut self, model: ModelId, avoid: &[EndpointId], now: Instant) -> Option<Choice> {
        match &self.models.get(model)?.shares[..] {
            [] => None,
            [only] if only.weight == 0 => None,
            [_] => self.choose_of(model, 0, avoid, now),
            shares => {
                let mut left: Vec<(usize, u64)> = shares
                    .iter()
                    .enumerate()
                    .filter(|(_, share)| share.weight > 0)
                    .map(|(at, share)| (at, u64::from(share.weight)))
                    .collect();
                while !left.is_empty() {
                    let all: u64 = left.iter().map(|(_, weight)| weight).sum();
                    let mut point = self.random.random_range(0..all);
                    let hit = left.iter().position(|&(_, weight)| {
                        let here = point < weight;
                        point = point.saturating_sub(weight);
                        here
                    });
                    let (share, _) = left.swap_remove(hit.unwrap_or_default());
                    if let Some(choice) = self.choose_of(model, share, avoid, now) {
                        return Some(choice);
                    }
                }
                None
            }
        }
    }

    fn choose_of(&mut self, model: ModelId, share: usize, avoid: &[EndpointId], now: Instant) -> Option<Choice> {
        let count = self.models[model].shares[share].endpoints.len();
        if count == 0 {
            return None;
        }
        // Among equals the first one wins, so the round begins anywhere.
        let start = self.random.random_range(0..count);
        let other = if count > FEW { (start + self.random.random_range(1..count)) % count } else { start };
        let Share { endpoints, .. } = &self.models[model].shares[share];
        let best = if count > FEW {
            // Where neither of the two may be called, all are looked at.
            self.best(model, [endpoints[start], endpoints[other]].into_iter(), avoid, now)
        } else {
            None
        };
        let round = endpoints[start..].iter().chain(&endpoints[..start]).copied();
        best.or_else(|| self.best(model, round, avoid, now)).map(|(id, admission)| (share, id, admission))
    }

    /// The endpoint on which a request finds the least to do before it, seen by how fast each does it.
    fn best(
        &self,
        model: ModelId,
        ids: impl Iterator<Item = EndpointId> + Clone,
        avoid: &[EndpointId],
        now: Instant,
    ) -> Option<(EndpointId, Admission)> {
        let candidates = ids.filter_map(|id| {
            let slot = self.endpoints.get(id).filter(|slot| slot.terms.open && slot.in_flight < slot.terms.cap)?;
            if avoid.contains(&id) {
                return None;
            }
            Some((id, slot, slot.condition.admission(now, &self.rules)?))
        });
        let mut best: Option<(f64, EndpointId, Admission)> = None;
        let usual = &self.models[model].usual;
        let slowness = |slot: &Slot<E>| slot.pace.slowness(model, usual, now);
        let fastest = candidates.clone().map(|(_, slot, _)| slowness(slot)).fold(f64::INFINITY, f64::min);
        for (id, slot, admission) in candidates {
            let load = load(slot.in_flight, admission, pace::penalty(slowness(slot), fastest));
            if best.is_none_or(|(least, ..)| load < least) {
                best = Some((load, id, admission));
            }
        }
        best.map(|(_, id, admission)| (id, admission))
    }
}

/// What a request would find: those before it and itself, as seen by an endpoint of full weight and as fast as the
/// fastest. A probe goes first, or an endpoint that was put aside would not be tried before all others are loaded.
fn load(in_flight: usize, admission: Admission, penalty: f64) -> f64 {
    if admission.probe {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "caps are far below 2^52")]
    let requests = (in_flight + 1) as f64;
    requests * penalty / admission.weight
}
