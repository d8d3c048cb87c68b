//! A conversation, written as Anthropic has it: system words beside it, users and assistant by turns, tools' results
//! in the user's turn.

use serde_json::{Value, json};
use weir_core::{Dialect, ErrorKind, GatewayError};

use crate::canonical::{Document, Image, Message, Part, Role, Source, ToolCall, ToolResult};
use crate::unsupported::Unsupported;

/// `system` (null where there is none) and `messages`.
///
/// System words from the midst of a conversation are moved to its front, as only some models take them elsewhere.
pub(super) fn conversation(
    messages: Vec<Message>,
    unsupported: &mut Unsupported,
) -> Result<(Value, Value), GatewayError> {
    let mut system = Vec::new();
    let mut turns: Vec<Turn> = Vec::new();
    for (index, message) in messages.into_iter().enumerate() {
        let path = format!("messages[{index}]");
        let role = match message.role {
            Role::System | Role::Developer => {
                system.extend(blocks(message.parts, &path, unsupported)?);
                continue;
            }
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        let blocks = blocks(message.parts, &path, unsupported)?;
        match turns.last_mut() {
            Some(turn) if turn.role == role => turn.blocks.extend(blocks),
            _ => turns.push(Turn { role, blocks }),
        }
    }
    turns.retain(|turn| !turn.blocks.is_empty());
    if turns.is_empty() && !system.is_empty() {
        // Anthropic wants a user to say something; OpenAI's models answer instructions alone.
        turns.push(Turn { role: "user", blocks: std::mem::take(&mut system) });
    }
    Ok((system_written(system), turns.into_iter().map(Turn::written).collect()))
}

struct Turn {
    role: &'static str,
    blocks: Vec<Value>,
}

impl Turn {
    fn written(mut self) -> Value {
        // What tools answered must come first in a turn.
        self.blocks.sort_by_key(|block| block["type"] != "tool_result");
        let alone = self.blocks.len() == 1;
        let content = match self.blocks.first_mut() {
            Some(block) if alone && block["type"] == "text" => block["text"].take(),
            _ => self.blocks.into(),
        };
        json!({"role": self.role, "content": content})
    }
}

fn system_written(mut blocks: Vec<Value>) -> Value {
    match blocks.as_mut_slice() {
        [] => Value::Null,
        [one] => one["text"].take(),
        _ => blocks.into(),
    }
}

fn blocks(parts: Vec<Part>, path: &str, unsupported: &mut Unsupported) -> Result<Vec<Value>, GatewayError> {
    let mut blocks = Vec::with_capacity(parts.len());
    let mut calls = 0;
    for (index, part) in parts.into_iter().enumerate() {
        match part {
            Part::Text(text) if text.text.is_empty() => {}
            // Anthropic refuses empty text.
            Part::Refusal(text) if text.is_empty() => {}
            Part::Text(text) => blocks.push(json!({"type": "text", "text": text.text})),
            Part::Refusal(text) => blocks.push(json!({"type": "text", "text": text})),
            Part::Image(image) => blocks.extend(self::image(image, &format!("{path}.content[{index}]"), unsupported)?),
            Part::Document(document) => {
                blocks.extend(self::document(document, &format!("{path}.content[{index}]"), unsupported)?);
            }
            Part::Audio(_) => unsupported.field(&format!("{path}.content[{index}]"), "send a transcript instead")?,
            Part::ToolCall(call) => {
                blocks.push(tool_use(&call, &format!("{path}.tool_calls[{calls}]"))?);
                calls += 1;
            }
            Part::ToolResult(result) => blocks.push(tool_result(result, path, unsupported)?),
            Part::Foreign(foreign) if foreign.family == Dialect::AnthropicMessages => blocks.push(foreign.value),
            Part::Foreign(foreign) => unsupported.note(&foreign.at),
            Part::Reasoning(reasoning) => match reasoning.signature {
                Some(signature) if signature.family == Dialect::AnthropicMessages => {
                    let block = if reasoning.redacted {
                        json!({"type": "redacted_thinking", "data": signature.value})
                    } else {
                        json!({"type": "thinking", "thinking": reasoning.text, "signature": signature.value})
                    };
                    blocks.push(block);
                }
                // Thoughts that nobody vouches for, or another family: only an echo of what the client was sent.
                _ => unsupported.note(&format!("{path}.reasoning_content")),
            },
        }
    }
    Ok(blocks)
}

fn image(image: Image, path: &str, unsupported: &mut Unsupported) -> Result<Option<Value>, GatewayError> {
    if image.detail.is_some() {
        unsupported.field(&format!("{path}.image_url.detail"), "leave it out, or set it to `auto`")?;
    }
    let source = match image.source {
        Source::Url(url) => json!({"type": "url", "url": url}),
        Source::Data { media_type, base64 } => json!({"type": "base64", "media_type": media_type, "data": base64}),
        Source::File(id) => json!({"type": "file", "file_id": id}),
        Source::Text(_) => {
            unsupported.field(path, "")?;
            return Ok(None);
        }
    };
    Ok(Some(json!({"type": "image", "source": source})))
}

fn document(document: Document, path: &str, unsupported: &mut Unsupported) -> Result<Option<Value>, GatewayError> {
    let source = match document.source {
        Source::Url(url) => json!({"type": "url", "url": url}),
        Source::Text(text) => json!({"type": "text", "media_type": "text/plain", "data": text}),
        Source::Data { media_type, base64 } if media_type == "application/pdf" => {
            json!({"type": "base64", "media_type": media_type, "data": base64})
        }
        Source::Data { media_type, base64 } if media_type.starts_with("text/") => {
            json!({"type": "text", "media_type": "text/plain", "data": decoded_text(&base64, path)?})
        }
        Source::Data { .. } => {
            unsupported.field(path, "send a PDF or text")?;
            return Ok(None);
        }
        // An id of OpenAI's files means nothing to Anthropic.
        Source::File(_) => {
            unsupported.field(&format!("{path}.file.file_id"), "send the file itself as `file_data`")?;
            return Ok(None);
        }
    };
    let mut written = json!({"type": "document", "source": source});
    if let Some(name) = document.name {
        written["title"] = name.into();
    }
    Ok(Some(written))
}

fn decoded_text(base64: &str, path: &str) -> Result<String, GatewayError> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        let path = format!("{path}.file.file_data");
        GatewayError::new(ErrorKind::InvalidRequest, format!("`{path}` is not UTF-8 text in base64")).with_param(path)
    })
}

fn tool_use(call: &ToolCall, path: &str) -> Result<Value, GatewayError> {
    let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
    let input: Value = serde_json::from_str(arguments).map_err(|fault| {
        let path = format!("{path}.function.arguments");
        GatewayError::new(ErrorKind::InvalidRequest, format!("`{path}` is not JSON: {fault}")).with_param(path)
    })?;
    Ok(json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input}))
}

fn tool_result(result: ToolResult, path: &str, unsupported: &mut Unsupported) -> Result<Value, GatewayError> {
    let mut blocks = blocks(result.parts, path, unsupported)?;
    let content = match blocks.as_mut_slice() {
        [] => Value::Null,
        [one] if one["type"] == "text" => one["text"].take(),
        _ => blocks.into(),
    };
    let mut written = json!({"type": "tool_result", "tool_use_id": result.id});
    if !content.is_null() {
        written["content"] = content;
    }
    if result.is_error {
        written["is_error"] = true.into();
    }
    Ok(written)
}
