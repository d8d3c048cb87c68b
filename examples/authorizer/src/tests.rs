//! Rules alone, without a component around them: `cargo test`.

use serde_json::{Value, json};

use crate::{Rule, Settings};

fn passes(rule: Value, principal: Value, path: &str, hour: u64) -> bool {
    serde_json::from_value::<Rule>(rule).unwrap().lets_pass(&principal, path, hour)
}

#[test]
fn all_that_a_rule_names_must_fit() {
    let rule = json!({ "who": { "tenant": "research", "key": "ci" }, "paths": ["/v1/embeddings"] });
    let ci = json!({ "tenant": "research", "key": "ci" });
    assert!(passes(rule.clone(), ci.clone(), "/v1/embeddings", 0));
    assert!(!passes(rule.clone(), ci, "/v1/embeddings/more", 0));
    assert!(!passes(rule.clone(), json!({ "tenant": "other", "key": "ci" }), "/v1/embeddings", 0));
    assert!(!passes(rule, Value::Null, "/v1/embeddings", 0));
}

#[test]
fn a_claim_cannot_pose_as_the_key_or_the_user() {
    let somebody = json!({ "key": "other", "claims": { "key": "ci", "team": "search" } });
    assert!(!passes(json!({ "who": { "key": "ci" } }), somebody.clone(), "/", 0));
    assert!(!passes(json!({ "claims": { "team": "ads" } }), somebody.clone(), "/", 0));
    assert!(passes(json!({ "claims": { "team": "search" } }), somebody, "/", 0));
}

#[test]
fn the_last_hour_is_not_included() {
    let rule = json!({ "hours": { "start": 6, "end": 20 } });
    let open: Vec<u64> = (0..24).filter(|hour| passes(rule.clone(), Value::Null, "/", *hour)).collect();
    assert_eq!(open, (6..20).collect::<Vec<_>>());
}

#[test]
fn a_word_that_is_not_known_is_refused() {
    let settings = |rule: Value| serde_json::from_value::<Settings>(json!({ "contact": "c", "allow": [rule] }));
    assert!(settings(json!({ "paths": ["/"] })).is_ok());
    assert!(settings(json!({ "path": ["/"] })).is_err());
}
