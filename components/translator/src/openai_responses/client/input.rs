//! `input`: a string, or a list of items, read into messages.

use serde_json::{Value, json};
use weir_core::{Dialect, ErrorKind, GatewayError};

use super::content;
use super::tools;
use crate::canonical::{Foreign, Message, Part, Request, Role, ToolCall, ToolResult};
use crate::fields::{Fields, missing, wrong};
use crate::tools::namespace;

/// Reads `input` into the request's messages; `additional_tools` among the items, into its tools.
pub(super) fn read(fields: &mut Fields, request: &mut Request) -> Result<(), GatewayError> {
    match fields.take("input") {
        None => Ok(()),
        Some(Value::String(text)) => {
            request.messages.push(Message::new(Role::User, vec![Part::Text(text.into())], "input"));
            Ok(())
        }
        Some(Value::Array(items)) => {
            for (index, value) in items.into_iter().enumerate() {
                item(format!("input[{index}]"), value, request)?;
            }
            Ok(())
        }
        Some(other) => Err(wrong("input", "a string or a list of items", &other)),
    }
}

fn item(path: String, value: Value, request: &mut Request) -> Result<(), GatewayError> {
    let kind = match value.get("type").and_then(Value::as_str) {
        Some(kind) => kind.to_owned(),
        None if value.get("role").is_some() => "message".to_owned(),
        None if value.get("id").is_some() => "item_reference".to_owned(),
        None => {
            return Err(Fields::of(path, value).map_or_else(|error| error, |item| missing(&item.path_of("type"))));
        }
    };
    if kind == "item_reference" {
        let message =
            format!("`{path}` refers to an item, and none is stored: send the item itself, and `store: false`");
        return Err(GatewayError::new(ErrorKind::Unsupported, message).with_param(path));
    }
    if !has_place(&kind) {
        let foreign = Foreign { family: Dialect::OpenaiResponses, kind, value, at: path.clone() };
        say(request, path, Part::Foreign(foreign));
        return Ok(());
    }
    let mut fields = Fields::of(path, value)?;
    fields.take("type");
    // Whether it was complete when the client was told of it.
    fields.take("status");
    match kind.as_str() {
        "message" => message(&mut fields, request)?,
        "reasoning" => {
            let reasoning = content::reasoning(&mut fields)?;
            say(request, fields.path(), Part::Reasoning(reasoning));
        }
        "function_call" => call(&mut fields, "arguments", request)?,
        "custom_tool_call" => call(&mut fields, "input", request)?,
        "function_call_output" => result(&mut fields, false, request)?,
        "custom_tool_call_output" => result(&mut fields, true, request)?,
        _ => {
            fields.take("id");
            fields.ignore("role", &[json!("developer")]);
            tools::read(&mut fields, request)?;
        }
    }
    fields.rest(&mut request.unplaced);
    Ok(())
}

/// Whether the canonical conversation has a place for items of that type. The others are the work of tools that run at
/// OpenAI or that its models alone know, and compacted conversations.
fn has_place(kind: &str) -> bool {
    matches!(
        kind,
        "message"
            | "reasoning"
            | "function_call"
            | "custom_tool_call"
            | "function_call_output"
            | "custom_tool_call_output"
            | "additional_tools"
    )
}

/// Adds what the model said to its turn, or begins one.
fn say(request: &mut Request, at: impl Into<String>, part: Part) {
    match request.messages.last_mut() {
        Some(turn) if turn.role == Role::Assistant => turn.parts.push(part),
        _ => request.messages.push(Message::new(Role::Assistant, vec![part], at)),
    }
}

fn message(fields: &mut Fields, request: &mut Request) -> Result<(), GatewayError> {
    fields.take("id");
    let role = fields.need_text("role")?;
    let role = match role.as_str() {
        "user" => Role::User,
        "system" => Role::System,
        "developer" => Role::Developer,
        "assistant" => Role::Assistant,
        _ => {
            let expected = "`user`, `assistant`, `system` or `developer`";
            return Err(wrong(&fields.path_of("role"), expected, &Value::String(role)));
        }
    };
    let phase = fields.text("phase")?;
    let parts = content::parts(fields, "content", &mut request.unplaced)?;
    match request.messages.last_mut() {
        Some(turn) if role == Role::Assistant && joins(turn, phase.as_deref()) => {
            turn.parts.extend(parts);
            turn.phase = phase.or(turn.phase.take());
        }
        _ => {
            let message = Message::new(role, parts, fields.path());
            request.messages.push(Message { phase, ..message });
        }
    }
    Ok(())
}

/// Whether words of the model's that are said in `phase` belong to a turn of its.
fn joins(turn: &Message, phase: Option<&str>) -> bool {
    let silent = !turn.parts.iter().any(|part| matches!(part, Part::Text(_) | Part::Refusal(_)));
    turn.role == Role::Assistant && (silent || turn.phase.as_deref() == phase)
}

fn call(fields: &mut Fields, arguments: &str, request: &mut Request) -> Result<(), GatewayError> {
    fields.take("id");
    direct(fields);
    let call = ToolCall {
        id: fields.need_text("call_id")?,
        name: tools::name(fields)?,
        arguments: fields.text(arguments)?.unwrap_or_default(),
        custom: arguments == "input",
        ..ToolCall::default()
    };
    say(request, fields.path(), Part::ToolCall(call));
    Ok(())
}

fn result(fields: &mut Fields, custom: bool, request: &mut Request) -> Result<(), GatewayError> {
    fields.take("id");
    direct(fields);
    let id = fields.need_text("call_id")?;
    let namespace = fields.text("namespace")?;
    let name = fields.text("name")?.map(|name| match &namespace {
        Some(namespace) => namespace::join(namespace, &name),
        None => name,
    });
    let parts = content::parts(fields, "output", &mut request.unplaced)?;
    let result = ToolResult { id, name, parts, custom, ..ToolResult::default() };
    request.messages.push(Message::new(Role::Tool, vec![Part::ToolResult(result)], fields.path()));
    Ok(())
}

/// Who called: the model itself, unless a program of its did.
fn direct(fields: &mut Fields) {
    fields.ignore("caller", &[json!({"type": "direct"})]);
    fields.ignore("async", &[json!(false)]);
}
