//! Tools and the choice among them, written.

use serde_json::{Value, json};
use weir_core::{Dialect, GatewayError};

use super::schema;
use crate::anthropic::cache;
use crate::canonical::{Custom, Foreign, Function, Loading, Tool, ToolChoice, WebSearch};
use crate::unsupported::Unsupported;

/// The search that all models know.
const WEB_SEARCH: (&str, &str) = ("web_search_20250305", "web_search");

/// Writes `tools`: those among which the choice is, since Anthropic knows no choice among some.
pub(super) fn tools(
    tools: Vec<Tool>,
    choice: Option<&ToolChoice>,
    unsupported: &mut Unsupported,
) -> Result<Vec<Value>, GatewayError> {
    let mut written = Vec::with_capacity(tools.len());
    for tool in tools {
        let offered = match choice {
            Some(ToolChoice::Allowed { names, .. }) => names.iter().any(|name| name == name_of(&tool)),
            _ => true,
        };
        if offered {
            written.extend(self::tool(tool, unsupported)?);
        }
    }
    Ok(written)
}

/// What a choice calls a tool: by its name, or by what it is where it has none.
fn name_of(tool: &Tool) -> &str {
    match tool {
        Tool::Function(Function { name, .. }) | Tool::Custom(Custom { name, .. }) => name,
        Tool::WebSearch(_) => WEB_SEARCH.1,
        Tool::Foreign(foreign) => foreign.value["name"].as_str().unwrap_or(&foreign.kind),
    }
}

fn tool(tool: Tool, unsupported: &mut Unsupported) -> Result<Option<Value>, GatewayError> {
    match tool {
        Tool::Function(function) => Ok(Some(self::function(function))),
        Tool::WebSearch(search) => web_search(search, unsupported).map(Some),
        Tool::Foreign(foreign) if foreign.family == Dialect::AnthropicMessages => Ok(Some(foreign.value)),
        Tool::Foreign(Foreign { at, .. }) | Tool::Custom(Custom { at, .. }) => {
            unsupported.field(&at, "")?;
            Ok(None)
        }
    }
}

fn function(tool: Function) -> Value {
    let mut schema = tool.parameters.filter(Value::is_object).unwrap_or_else(|| json!({}));
    // OpenAI takes a schema without a type for an object's; Anthropic wants it said.
    if schema.get("type").is_none_or(Value::is_null) {
        schema["type"] = "object".into();
    }
    if schema["type"] == "object" && schema.get("properties").is_none_or(Value::is_null) {
        schema["properties"] = json!({});
    }
    if tool.strict == Some(true) {
        schema::close(&mut schema);
    }
    let mut written = json!({"name": tool.name, "input_schema": schema});
    if let Some(description) = tool.description {
        written["description"] = description.into();
    }
    if tool.strict == Some(true) {
        written["strict"] = true.into();
    }
    if tool.loading != Loading::Always {
        written["defer_loading"] = true.into();
    }
    cache::write(tool.cache, &mut written);
    written
}

fn web_search(search: WebSearch, unsupported: &mut Unsupported) -> Result<Value, GatewayError> {
    if search.context_size.is_some_and(|size| size != "medium") {
        unsupported.field(&format!("{}.search_context_size", search.at), "leave it out")?;
    }
    let mut written = json!({"type": WEB_SEARCH.0, "name": WEB_SEARCH.1});
    if let Some(most) = search.max_uses {
        written["max_uses"] = most.into();
    }
    for (key, domains) in [("allowed_domains", search.allowed_domains), ("blocked_domains", search.blocked_domains)] {
        if !domains.is_empty() {
            written[key] = domains.into();
        }
    }
    if let Some(mut location) = search.user_location.filter(Value::is_object) {
        location["type"] = "approximate".into();
        written["user_location"] = location;
    }
    Ok(written)
}

/// Whether a choice forces a call.
pub(super) fn is_forced(choice: Option<&ToolChoice>) -> bool {
    matches!(choice, Some(ToolChoice::Any | ToolChoice::Tool(_) | ToolChoice::Allowed { required: true, .. }))
}

/// Writes `tool_choice`; `None` where the backend does as it would anyhow.
pub(super) fn choice(choice: Option<ToolChoice>, parallel: Option<bool>) -> Option<Value> {
    let mut written = match choice {
        Some(ToolChoice::None) => return Some(json!({"type": "none"})),
        Some(ToolChoice::Any) => json!({"type": "any"}),
        Some(ToolChoice::Tool(name)) => json!({"type": "tool", "name": name}),
        Some(ToolChoice::Allowed { required, .. }) => json!({"type": if required { "any" } else { "auto" }}),
        Some(ToolChoice::Auto) => json!({"type": "auto"}),
        None if parallel == Some(false) => json!({"type": "auto"}),
        None => return None,
    };
    if parallel == Some(false) {
        written["disable_parallel_tool_use"] = true.into();
    }
    Some(written)
}
