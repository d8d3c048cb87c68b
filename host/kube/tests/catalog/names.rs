//! Who gets which name.

use serde_json::{Value, json};
use weir_cluster::Source;
use weir_kube::catalog::Fault;

use super::groups::llm;
use super::services::standard;
use super::world::World;

fn service(name: &str) -> Value {
    standard(name, json!({}), json!({}))
}

fn aged(mut object: Value, namespace: &str, created: &str) -> Value {
    object["metadata"]["creationTimestamp"] = created.into();
    object["metadata"]["namespace"] = namespace.into();
    object
}

/// The namespace and name of the object that has a name.
fn owner(world: &World, name: &str) -> String {
    let models = world.catalog().models;
    let model =
        models.iter().find(|model| model.name == name || model.aliases.iter().any(|alias| alias == name)).unwrap();
    match &model.source {
        Source::Object { kind, namespace, name } => format!("{kind} {namespace}/{name}"),
        Source::File => "weir.yaml".into(),
    }
}

#[test]
fn the_order_of_strength() {
    let adapter = llm("l", json!({"model": {"name": "base", "lora": {"adapters": [{"name": "chat"}]}}}));
    let mut world = World::with([adapter]);
    assert_eq!(owner(&world, "chat"), "LLMInferenceService ml/l");
    world.add(&service("chat"));
    assert_eq!(owner(&world, "chat"), "InferenceService ml/chat", "before an adapter");
    world.add(&llm("m", json!({"model": {"name": "chat"}})));
    assert_eq!(owner(&world, "chat"), "LLMInferenceService ml/m", "before a service");
    world.settings.file_names = ["chat".to_owned()].into();
    let catalog = world.catalog();
    assert!(catalog.models.iter().all(|model| model.name != "chat"), "weir.yaml before all");
    assert_eq!(catalog.collisions.len(), 3);
    assert_eq!(catalog.collisions[0].winner.0, Source::File);
}

#[test]
fn the_older_object_has_the_name_and_the_other_one_its_own() {
    let world = World::with([
        aged(service("chat"), "b", "2026-01-02T00:00:00Z"),
        aged(service("chat"), "c", "2026-01-01T00:00:00Z"),
        aged(service("chat"), "a", "2026-01-02T00:00:00Z"),
    ]);
    assert_eq!(owner(&world, "chat"), "InferenceService c/chat");
    for namespace in ["a", "b", "c"] {
        assert_eq!(
            owner(&world, &format!("publishers/{namespace}/models/chat")),
            format!("InferenceService {namespace}/chat")
        );
    }
    let said: Vec<_> = world.catalog().collisions.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "the model name `chat` is wanted by InferenceService c/chat and by InferenceService a/chat: the first has it, the second is `publishers/a/models/chat`",
            "the model name `chat` is wanted by InferenceService c/chat and by InferenceService b/chat: the first has it, the second is `publishers/b/models/chat`",
        ]
    );
}

#[test]
fn two_of_one_name_in_one_namespace_still_have_names_of_their_own() {
    let world = World::with([
        aged(llm("one", json!({"model": {"name": "chat"}})), "ml", "2026-01-01T00:00:00Z"),
        aged(llm("two", json!({"model": {"name": "chat"}})), "ml", "2026-01-02T00:00:00Z"),
        service("chat"),
    ]);
    assert_eq!(owner(&world, "chat"), "LLMInferenceService ml/one");
    assert_eq!(owner(&world, "publishers/ml/models/two"), "LLMInferenceService ml/two");
    assert_eq!(owner(&world, "publishers/ml/models/InferenceService/chat"), "InferenceService ml/chat");
}

#[test]
fn an_alias_never_takes_what_is_somebodys_name() {
    let served = json!({"predictor": {"model": {"modelFormat": {"name": "x"}, "args": ["--model_name=chat"]}}});
    let world = World::with([
        aged(standard("older", served, json!({})), "ml", "2020-01-01T00:00:00Z"),
        aged(service("chat"), "ml", "2026-01-01T00:00:00Z"),
    ]);
    assert_eq!(owner(&world, "chat"), "InferenceService ml/chat");
    assert_eq!(world.catalog().collisions[0].listed_as, None, "it has its own name, and lost an alias");
}

#[test]
fn names_that_are_unsafe_or_another_namespaces_are_refused() {
    for name in ["../../x", "a?b", "a%2fb", "a\u{7}b", "a b", "x/", "publishers/other/models/x"] {
        let catalog = World::with([llm("l", json!({"model": {"name": name}}))]).catalog();
        assert!(catalog.models.is_empty(), "{name:?}");
        assert!(matches!(catalog.problems[0].fault, Fault::UnsafeName(_) | Fault::ReservedName(_)), "{name:?}");
        assert!(!catalog.problems[0].to_string().contains('\u{7}'));
    }
}

#[test]
fn a_huge_name_makes_no_huge_report() {
    let huge = "x".repeat(1 << 20);
    let catalog = World::with([llm("l", json!({"model": {"name": huge}}))]).catalog();
    assert!(catalog.problems[0].to_string().len() < 1000);
}
