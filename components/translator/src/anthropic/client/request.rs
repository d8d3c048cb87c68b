//! Requests, read into the canonical conversation.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use weir_core::json::Object;
use weir_core::{GatewayError, Tokens};

use super::{content, tools};
use crate::anthropic::cache;
use crate::canonical::{
    Effort, Message, Part, Request, ResponseFormat, Role, Sampling, ServiceTier, Shown, Thinking, ThinkingMode,
    Unplaced,
};
use crate::fields::{Fields, missing, wrong};

/// Reads a request. Members that mean something and have no place in the canonical request are listed in
/// [`Request::unplaced`]; those whose value says nothing (`"speed": "standard"`, nulls, edits of the context that clear
/// nothing) are not.
///
/// # Errors
/// `InvalidRequest`, naming the field, for what is not of its type, and where `max_tokens` or `messages` is missing.
pub fn decode_request(body: &Object) -> Result<Request, GatewayError> {
    let request = read(body)?;
    if request.max_output.is_none() {
        return Err(missing("max_tokens"));
    }
    Ok(request)
}

/// What is gathered while a request is read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) unplaced: Vec<Unplaced>,
    /// The deferred tools that something in the conversation names.
    pub(super) found: BTreeSet<String>,
}

impl Reader {
    /// Takes note of the tools that a block names: what a search found, what was added on the way. One that was taken
    /// away again is found no more.
    pub(super) fn find_tools(&mut self, block: &Value) {
        let kind = &block["type"];
        if kind == "tool_removal" {
            self.found.retain(|name| block["tool"]["name"] != *name);
            return;
        }
        let several = block["content"]["tool_references"].as_array().into_iter().flatten();
        let one = (kind == "tool_reference").then_some(block);
        let added = (kind == "tool_addition").then_some(&block["tool"]);
        for reference in several.chain(one).chain(added) {
            let name = reference["tool_name"].as_str().or(reference["name"].as_str());
            self.found.extend(name.map(str::to_owned));
        }
    }
}

/// The same for a request of which the tokens are to be counted, which need not say how long its answer may be.
pub(super) fn read(body: &Object) -> Result<Request, GatewayError> {
    let mut fields = Fields::of_body(body)?;
    let mut reader = Reader::default();
    let mut request = Request { model: fields.text("model")?.unwrap_or_default(), ..Request::default() };
    let system = content::parts(&mut fields, "system", Role::System, &mut reader)?;
    if !system.is_empty() {
        request.messages.push(Message::new(Role::System, system, "system"));
    }
    output_config(&mut fields, &mut request, &mut reader)?;
    conversation(&mut fields, &mut request, &mut reader)?;
    request.tools = tools::tools(&mut fields, &mut reader)?;
    (request.tool_choice, request.parallel_tool_calls) = tools::choice(&mut fields, &mut reader)?;
    thinking(&mut fields, &mut request.thinking, &mut reader)?;
    request.sampling = Sampling {
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.whole("top_k")?,
        ..Sampling::default()
    };
    request.stop = tools::texts(&mut fields, "stop_sequences")?;
    request.max_output = fields.whole::<u64>("max_tokens")?.map(Tokens);
    request.stream = fields.flag("stream")?.unwrap_or(false);
    if let Some(mut metadata) = fields.object("metadata")? {
        request.user = metadata.text("user_id")?;
        metadata.rest(&mut reader.unplaced);
    }
    request.service_tier = service_tier(&mut fields, &mut reader)?;
    request.cache = cache::read(&mut fields, &mut reader.unplaced)?;
    fields.ignore_if("context_management", keeps_all);
    fields.ignore("mcp_servers", &[json!([])]);
    fields.ignore("speed", &[json!("standard")]);
    fields.rest(&mut reader.unplaced);
    request.unplaced = reader.unplaced;
    Ok(request)
}

/// Takes `messages`. What tools answered stands in the user's turn there, and in messages of its own here.
fn conversation(fields: &mut Fields, request: &mut Request, reader: &mut Reader) -> Result<(), GatewayError> {
    let messages = fields.list("messages")?;
    if messages.is_empty() {
        return Err(missing("messages"));
    }
    let last_user = messages.iter().rposition(|message| message["role"] == "user").unwrap_or(0);
    for (index, value) in messages.into_iter().enumerate() {
        let at = format!("messages[{index}]");
        let mut message = Fields::of(at.clone(), value)?;
        let role = message.need_text("role")?;
        match role.as_str() {
            "user" => user(at, content::parts(&mut message, "content", Role::User, reader)?, &mut request.messages),
            "assistant" => {
                let parts = content::parts(&mut message, "content", Role::Assistant, reader)?;
                request.messages.push(Message::new(Role::Assistant, parts, at));
            }
            "system" => {
                let parts = content::parts(&mut message, "content", Role::System, reader)?;
                let is_cleared = message.text("clear_at")?.is_some_and(|at| at == "next_user_message");
                let is_seen = !is_cleared || index > last_user;
                if is_seen && !parts.is_empty() {
                    request.messages.push(Message::new(Role::System, parts, at));
                }
                // The effort from here on: the last word counts.
                output_config(&mut message, request, reader)?;
            }
            _ => {
                let expected = "`user`, `assistant` or `system`";
                return Err(wrong(&message.path_of("role"), expected, &Value::String(role)));
            }
        }
        message.rest(&mut reader.unplaced);
    }
    if request.messages.is_empty() {
        return Err(missing("messages"));
    }
    Ok(())
}

