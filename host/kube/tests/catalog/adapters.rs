//! LoRA adapters.

use serde_json::json;
use weir_kube::catalog::Fault;

use super::groups::{llm, pod};
use super::world::{World, addresses};

#[test]
fn an_adapter_is_a_model_of_its_own_on_the_same_servers() {
    let spec =
        json!({"model": {"name": "base", "lora": {"adapters": [{"name": "sql"}, {"uri": "hf://x"}, {"name": "sql"}]}}});
    let world = World::with([llm("qwen", spec), pod("qwen", "10.0.0.1")]);
    let model = world.model("sql");
    assert_eq!(addresses(&model), addresses(&world.model("base")));
    assert_eq!(model.versions[0].served_as.as_deref(), Some("sql"));
    assert_eq!(model.aliases, ["publishers/ml/models/sql"]);
    let catalog = world.catalog();
    assert_eq!(catalog.models.len(), 2);
    assert_eq!(catalog.problems[0].fault, Fault::NamelessAdapter(2));
}

#[test]
fn an_adapter_is_called_where_it_is_loaded() {
    let member = |name: &str, adapters| {
        llm(
            name,
            json!({"model": {"name": "base", "lora": {"adapters": adapters}}, "router": {"route": {"group": "g"}}}),
        )
    };
    let world = World::with([
        member("a", json!([{"name": "sql"}])),
        member("b", json!([])),
        pod("a", "10.0.0.1"),
        pod("b", "10.0.0.2"),
    ]);
    assert_eq!(addresses(&world.model("sql")), ["http://10.0.0.1:8000"]);
    assert_eq!(world.model("base").versions.len(), 2);
}
