//! Whether a model can be called, and if not, why: what callers are told, and what its owner is.

use weir_cluster::Status;

use crate::objects::{Condition, Conditions, Labels, ModelStatus, State};

/// Whether the owner stopped an object. What its controller says counts only while nothing serves: it may not have seen yet
/// that its owner wants it again.
pub(super) fn is_stopped(annotations: &Labels, conditions: &Conditions, callable: bool) -> bool {
    annotations.get("serving.kserve.io/stop").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || !callable && conditions.state("Stopped") == State::True
}

/// What an object that has no server says of its state.
pub(super) fn unserved(conditions: &Conditions, model: Option<&ModelStatus>) -> Status {
    if let Some(model) = model {
        let failed = &*model.states.target_model_state == "FailedToLoad"
            || matches!(&*model.transition_status, "BlockedByFailedLoad" | "InvalidSpec");
        if failed {
            let why = model.last_failure_info.as_ref().map(|info| &*info.reason);
            return Status::Failed(word(why.filter(|why| !why.is_empty()).unwrap_or("ModelLoadFailed")));
        }
        let loading = matches!(&*model.states.target_model_state, "Pending" | "Loading")
            || &*model.transition_status == "InProgress";
        if loading {
            return Status::Loading;
        }
    }
    let ready = conditions.state("Ready") == State::True;
    let unsaid = || if ready { "NoReadyPods" } else { "NotYetKnown" }.to_owned();
    Status::NotReady(worst(conditions).map_or_else(unsaid, |worst| word(&worst.reason)))
}

/// What its owner is told, where not all is well.
pub(super) fn detail(conditions: &Conditions, model: Option<&ModelStatus>) -> Option<String> {
    let failure = model.and_then(|model| model.last_failure_info.as_ref());
    let failure = failure.filter(|info| !info.message.is_empty()).map(|info| info.message.to_string());
    failure.or_else(|| {
        let Condition { kind, reason, message, .. } = worst(conditions)?;
        let said = if message.is_empty() { reason } else { message };
        (!said.is_empty()).then(|| format!("{kind}: {said}"))
    })
}

/// The condition that says most of what is wrong: the one for the whole, or else the first for a part.
fn worst(conditions: &Conditions) -> Option<&Condition> {
    let whole = conditions.get("Ready").filter(|ready| ready.status != State::True && !ready.reason.is_empty());
    let part = || {
        let mut wrong: Vec<_> = conditions
            .iter()
            .filter(|condition| condition.status == State::False && !matches!(&*condition.kind, "Stopped"))
            .collect();
        wrong.sort_by(|a, b| a.kind.cmp(&b.kind));
        wrong.into_iter().next()
    };
    whole.or_else(part)
}

/// A reason as callers may see it: a word or a few, as controllers write them; nothing that could be a path.
fn word(reason: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-');
    if !reason.is_empty() && reason.len() <= 64 && reason.chars().all(plain) {
        reason.into()
    } else {
        "NotReady".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::InferenceService;

    fn status(json: &str) -> (Status, Option<String>) {
        let json = format!(r#"{{"metadata": {{"name": "a"}}, "status": {json}}}"#);
        let service: InferenceService = serde_json::from_str(&json).unwrap();
        let model = service.status.model_status.as_deref();
        (unserved(&service.status.conditions, model), detail(&service.status.conditions, model))
    }

    #[test]
    fn callers_are_told_the_reason_and_owners_the_message() {
        let (state, detail) = status(
            r#"{"modelStatus": {"states": {"targetModelState": "FailedToLoad"}, "lastFailureInfo":
            {"reason": "ModelLoadFailed", "message": "s3://secret-bucket/x is not a model"}}}"#,
        );
        assert_eq!(state, Status::Failed("ModelLoadFailed".into()));
        assert_eq!(detail.as_deref(), Some("s3://secret-bucket/x is not a model"));
    }

    #[test]
    fn a_reason_that_is_more_than_a_word_is_not_passed_on() {
        for reason in ["s3://bucket/key", "/mnt/models/x", "a\nb", "", &"x".repeat(65)] {
            let conditions =
                serde_json::json!({"conditions": [{"type": "PredictorReady", "status": "False", "reason": reason}]});
            assert_eq!(status(&conditions.to_string()).0, Status::NotReady("NotReady".into()), "{reason:?}");
        }
    }

    #[test]
    fn an_object_of_which_nothing_is_said_is_not_ready() {
        assert_eq!(status("{}"), (Status::NotReady("NotYetKnown".into()), None));
        assert_eq!(status(r#"{"modelStatus": {"transitionStatus": "InProgress"}}"#).0, Status::Loading);
        assert_eq!(
            status(r#"{"modelStatus": {"transitionStatus": "FromTheFuture"}}"#).0,
            Status::NotReady("NotYetKnown".into())
        );
    }
}
