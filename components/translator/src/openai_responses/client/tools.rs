//! What the model may call, and whether it must.

use serde_json::{Value, json};
use weir_core::{Dialect, GatewayError};

use crate::canonical::{Custom, Foreign, Function, Loading, Part, Request, Tool, ToolChoice, Unplaced, WebSearch};
use crate::fields::{Fields, missing, wrong};
use crate::tools::namespace;

/// Reads `tools` into the request's.
pub(super) fn read(fields: &mut Fields, request: &mut Request) -> Result<(), GatewayError> {
    let base = fields.path_of("tools");
    for (index, value) in fields.list("tools")?.into_iter().enumerate() {
        tool(format!("{base}[{index}]"), value, None, request)?;
    }
    Ok(())
}

/// Marks the functions that were deferred and have been found: a search told of them, or the model called them.
pub(super) fn find(request: &mut Request) {
    if !request.tools.iter().any(|tool| matches!(tool, Tool::Function(function) if is_deferred(function))) {
        return;
    }
    let mut found = Vec::new();
    for part in request.messages.iter().flat_map(|message| &message.parts) {
        match part {
            Part::ToolCall(call) => found.push(call.name.clone()),
            Part::Foreign(foreign) if foreign.kind == "tool_search_output" => {
                told(foreign.value.get("tools"), None, &mut found);
            }
            _ => {}
        }
    }
    for tool in &mut request.tools {
        if let Tool::Function(function) = tool
            && is_deferred(function)
            && found.contains(&function.name)
        {
            function.loading = Loading::Found;
        }
    }
}

fn is_deferred(function: &Function) -> bool {
    function.loading == Loading::Deferred
}

/// The names of tools that are told of, those in namespaces included.
fn told(tools: Option<&Value>, space: Option<&str>, found: &mut Vec<String>) {
    for tool in tools.and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = tool.get("name").and_then(Value::as_str) else { continue };
        match tool.get("tools") {
            Some(tools) => told(Some(tools), Some(name), found),
            None => found.push(space.map_or_else(|| name.to_owned(), |space| namespace::join(space, name))),
        }
    }
}

fn tool(path: String, value: Value, space: Option<&str>, request: &mut Request) -> Result<(), GatewayError> {
    let kind = value.get("type").and_then(Value::as_str).map(str::to_owned);
    let Some(kind) = kind else {
        let path = format!("{path}.type");
        return Err(value.get("type").map_or_else(|| missing(&path), |found| wrong(&path, "a string", found)));
    };
    if !matches!(kind.as_str(), "function" | "custom" | "namespace") && !kind.starts_with("web_search") {
        request.tools.push(Tool::Foreign(Foreign { family: Dialect::OpenaiResponses, kind, value, at: path }));
        return Ok(());
    }
    let mut fields = Fields::of(path, value)?;
    fields.take("type");
    match kind.as_str() {
        "namespace" => {
            let name = fields.need_text("name")?;
            let base = fields.path_of("tools");
            for (index, value) in fields.list("tools")?.into_iter().enumerate() {
                tool(format!("{base}[{index}]"), value, Some(&name), request)?;
            }
            request.namespaces.push((name, fields.text("description")?.unwrap_or_default()));
        }
        "function" => {
            let tool = function(&mut fields, space)?;
            request.tools.push(Tool::Function(tool));
        }
        "custom" => {
            let tool = custom(&mut fields, space, &mut request.unplaced)?;
            request.tools.push(Tool::Custom(tool));
        }
        _ => {
            let tool = web_search(&mut fields, &mut request.unplaced)?;
            request.tools.push(Tool::WebSearch(tool));
        }
    }
    fields.rest(&mut request.unplaced);
    Ok(())
}

/// Takes a tool's name, and the namespace that stands beside it.
pub(super) fn name(fields: &mut Fields) -> Result<String, GatewayError> {
    let namespace = fields.text("namespace")?;
    let name = plain_name(fields)?;
    Ok(namespace.map_or_else(|| name.clone(), |namespace| namespace::join(&namespace, &name)))
}

fn plain_name(fields: &mut Fields) -> Result<String, GatewayError> {
    let name = fields.need_text("name")?;
    if name.contains(namespace::SEPARATOR) {
        return Err(wrong(&fields.path_of("name"), "made of letters, digits, `_` and `-`", &Value::String(name)));
    }
    Ok(name)
}

fn name_in(fields: &mut Fields, space: Option<&str>) -> Result<String, GatewayError> {
    let name = plain_name(fields)?;
    Ok(space.map_or_else(|| name.clone(), |space| namespace::join(space, &name)))
}

/// Where nothing is said of `strict`, OpenAI is strict if the schema allows it.
fn function(fields: &mut Fields, space: Option<&str>) -> Result<Function, GatewayError> {
    callers(fields);
    let deferred = fields.flag("defer_loading")?.unwrap_or(false);
    let parameters = fields.take("parameters");
    let strict = fields.flag("strict")?.unwrap_or_else(|| parameters.as_ref().is_some_and(is_strict));
    Ok(Function {
        name: name_in(fields, space)?,
        description: fields.text("description")?,
        parameters,
        strict: Some(strict),
        loading: if deferred { Loading::Deferred } else { Loading::Always },
        ..Function::default()
    })
}

