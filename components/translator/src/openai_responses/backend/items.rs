//! A conversation, written as `instructions` and `input`.

use serde_json::{Value, json};
use weir_core::config::Quirks;
use weir_core::{Dialect, GatewayError};

use super::super::short::short;
use super::content;
use crate::canonical::{Message, Part, Reasoning, Role, ToolCall, ToolResult};
use crate::tools::namespace;
use crate::unsupported::Unsupported;

/// `instructions` (where the client wrote them so) and `input`.
///
/// System and developer messages stay in their places: OpenAI takes them anywhere.
pub(super) fn conversation(
    mut messages: Vec<Message>,
    quirks: &Quirks,
    unsupported: &mut Unsupported,
) -> Result<(Option<String>, Vec<Value>), GatewayError> {
    let instructions = match messages.first_mut() {
        Some(first) if first.at == "instructions" => match first.parts.as_mut_slice() {
            [Part::Text(text)] => Some(std::mem::take(&mut text.text)),
            _ => None,
        },
        _ => None,
    };
    let mut items = Vec::with_capacity(messages.len());
    for message in messages.into_iter().skip(usize::from(instructions.is_some())) {
        self::message(message, quirks, &mut items, unsupported)?;
    }
    if items.is_empty() && instructions.is_none() {
        // All of it was an echo that means nothing here; OpenAI wants something to answer.
        items.push(json!({"role": "user", "content": ""}));
    }
    Ok((instructions, items))
}

fn message(
    message: Message,
    quirks: &Quirks,
    items: &mut Vec<Value>,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    let Message { role, parts, name, phase, at } = message;
    if name.is_some() {
        unsupported.field(&format!("{at}.name"), "say in the text who speaks")?;
    }
    let role = match role {
        Role::Assistant => return assistant(parts, phase.as_deref(), &at, quirks, items, unsupported),
        Role::System => "system",
        Role::Developer if quirks.developer_role => "developer",
        Role::Developer => "system",
        Role::User | Role::Tool => "user",
    };
    // A silent message is one all the same.
    let silent = parts.is_empty();
    // What tools answer has items of its own, in front of what the user says beside it.
    let (results, said): (Vec<Part>, Vec<Part>) =
        parts.into_iter().partition(|part| matches!(part, Part::ToolResult(_)));
    for part in results {
        if let Part::ToolResult(result) = part {
            items.push(tool_result(result, &at, quirks, unsupported)?);
        }
    }
    if silent || !said.is_empty() {
        let content = match content::input(said, &at, quirks, unsupported)? {
            Value::Array(parts) if parts.is_empty() => "".into(),
            content => content,
        };
        items.push(json!({"role": role, "content": content}));
    }
    Ok(())
}

/// What the model said, item by item in its order.
fn assistant(
    parts: Vec<Part>,
    phase: Option<&str>,
    at: &str,
    quirks: &Quirks,
    items: &mut Vec<Value>,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    if parts.is_empty() {
        items.push(json!({"role": "assistant", "content": ""}));
    }
    let mut content = Vec::new();
    for part in parts {
        let item = match part {
            Part::Text(text) => {
                content.push(content::output_text(&text, at, unsupported));
                continue;
            }
            Part::Refusal(text) => {
                content.push(json!({"type": "refusal", "refusal": text}));
                continue;
            }
            Part::Reasoning(reasoning) => self::reasoning(reasoning, at, unsupported),
            Part::ToolCall(call) => Some(tool_call(call)),
            Part::ToolResult(result) => Some(tool_result(result, at, quirks, unsupported)?),
            Part::Foreign(foreign) if foreign.family == Dialect::OpenaiResponses => Some(foreign.value),
            Part::Foreign(foreign) => {
                unsupported.note(&foreign.at);
                None
            }
            // No model of today answers with these, and no item holds what one did.
            Part::Image(_) | Part::Document(_) | Part::Audio(_) => {
                unsupported.note(at);
                None
            }
        };
        if let Some(item) = item {
            end_message(&mut content, phase, items);
            items.push(item);
        }
    }
    end_message(&mut content, phase, items);
    Ok(())
}

