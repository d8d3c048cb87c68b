//! Rewrite rules and objectives.

use serde_json::{Value, json};
use weir_kube::catalog::Fault;

use super::groups::{llm, pod, pool};
use super::world::{World, addresses};

fn rewrite(name: &str, rules: Value) -> Value {
    json!({"apiVersion": "llm-d.ai/v1alpha2", "kind": "InferenceModelRewrite", "metadata": {"name": name, "namespace": "ml"},
        "spec": {"poolRef": {"name": "qwen-inference-pool"}, "rules": rules}})
}

fn world(rules: Value) -> World {
    World::with([llm("qwen", json!({})), pool("qwen", &[8000]), pod("qwen", "10.0.0.1"), rewrite("r", rules)])
}

#[test]
fn a_rule_makes_a_model_with_a_version_for_each_target() {
    let world =
        world(json!([{"matches": [{"model": {"value": "support"}}, {"model": {"type": "Exact", "value": "help"}}],
        "targets": [{"modelRewrite": "lora", "weight": 90}, {"modelRewrite": "base"}]}]));
    for name in ["support", "help"] {
        let model = world.model(name);
        let versions: Vec<_> =
            model.versions.iter().map(|version| (version.served_as.as_deref().unwrap(), version.weight)).collect();
        assert_eq!(versions, [("lora", 90), ("base", 1)]);
        assert_eq!(addresses(&model), ["http://10.0.0.1:8000", "http://10.0.0.1:8000"]);
    }
}

#[test]
fn a_target_that_is_the_pools_own_model_is_called_as_its_servers_know_it() {
    let mut served = pod("qwen", "10.0.0.1");
    served["spec"]["containers"][0]["args"] = json!(["--served-model-name=other"]);
    let rule = json!([{"matches": [{"model": {"value": "help"}}], "targets": [{"modelRewrite": "qwen"}]}]);
    let world = World::with([llm("qwen", json!({})), pool("qwen", &[8000]), served, rewrite("r", rule)]);
    assert_eq!(world.model("help").versions[0].served_as.as_deref(), Some("other"));
}

#[test]
fn rules_that_lead_nowhere_or_cannot_be_read_are_said() {
    let world = world(json!([{"matches": [{"model": {"value": "a"}}], "targets": []},
        {"matches": [{"model": {"value": "b"}}], "targets": [{"modelRewrite": "x", "weight": 0}]},
        {"matches": [{"model": {"type": "Prefix", "value": "c"}}], "targets": [{"modelRewrite": "x"}]},
        {"targets": [{"modelRewrite": "x"}]}]));
    let catalog = world.catalog();
    assert_eq!(catalog.models.len(), 1, "a rule for all names makes none");
    let faults: Vec<_> = catalog.problems.into_iter().map(|problem| problem.fault).collect();
    assert_eq!(faults, [Fault::UnknownMatch("Prefix".into()), Fault::NoTarget(1), Fault::NoTarget(2)]);
}

#[test]
fn a_rule_for_a_pool_that_is_not_there_is_said() {
    let catalog = World::with([rewrite("r", json!([]))]).catalog();
    assert_eq!(catalog.problems[0].fault, Fault::NoPool("qwen-inference-pool".into()));
}

#[test]
fn the_newer_group_counts_where_an_object_is_in_both() {
    let rule = |target: &str| json!([{"matches": [{"model": {"value": "a"}}], "targets": [{"modelRewrite": target}]}]);
    let mut world = world(rule("new"));
    let mut older = rewrite("r", rule("old"));
    older["apiVersion"] = "inference.networking.x-k8s.io/v1alpha2".into();
    world.add(&older);
    assert_eq!(world.model("a").versions[0].served_as.as_deref(), Some("new"));
    assert!(world.catalog().collisions.is_empty());
}

#[test]
fn objectives_are_kept_by_name() {
    let objective = |api: &str, name: &str, priority: i64| {
        json!({"apiVersion": api, "kind": "InferenceObjective", "metadata": {"name": name, "namespace": "ml"},
            "spec": {"priority": priority, "poolRef": {"name": "p"}}})
    };
    let new = "llm-d.ai/v1alpha2";
    let old = "inference.networking.x-k8s.io/v1alpha2";
    let world = World::with([objective(old, "b", 1), objective(new, "b", 2), objective(old, "a", -3)]);
    let found: Vec<_> = world
        .catalog()
        .objectives
        .into_iter()
        .map(|objective| (objective.object.to_string(), objective.priority))
        .collect();
    assert_eq!(found, [("ml/a".to_owned(), -3), ("ml/b".to_owned(), 2)]);
}
