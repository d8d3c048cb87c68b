//! `GET /v1/models`: the models that a caller may use, as its dialect has them.

use serde_json::{Value, json};
use weir_core::Dialect;

/// The list of these names. OpenAI's has KServe V1's beside it, under `models`, which its SDKs pass over.
pub(crate) fn list(names: &[&str], dialect: Dialect) -> Value {
    let models: Vec<Value> = names.iter().map(|name| model(name, dialect)).collect();
    let id = |model: Option<&Value>| model.map_or(Value::Null, |model| model["id"].clone());
    match dialect {
        Dialect::AnthropicMessages => {
            let (first, last) = (id(models.first()), id(models.last()));
            json!({"data": models, "has_more": false, "first_id": first, "last_id": last})
        }
        _ => json!({"object": "list", "data": models, "models": names}),
    }
}

/// One model. OpenAI's description has KServe V1's word about its readiness beside it.
pub(crate) fn one(name: &str, dialect: Dialect, ready: bool) -> Value {
    let mut model = model(name, dialect);
    if dialect != Dialect::AnthropicMessages {
        model["name"] = name.into();
        model["ready"] = ready.into();
    }
    model
}

/// A model has no date here; both dialects want one, so it is the first there is. Whatever else Anthropic tells of a model
/// is `null`, where it is not known.
fn model(name: &str, dialect: Dialect) -> Value {
    match dialect {
        Dialect::AnthropicMessages => json!({
            "type": "model",
            "id": name,
            "display_name": name,
            "created_at": "1970-01-01T00:00:00Z",
            "lifecycle": "active",
            "deprecated_at": null,
            "retires_at": null,
            "line": null,
            "capabilities": null,
            "max_input_tokens": null,
            "max_tokens": null,
        }),
        _ => json!({"id": name, "object": "model", "created": 0, "owned_by": "weir"}),
    }
}
