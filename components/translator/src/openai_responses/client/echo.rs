//! What a response repeats of its request.

use serde_json::{Map, Value, json};
use weir_core::json::Object;

/// The members of a request that a response repeats, with OpenAI's defaults for those that are absent.
///
/// What cannot be read is left at its default: reading the request is not done here.
#[must_use]
pub fn echo(body: &Object) -> Map<String, Value> {
    let mut echo = defaults();
    for (key, value) in &mut echo {
        let told = body.read::<Value>(key).ok().flatten();
        match (told, &mut *value) {
            (Some(Value::Object(told)), Value::Object(members)) if matches!(&**key, "text" | "reasoning") => {
                members.extend(told);
            }
            (Some(told), value) => *value = told,
            (None, _) => {}
        }
    }
    // No tier was chosen yet.
    if echo["service_tier"] == "auto" {
        echo.insert("service_tier".to_owned(), "default".into());
    }
    for tool in echo["tools"].as_array_mut().into_iter().flatten() {
        complete(tool);
    }
    echo
}

/// What a response repeats where the request said nothing.
pub(super) fn defaults() -> Map<String, Value> {
    let members = json!({
        "background": false,
        "instructions": null,
        "max_output_tokens": null,
        "max_tool_calls": null,
        "metadata": {},
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "prompt_cache_key": null,
        "prompt_cache_retention": null,
        "reasoning": {"effort": null, "summary": null},
        "safety_identifier": null,
        "service_tier": "default",
        "store": false,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "user": null,
    });
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// A function of a response says all that one of a request may leave out.
fn complete(tool: &mut Value) {
    let Some(members) =
        tool.as_object_mut().filter(|members| members.get("type").is_some_and(|kind| kind == "function"))
    else {
        return;
    };
    members.entry("description").or_insert(Value::Null);
    members.entry("parameters").or_insert(Value::Null);
    members.entry("strict").or_insert(true.into());
}