fn user(at: String, parts: Vec<Part>, messages: &mut Vec<Message>) {
    let mut words = Vec::new();
    let is_silent = parts.is_empty();
    for part in parts {
        if matches!(part, Part::ToolResult(_)) {
            if !words.is_empty() {
                messages.push(Message::new(Role::User, std::mem::take(&mut words), at.clone()));
            }
            messages.push(Message::new(Role::Tool, vec![part], at.clone()));
        } else {
            words.push(part);
        }
    }
    if is_silent || !words.is_empty() {
        messages.push(Message::new(Role::User, words, at));
    }
}

/// Takes `output_config`, and the form of the answer as it was called before.
fn output_config(fields: &mut Fields, request: &mut Request, reader: &mut Reader) -> Result<(), GatewayError> {
    let older = fields.object("output_format")?;
    let mut format = None;
    if let Some(mut config) = fields.object("output_config")? {
        if let Some(word) = config.text("effort")? {
            let effort = Effort::named(&word).filter(|effort| *effort >= Effort::Low);
            if effort.is_none() {
                reader.unplaced.push(Unplaced::new(config.path_of("effort")));
            }
            request.thinking.effort = effort.or(request.thinking.effort);
        }
        format = config.object("format")?;
        config.rest(&mut reader.unplaced);
    }
    let Some(mut format) = format.or(older) else {
        return Ok(());
    };
    if format.need_text("type")? == "json_schema" {
        let schema = format.take("schema").ok_or_else(|| missing(&format.path_of("schema")))?;
        // Anthropic's models always keep to it.
        request.response_format = ResponseFormat::JsonSchema { name: None, schema, strict: Some(true) };
    } else {
        reader.unplaced.push(Unplaced::new(format.path_of("type")));
    }
    format.rest(&mut reader.unplaced);
    Ok(())
}

fn thinking(fields: &mut Fields, asked: &mut Thinking, reader: &mut Reader) -> Result<(), GatewayError> {
    let Some(mut thinking) = fields.object("thinking")? else {
        return Ok(());
    };
    asked.mode = match thinking.need_text("type")?.as_str() {
        "disabled" => Some(ThinkingMode::Off),
        "adaptive" => Some(ThinkingMode::Adaptive),
        "enabled" => {
            let budget = thinking.whole("budget_tokens")?.ok_or_else(|| missing("thinking.budget_tokens"))?;
            Some(ThinkingMode::Budget(Tokens(budget)))
        }
        _ => {
            reader.unplaced.push(Unplaced::new(thinking.path_of("type")));
            None
        }
    };
    asked.shown = match thinking.text("display")?.as_deref() {
        None => None,
        Some("omitted") => Some(Shown::Omitted),
        Some("summarized") => Some(Shown::Auto),
        Some(_) => {
            reader.unplaced.push(Unplaced::new(thinking.path_of("display")));
            None
        }
    };
    thinking.ignore("block_binding", &[json!({})]);
    thinking.rest(&mut reader.unplaced);
    Ok(())
}

fn service_tier(fields: &mut Fields, reader: &mut Reader) -> Result<Option<ServiceTier>, GatewayError> {
    Ok(match fields.text("service_tier")?.as_deref() {
        None => None,
        Some("auto") => Some(ServiceTier::Auto),
        Some("standard_only") => Some(ServiceTier::Standard),
        Some(_) => {
            reader.unplaced.push(Unplaced::new("service_tier"));
            None
        }
    })
}

/// Whether edits of the context leave it as it is: without them other backends do the same.
fn keeps_all(context_management: &Value) -> bool {
    let keeps_all = |edit: &Value| {
        edit["type"] == "clear_thinking_20251015" && (edit["keep"] == "all" || edit["keep"]["type"] == "all")
    };
    let edits = context_management.get("edits").and_then(Value::as_array);
    let is_alone = context_management.as_object().is_some_and(|members| members.keys().all(|key| key == "edits"));
    is_alone && edits.is_none_or(|edits| edits.iter().all(keeps_all))
}