/// Who may call it: the model, and nothing else.
fn callers(fields: &mut Fields) {
    fields.ignore("allowed_callers", &[json!(["direct"])]);
    fields.ignore("async", &[json!(false)]);
}

/// Whether OpenAI takes a schema for a strict one: every object names all its members, and wants all of them.
/// <https://platform.openai.com/docs/guides/structured-outputs>
fn is_strict(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            let properties = members.get("properties").and_then(Value::as_object);
            let is_object = properties.is_some() || members.get("type").is_some_and(|kind| kind == "object");
            let required = members.get("required").and_then(Value::as_array);
            let wants = |key: &String| required.is_some_and(|list| list.iter().any(|name| name == key));
            let closed = members.get("additionalProperties") == Some(&Value::Bool(false))
                && properties.is_none_or(|properties| properties.keys().all(wants));
            (!is_object || closed)
                && members.iter().all(|(key, value)| key == "enum" || key == "const" || is_strict(value))
        }
        Value::Array(list) => list.iter().all(is_strict),
        _ => true,
    }
}

fn custom(fields: &mut Fields, space: Option<&str>, unplaced: &mut Vec<Unplaced>) -> Result<Custom, GatewayError> {
    callers(fields);
    fields.ignore("defer_loading", &[json!(false)]);
    let at = fields.path().to_owned();
    let name = name_in(fields, space)?;
    let description = fields.text("description")?;
    let mut grammar = None;
    if let Some(mut format) = fields.object("format")? {
        match format.need_text("type")?.as_str() {
            "grammar" => grammar = Some((format.need_text("syntax")?, format.need_text("definition")?)),
            "text" => {}
            _ => unplaced.push(Unplaced::new(format.path_of("type"))),
        }
        format.rest(unplaced);
    }
    Ok(Custom { name, description, grammar, at })
}

fn web_search(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<WebSearch, GatewayError> {
    let at = fields.path().to_owned();
    fields.ignore("external_web_access", &[json!(true)]);
    // Answers are of words everywhere; who wants pictures, too, is told.
    fields.ignore("search_content_types", &[json!(["text"])]);
    let mut search = WebSearch { context_size: fields.text("search_context_size")?, at, ..WebSearch::default() };
    if let Some(mut filters) = fields.object("filters")? {
        search.allowed_domains = texts(&mut filters, "allowed_domains")?;
        search.blocked_domains = texts(&mut filters, "blocked_domains")?;
        filters.rest(unplaced);
    }
    if let Some(mut location) = fields.object("user_location")? {
        location.ignore("type", &[json!("approximate")]);
        let mut known = serde_json::Map::new();
        for key in ["city", "region", "country", "timezone"] {
            known.extend(location.text(key)?.map(|text| (key.to_owned(), text.into())));
        }
        location.rest(unplaced);
        search.user_location = Some(known.into());
    }
    Ok(search)
}

fn texts(fields: &mut Fields, key: &str) -> Result<Vec<String>, GatewayError> {
    let path = fields.path_of(key);
    let text = |(index, value)| match value {
        Value::String(text) => Ok(text),
        other => Err(wrong(&format!("{path}[{index}]"), "a string", &other)),
    };
    fields.list(key)?.into_iter().enumerate().map(text).collect()
}

/// Reads `tool_choice`. One of a tool of OpenAI's own has no place.
pub(super) fn choice(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Option<ToolChoice>, GatewayError> {
    let Some(value) = fields.take("tool_choice") else {
        return Ok(None);
    };
    match value.as_str() {
        Some("auto") => return Ok(Some(ToolChoice::Auto)),
        Some("none") => return Ok(Some(ToolChoice::None)),
        Some("required") => return Ok(Some(ToolChoice::Any)),
        Some(_) => return Err(wrong("tool_choice", "`auto`, `none`, `required` or an object", &value)),
        None => {}
    }
    let mut choice = Fields::of("tool_choice".to_owned(), value)?;
    let read = match choice.need_text("type")?.as_str() {
        "function" | "custom" => ToolChoice::Tool(name(&mut choice)?),
        "allowed_tools" => {
            let required = choice.need_text("mode")? == "required";
            let mut names = Vec::new();
            for (index, value) in choice.list("tools")?.into_iter().enumerate() {
                let mut tool = Fields::of(format!("tool_choice.tools[{index}]"), value)?;
                match tool.need_text("type")?.as_str() {
                    "function" | "custom" => names.push(name(&mut tool)?),
                    _ => unplaced.push(Unplaced::new(tool.path())),
                }
            }
            ToolChoice::Allowed { required, names }
        }
        _ => {
            unplaced.push(Unplaced::new("tool_choice"));
            return Ok(None);
        }
    };
    choice.rest(unplaced);
    Ok(Some(read))
}
