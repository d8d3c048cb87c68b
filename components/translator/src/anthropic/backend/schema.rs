//! JSON schemas that answers and arguments must keep to.

use serde_json::Value;

/// Says of each object in a schema that it has no members but those it names, where it does not say otherwise: Anthropic
/// refuses to hold an answer to a schema that leaves it open.
pub(super) fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let is_object = match members.get("type") {
                Some(Value::String(kind)) => kind == "object",
                Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
                _ => false,
            };
            if is_object && members.get("additionalProperties").is_none_or(Value::is_null) {
                members.insert("additionalProperties".to_owned(), false.into());
            }
            for (key, value) in members.iter_mut() {
                match (key.as_str(), value) {
                    // Names of one's own, with a schema each.
                    ("properties" | "$defs" | "definitions", Value::Object(named)) => {
                        named.values_mut().for_each(close);
                    }
                    ("items" | "anyOf" | "oneOf" | "allOf" | "additionalProperties" | "prefixItems", value) => {
                        close(value);
                    }
                    _ => {}
                }
            }
        }
        Value::Array(schemas) => schemas.iter_mut().for_each(close),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_closed_wherever_they_stand_and_stay_open_where_they_say_so() {
        let mut schema = json!({
            "type": "object",
            "properties": {
                "type": {"type": "string", "enum": ["object"]},
                "list": {"type": "array", "items": {"type": ["object", "null"], "properties": {}}},
                "map": {"type": "object", "additionalProperties": {"type": "object"}},
            },
            "$defs": {"a": {"anyOf": [{"type": "object"}, {"type": "null"}]}},
        });
        close(&mut schema);
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"]["list"]["items"]["additionalProperties"], false);
        assert_eq!(
            schema["properties"]["map"]["additionalProperties"],
            json!({"type": "object", "additionalProperties": false})
        );
        assert_eq!(schema["$defs"]["a"]["anyOf"][0]["additionalProperties"], false);
        assert_eq!(schema["properties"]["type"], json!({"type": "string", "enum": ["object"]}));
    }
}
