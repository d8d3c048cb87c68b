//! What the model may call, written as chat completions have it.

use serde_json::{Map, Value, json};
use weir_core::config::Quirks;
use weir_core::{Dialect, GatewayError};

use super::object;
use crate::canonical::{Custom, Field, Foreign, Function, Tool, ToolChoice, WebSearch};
use crate::unsupported::Unsupported;

/// The tools of a request, and what it says of them.
pub(super) struct Tools {
    pub(super) tools: Vec<Tool>,
    pub(super) choice: Option<ToolChoice>,
    pub(super) parallel: Option<bool>,
}

impl Tools {
    /// Writes `tools`, `tool_choice`, `parallel_tool_calls` and `web_search_options`.
    pub(super) fn write(
        mut self,
        quirks: &Quirks,
        body: &mut Map<String, Value>,
        unsupported: &mut Unsupported,
    ) -> Result<(), GatewayError> {
        self.offer_only_allowed(quirks);
        let customs: Vec<String> = self.tools.iter().filter_map(custom_name).collect();
        let mut written = Vec::with_capacity(self.tools.len());
        for (index, tool) in self.tools.into_iter().enumerate() {
            match tool {
                Tool::Function(tool) => written.push(function(tool, index, quirks, unsupported)?),
                Tool::Custom(tool) => written.push(custom(tool)),
                Tool::WebSearch(search) => web_search(search, quirks, body, unsupported)?,
                Tool::Foreign(Foreign { family: Dialect::OpenaiChat, value, .. }) => written.push(value),
                Tool::Foreign(Foreign { at, .. }) => {
                    unsupported.field(&at, "chat completions have functions and custom tools alone")?;
                }
            }
        }
        let offered = !written.is_empty();
        if offered {
            body.insert("tools".into(), written.into());
        }
        // OpenAI refuses to hear how tools are chosen where there are none.
        let chosen = self.choice.filter(|choice| offered || matches!(choice, ToolChoice::Any | ToolChoice::Tool(_)));
        if let Some(choice) = chosen {
            body.insert("tool_choice".into(), tool_choice(choice, &customs, quirks));
        }
        match self.parallel.filter(|_| offered) {
            Some(parallel) if quirks.parallel_tool_calls => {
                body.insert("parallel_tool_calls".into(), parallel.into());
            }
            Some(false) => unsupported.member(Field::ParallelToolCalls, "the backend does not let it be chosen")?,
            _ => {}
        }
        Ok(())
    }

    /// Where a choice cannot name the tools that it allows, only those are offered. OpenAI's own servers can, since the
    /// models that brought custom tools; others know neither.
    fn offer_only_allowed(&mut self, quirks: &Quirks) {
        if quirks.custom_tools {
            return;
        }
        if let Some(ToolChoice::Allowed { required, names }) = &self.choice {
            self.tools.retain(|tool| tool.name().is_none_or(|name| names.iter().any(|allowed| allowed == name)));
            self.choice = Some(if *required { ToolChoice::Any } else { ToolChoice::Auto });
        }
    }
}

fn custom_name(tool: &Tool) -> Option<String> {
    match tool {
        Tool::Custom(custom) => Some(custom.name.clone()),
        _ => None,
    }
}

fn function(
    tool: Function,
    index: usize,
    quirks: &Quirks,
    unsupported: &mut Unsupported,
) -> Result<Value, GatewayError> {
    let chat = unsupported.client() == Dialect::OpenaiChat;
    if tool.cache.is_some() {
        unsupported.note(&format!("tools[{index}].cache_control"));
    }
    let parameters = tool.parameters.unwrap_or_else(|| json!({"type": "object", "properties": {}}));
    let mut inner = object([("name", tool.name.into())]);
    if let Some(description) = tool.description {
        inner["description"] = description.into();
    }
    inner["parameters"] = parameters;
    match tool.strict {
        Some(strict) if quirks.strict => inner["strict"] = strict.into(),
        Some(true) => {
            let path = if chat { ".function.strict" } else { ".strict" };
            unsupported.field(&format!("tools[{index}]{path}"), "the backend does not keep calls to their schema")?;
        }
        Some(false) | None => {}
    }
    Ok(object([("type", "function".into()), ("function", inner)]))
}

fn custom(tool: Custom) -> Value {
    let mut inner = object([("name", tool.name.into())]);
    if let Some(description) = tool.description {
        inner["description"] = description.into();
    }
    if let Some((syntax, definition)) = tool.grammar {
        let grammar = object([("syntax", syntax.into()), ("definition", definition.into())]);
        inner["format"] = object([("type", "grammar".into()), ("grammar", grammar)]);
    }
    object([("type", "custom".into()), ("custom", inner)])
}

fn web_search(
    search: WebSearch,
    quirks: &Quirks,
    body: &mut Map<String, Value>,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    if !quirks.web_search {
        return unsupported.field(&search.at, "the backend does not search the web");
    }
    let domains = if unsupported.client() == Dialect::OpenaiResponses { ".filters" } else { "" };
    for (said, member) in [
        (search.max_uses.is_some(), ".max_uses".to_owned()),
        (!search.allowed_domains.is_empty(), format!("{domains}.allowed_domains")),
        (!search.blocked_domains.is_empty(), format!("{domains}.blocked_domains")),
    ] {
        if said {
            unsupported.field(&format!("{}{member}", search.at), "")?;
        }
    }
    let mut options = Map::new();
    if let Some(size) = search.context_size {
        options.insert("search_context_size".into(), size.into());
    }
    if let Some(Value::Object(mut place)) = search.user_location {
        place.shift_remove("type");
        let location = object([("type", "approximate".into()), ("approximate", place.into())]);
        options.insert("user_location".into(), location);
    }
    body.insert("web_search_options".into(), options.into());
    Ok(())
}

fn tool_choice(choice: ToolChoice, customs: &[String], quirks: &Quirks) -> Value {
    let any = if quirks.tool_choice_any { "any" } else { "required" };
    let named = |name: String| {
        let kind = if customs.contains(&name) { "custom" } else { "function" };
        object([("type", kind.into()), (kind, object([("name", name.into())]))])
    };
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Any => any.into(),
        ToolChoice::Tool(name) => named(name),
        ToolChoice::Allowed { required, names } => {
            let mode = if required { "required" } else { "auto" };
            let tools: Vec<Value> = names.into_iter().map(named).collect();
            let allowed = object([("mode", mode.into()), ("tools", tools.into())]);
            object([("type", "allowed_tools".into()), ("allowed_tools", allowed)])
        }
    }
}
