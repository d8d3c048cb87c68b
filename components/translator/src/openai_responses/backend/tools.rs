//! What the model may call, and whether it must.

use serde_json::{Value, json};
use weir_core::config::Quirks;
use weir_core::{Dialect, GatewayError};

use super::request::Body;
use crate::canonical::{Custom, Field, Function, Loading, Request, Tool, ToolChoice, WebSearch};
use crate::tools::namespace;
use crate::unsupported::Unsupported;

/// `tools`, `tool_choice` and `parallel_tool_calls`.
pub(super) fn tools(
    request: &mut Request,
    quirks: &Quirks,
    body: &mut Body,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    let custom: Vec<String> = request
        .tools
        .iter()
        .filter_map(|tool| match tool {
            Tool::Custom(custom) => Some(custom.name.clone()),
            _ => None,
        })
        .collect();
    let mut written: Vec<Value> = Vec::with_capacity(request.tools.len());
    for tool in std::mem::take(&mut request.tools) {
        let space = tool.name().and_then(|name| namespace::split(name).0).map(str::to_owned);
        let Some(tool) = self::tool(tool, unsupported)? else { continue };
        match space {
            Some(space) => in_namespace(&space, tool, &request.namespaces, &mut written),
            None => written.push(tool),
        }
    }
    if !written.is_empty() {
        body.insert("tools".into(), written.into());
    }
    if let Some(choice) = request.tool_choice.take() {
        body.insert("tool_choice".into(), tool_choice(choice, &custom));
    }
    match request.parallel_tool_calls {
        Some(parallel) if quirks.parallel_tool_calls => {
            body.insert("parallel_tool_calls".into(), parallel.into());
        }
        Some(false) => unsupported.member(Field::ParallelToolCalls, "the backend may call several at once")?,
        _ => {}
    }
    Ok(())
}

/// Puts a tool into its namespace.
fn in_namespace(space: &str, tool: Value, described: &[(String, String)], written: &mut Vec<Value>) {
    let known = written.iter_mut().find(|tool| tool["type"] == "namespace" && tool["name"] == space);
    if let Some(tools) = known.and_then(|namespace| namespace["tools"].as_array_mut()) {
        tools.push(tool);
        return;
    }
    let description = described.iter().find(|(name, _)| name == space).map_or("", |(_, text)| text);
    written.push(json!({"type": "namespace", "name": space, "description": description, "tools": [tool]}));
}

fn tool(tool: Tool, unsupported: &mut Unsupported) -> Result<Option<Value>, GatewayError> {
    Ok(match tool {
        Tool::Function(function) => Some(self::function(function)),
        Tool::Custom(custom) => Some(self::custom(custom)),
        Tool::WebSearch(search) => Some(web_search(search, unsupported)?),
        Tool::Foreign(foreign) if foreign.family == Dialect::OpenaiResponses => Some(foreign.value),
        Tool::Foreign(foreign) => {
            unsupported.field(&foreign.at, "")?;
            None
        }
    })
}

/// OpenAI takes silence about `strict` for yes, where no other dialect does.
fn function(tool: Function) -> Value {
    let name = namespace::split(&tool.name).1;
    let parameters = tool.parameters.unwrap_or_else(|| json!({"type": "object", "properties": {}}));
    let strict = tool.strict.unwrap_or(false);
    let mut written = json!({"type": "function", "name": name, "parameters": parameters, "strict": strict});
    if let Some(description) = tool.description {
        written["description"] = description.into();
    }
    if tool.loading != Loading::Always {
        written["defer_loading"] = true.into();
    }
    written
}

fn custom(tool: Custom) -> Value {
    let mut written = json!({"type": "custom", "name": namespace::split(&tool.name).1});
    if let Some(description) = tool.description {
        written["description"] = description.into();
    }
    if let Some((syntax, definition)) = tool.grammar {
        written["format"] = json!({"type": "grammar", "syntax": syntax, "definition": definition});
    }
    written
}

fn web_search(search: WebSearch, unsupported: &mut Unsupported) -> Result<Value, GatewayError> {
    let at = &search.at;
    if search.max_uses.is_some() {
        // A bound on what it costs, which nobody else has; the answer is the same.
        unsupported.note(&format!("{at}.max_uses"));
    }
    let mut written = json!({"type": "web_search"});
    if let Some(size) = search.context_size {
        written["search_context_size"] = size.into();
    }
    let lists = [("allowed_domains", search.allowed_domains), ("blocked_domains", search.blocked_domains)];
    for (name, domains) in lists.into_iter().filter(|(_, domains)| !domains.is_empty()) {
        written["filters"][name] = domains.into();
    }
    if let Some(mut location) = search.user_location {
        location["type"] = "approximate".into();
        written["user_location"] = location;
    }
    Ok(written)
}

fn tool_choice(choice: ToolChoice, custom: &[String]) -> Value {
    let named = |name: &String| {
        let kind = if custom.contains(name) { "custom" } else { "function" };
        let (namespace, name) = namespace::split(name);
        let mut named = json!({"type": kind, "name": name});
        if let Some(namespace) = namespace {
            named["namespace"] = namespace.into();
        }
        named
    };
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Any => "required".into(),
        ToolChoice::Tool(name) => named(&name),
        ToolChoice::Allowed { required, names } => {
            let tools: Vec<Value> = names.iter().map(named).collect();
            json!({"type": "allowed_tools", "mode": if required { "required" } else { "auto" }, "tools": tools})
        }
    }
}