fn end_message(content: &mut Vec<Value>, phase: Option<&str>, items: &mut Vec<Value>) {
    if content.is_empty() {
        return;
    }
    let mut item = json!({"type": "message", "role": "assistant", "content": std::mem::take(content)});
    if let Some(phase) = phase {
        item["phase"] = phase.into();
    }
    items.push(item);
}

/// Thoughts that OpenAI proved, or that a client of responses has from somewhere without a proof. Others are an echo
/// that means nothing to OpenAI.
fn reasoning(reasoning: Reasoning, at: &str, unsupported: &mut Unsupported) -> Option<Value> {
    let Reasoning { text, mut summary, signature, id, .. } = reasoning;
    let of_ours = unsupported.client() == Dialect::OpenaiResponses;
    let proof = match &signature {
        Some(signature) if signature.family == Dialect::OpenaiResponses => signature.value.split_once(':'),
        None if of_ours && id.is_some() => None,
        _ => {
            unsupported.note(&named(at, unsupported.client()));
            return None;
        }
    };
    // Other dialects know one kind of words, and what they were given as such was the summary.
    let mut content = None;
    if of_ours {
        content = Some(text).filter(|text| !text.is_empty());
    } else if summary.is_empty() && !text.is_empty() {
        summary.push(text);
    }
    let summary: Vec<Value> = summary.iter().map(|text| json!({"type": "summary_text", "text": text})).collect();
    let mut item = json!({"type": "reasoning", "summary": summary});
    if let Some(id) = proof.map(|(id, _)| id).or(id.as_deref()).filter(|id| !id.is_empty()) {
        item["id"] = id.into();
    }
    if let Some((_, encrypted)) = proof {
        item["encrypted_content"] = encrypted.into();
    }
    if let Some(text) = content {
        item["content"] = json!([{"type": "reasoning_text", "text": text}]);
    }
    Some(item)
}

/// Where a client of `dialect` has the thoughts of the message at `at`.
fn named(at: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::OpenaiChat => format!("{at}.reasoning_content"),
        Dialect::AnthropicMessages => format!("{at}.content.thinking"),
        _ => format!("{at}.reasoning"),
    }
}

fn tool_call(call: ToolCall) -> Value {
    let (namespace, name) = namespace::split(&call.name);
    let mut item = if call.custom {
        json!({"type": "custom_tool_call", "call_id": short(&call.id), "name": name, "input": call.arguments})
    } else {
        let arguments = if call.arguments.trim().is_empty() { "{}".to_owned() } else { call.arguments };
        json!({"type": "function_call", "call_id": short(&call.id), "name": name, "arguments": arguments})
    };
    if let Some(namespace) = namespace {
        item["namespace"] = namespace.into();
    }
    item
}

/// There is no member that says that a tool failed: its words do.
fn tool_result(
    result: ToolResult,
    at: &str,
    quirks: &Quirks,
    unsupported: &mut Unsupported,
) -> Result<Value, GatewayError> {
    let mut output = match content::input(result.parts, at, quirks, unsupported)? {
        Value::Array(parts) if parts.is_empty() => "".into(),
        output => output,
    };
    if result.is_error {
        const FAILED: &str = "The tool failed";
        match &mut output {
            Value::Array(parts) => parts.insert(0, json!({"type": "input_text", "text": format!("{FAILED}:")})),
            Value::String(text) if text.is_empty() => *text = format!("{FAILED}."),
            Value::String(text) => *text = format!("{FAILED}: {text}"),
            _ => {}
        }
    }
    let kind = if result.custom { "custom_tool_call_output" } else { "function_call_output" };
    Ok(json!({"type": kind, "call_id": short(&result.id), "output": output}))
}
