//! Tools and the choice among them, read.

use serde_json::{Value, json};
use weir_core::{Dialect, GatewayError};

use super::request::Reader;
use crate::anthropic::cache;
use crate::canonical::{Foreign, Function, Loading, Tool, ToolChoice, Unplaced, WebSearch};
use crate::fields::{Fields, wrong};

/// Takes `tools`. Those that run at Anthropic, and those of the client's whose schema only its models know, are theirs
/// alone; but others search the web as well.
pub(super) fn tools(fields: &mut Fields, reader: &mut Reader) -> Result<Vec<Tool>, GatewayError> {
    fields
        .list("tools")?
        .into_iter()
        .enumerate()
        .map(|(index, value)| tool(format!("tools[{index}]"), value, reader))
        .collect()
}

fn tool(at: String, value: Value, reader: &mut Reader) -> Result<Tool, GatewayError> {
    match value.get("type").and_then(Value::as_str) {
        None | Some("custom") => Ok(Tool::Function(function(at, value, reader)?)),
        Some(kind) if kind.starts_with("web_search_") => Ok(Tool::WebSearch(web_search(at, value, reader)?)),
        Some(kind) => {
            Ok(Tool::Foreign(Foreign { family: Dialect::AnthropicMessages, kind: kind.to_owned(), value, at }))
        }
    }
}

fn function(at: String, value: Value, reader: &mut Reader) -> Result<Function, GatewayError> {
    let mut fields = Fields::of(at, value)?;
    fields.text("type")?;
    // How the arguments are cut into pieces of a stream, which is the backend's own affair.
    fields.flag("eager_input_streaming")?;
    fields.ignore("input_examples", &[json!([])]);
    fields.ignore("allowed_callers", &[json!([]), json!(["direct"])]);
    let name = fields.need_text("name")?;
    let loading = match fields.flag("defer_loading")? {
        Some(true) if reader.found.contains(&name) => Loading::Found,
        Some(true) => Loading::Deferred,
        _ => Loading::Always,
    };
    let function = Function {
        name,
        description: fields.text("description")?,
        parameters: fields.take("input_schema"),
        strict: fields.flag("strict")?,
        cache: cache::read(&mut fields, &mut reader.unplaced)?,
        loading,
    };
    fields.rest(&mut reader.unplaced);
    Ok(function)
}

fn web_search(at: String, value: Value, reader: &mut Reader) -> Result<WebSearch, GatewayError> {
    let mut fields = Fields::of(at.clone(), value)?;
    fields.need_text("type")?;
    fields.text("name")?;
    // Elsewhere caching needs no marks.
    cache::read(&mut fields, &mut reader.unplaced)?;
    fields.ignore("strict", &[json!(false)]);
    fields.ignore("defer_loading", &[json!(false)]);
    fields.ignore("allowed_callers", &[json!([]), json!(["direct"])]);
    fields.ignore("response_inclusion", &[json!("full")]);
    let user_location = fields.object("user_location")?.map(place).transpose()?;
    let search = WebSearch {
        max_uses: fields.whole("max_uses")?,
        context_size: None,
        allowed_domains: texts(&mut fields, "allowed_domains")?,
        blocked_domains: texts(&mut fields, "blocked_domains")?,
        user_location,
        at,
    };
    fields.rest(&mut reader.unplaced);
    Ok(search)
}

/// Where the user is, without the type, of which there is one.
fn place(mut fields: Fields) -> Result<Value, GatewayError> {
    let mut place = json!({});
    for key in ["city", "region", "country", "timezone"] {
        if let Some(text) = fields.text(key)? {
            place[key] = text.into();
        }
    }
    Ok(place)
}

pub(super) fn texts(fields: &mut Fields, key: &str) -> Result<Vec<String>, GatewayError> {
    let path = fields.path_of(key);
    let text = |(index, value)| match value {
        Value::String(text) => Ok(text),
        other => Err(wrong(&format!("{path}[{index}]"), "a string", &other)),
    };
    fields.list(key)?.into_iter().enumerate().map(text).collect()
}

/// Takes `tool_choice`, and with it whether tools may be called in parallel.
pub(super) fn choice(
    fields: &mut Fields,
    reader: &mut Reader,
) -> Result<(Option<ToolChoice>, Option<bool>), GatewayError> {
    let Some(mut choice) = fields.object("tool_choice")? else {
        return Ok((None, None));
    };
    let parallel = choice.flag("disable_parallel_tool_use")?.map(|disabled| !disabled);
    let read = match choice.need_text("type")?.as_str() {
        "auto" => Some(ToolChoice::Auto),
        "any" => Some(ToolChoice::Any),
        "none" => Some(ToolChoice::None),
        "tool" => Some(ToolChoice::Tool(choice.need_text("name")?)),
        _ => {
            reader.unplaced.push(Unplaced::new(choice.path_of("type")));
            None
        }
    };
    choice.rest(&mut reader.unplaced);
    Ok((read, parallel))
}
