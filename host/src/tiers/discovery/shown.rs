//! What discovery says of itself in the fleet's document.

use std::collections::HashMap;

use weir_cluster::{Model, SourceState};
use weir_fleet::{Collision, Fleet, Problem, Watch};
use weir_kube::watch::{WatchState, WatchStatus};

use super::Discovery;

impl Discovery {
    /// Adds to the document how models are found, and what is wrong with objects.
    pub(crate) fn show(&self, fleet: &mut Fleet) {
        let watches = &self.shared.watches;
        fleet.discovery = Some(weir_fleet::Discovery {
            server: self.shared.origin.clone(),
            complete: watches.is_complete(),
            age_ms: u64::try_from(watches.age().as_millis()).unwrap_or(u64::MAX),
            watches: watches.status().into_iter().map(watch).collect(),
        });
        let told = self.shared.told.lock();
        fleet.collisions = told.found.collisions.iter().map(collision).collect();
        fleet.problems = told.found.problems.iter().map(problem).collect();
        let found: HashMap<&str, &Model> = told.found.models.iter().map(|model| (model.name.as_str(), model)).collect();
        for model in &mut fleet.models {
            let detail = found.get(model.name.as_str()).and_then(|found| found.detail.as_deref());
            model.text = in_full(model.text.take(), detail);
        }
    }
}

/// Callers are told the reason, in a word; who reads this may have the whole.
fn in_full(reason: Option<String>, detail: Option<&str>) -> Option<String> {
    match (reason, detail) {
        (Some(reason), Some(detail)) if !detail.contains(&reason) => Some(format!("{reason}: {detail}")),
        (_, Some(detail)) => Some(detail.to_owned()),
        (reason, None) => reason,
    }
}

fn watch(status: WatchStatus) -> Watch {
    let state = match status.state {
        WatchState::Listing => "listing",
        WatchState::Watching => "watching",
        WatchState::Waiting => "waiting",
        WatchState::Absent => "absent",
    };
    Watch {
        resource: status.resource,
        version: status.version.map(str::to_owned),
        namespace: status.namespace,
        state: state.to_owned(),
        objects: status.objects,
        age_ms: status.age_ms,
        last_event_ms: status.last_event_ms,
        events: status.events,
        reconnects: status.reconnects,
        relists: status.relists,
        skipped: status.skipped,
        // That a kind is not installed is no trouble.
        problem: status.problem.filter(|_| status.state != WatchState::Absent),
    }
}

fn collision(it: &weir_kube::catalog::Collision) -> Collision {
    Collision {
        name: it.name.clone(),
        kept_by: (&it.winner.0).into(),
        lost_by: (&it.loser.0).into(),
        still: it.listed_as.clone(),
    }
}

fn problem(it: &weir_kube::catalog::Problem) -> Problem {
    let source = SourceState {
        kind: it.kind.to_owned(),
        namespace: Some(it.object.namespace.to_string()),
        name: Some(it.object.name.to_string()),
    };
    Problem { source, text: it.fault.to_string() }
}

#[cfg(test)]
mod tests {
    use super::in_full;

    #[test]
    fn a_reason_is_not_said_twice() {
        let told = |reason: Option<&str>, detail| in_full(reason.map(str::to_owned), detail);
        assert_eq!(told(Some("Failed"), Some("no such bucket")).as_deref(), Some("Failed: no such bucket"));
        assert_eq!(told(Some("Failed"), Some("Failed: no such bucket")).as_deref(), Some("Failed: no such bucket"));
        assert_eq!(told(None, Some("a revision fails")).as_deref(), Some("a revision fails"));
        assert_eq!(told(Some("Failed"), None).as_deref(), Some("Failed"));
    }
}
