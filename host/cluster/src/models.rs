//! `GET /v1/models`: what the configuration has, as far as the caller may use it.

use serde_json::{Value, json};
use weir_core::{Dialect, Principal};

use crate::directory::Directory;

/// The list, in the caller's dialect.
pub(crate) fn list(directory: &Directory, principal: &Principal, dialect: Dialect) -> String {
    let models: Vec<Value> =
        directory.names().filter(|name| principal.allows(name)).map(|name| model(name, dialect)).collect();
    let id = |model: Option<&Value>| model.map_or(Value::Null, |model| model["id"].clone());
    let list = match dialect {
        Dialect::AnthropicMessages => {
            let (first, last) = (id(models.first()), id(models.last()));
            json!({"data": models, "has_more": false, "first_id": first, "last_id": last})
        }
        _ => json!({"object": "list", "data": models}),
    };
    list.to_string()
}

/// One model, in the caller's dialect.
pub(crate) fn one(name: &str, dialect: Dialect) -> String {
    model(name, dialect).to_string()
}

/// A model has no date here; both dialects want one, so it is the first there is.
fn model(name: &str, dialect: Dialect) -> Value {
    match dialect {
        Dialect::AnthropicMessages => {
            let created_at = "1970-01-01T00:00:00Z";
            json!({"type": "model", "id": name, "display_name": name, "created_at": created_at, "lifecycle": "active"})
        }
        _ => json!({"id": name, "object": "model", "created": 0, "owned_by": "weir"}),
    }
}
