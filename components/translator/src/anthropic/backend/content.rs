//! The parts of a message, written as blocks.

use serde_json::{Value, json};
use weir_core::{Dialect, ErrorKind, GatewayError};

use super::named::{Named, Place};
use crate::anthropic::{cache, ids};
use crate::canonical::{CacheMark, Document, Image, Part, Reasoning, Source, Text, ToolCall, ToolResult};
use crate::unsupported::Unsupported;

/// The blocks for the parts of the message at `at`. Empty words are left out, which Anthropic refuses.
pub(super) fn blocks(parts: Vec<Part>, at: &str, unsupported: &mut Unsupported) -> Result<Vec<Value>, GatewayError> {
    let mut blocks = Vec::with_capacity(parts.len());
    let mut place = Place { client: unsupported.client(), at, part: 0, call: 0 };
    for (index, part) in parts.into_iter().enumerate() {
        place.part = index;
        match part {
            Part::Text(text) => blocks.extend(self::text(&text, &place, unsupported)),
            Part::Refusal(text) => blocks.extend(words(&text, None)),
            Part::Image(image) => blocks.extend(self::image(image, &place, unsupported)?),
            Part::Document(document) => blocks.extend(self::document(document, &place, unsupported)?),
            Part::Audio(_) => unsupported.field(&place.of(Named::Part), "send a transcript instead")?,
            Part::ToolCall(call) => {
                blocks.push(tool_use(&call, &place)?);
                place.call += 1;
            }
            Part::ToolResult(result) => blocks.push(tool_result(result, at, unsupported)?),
            Part::Foreign(foreign) if foreign.family == Dialect::AnthropicMessages => blocks.push(foreign.value),
            Part::Foreign(foreign) => unsupported.note(&foreign.at),
            Part::Reasoning(reasoning) => blocks.extend(thoughts(reasoning, &place, unsupported)),
        }
    }
    Ok(blocks)
}

fn text(text: &Text, place: &Place<'_>, unsupported: &mut Unsupported) -> Option<Value> {
    if !text.citations.is_empty() {
        // An echo of an answer: Anthropic takes back its own citations alone, each with a proof.
        unsupported.note(&place.of(Named::Citations));
    }
    words(&text.text, text.cache)
}

fn words(text: &str, mark: Option<CacheMark>) -> Option<Value> {
    if text.trim().is_empty() {
        return None;
    }
    let mut block = json!({"type": "text", "text": text});
    cache::write(mark, &mut block);
    Some(block)
}

/// Thoughts go back to those who vouch for them. Others are only an echo of what the client was sent.
fn thoughts(reasoning: Reasoning, place: &Place<'_>, unsupported: &mut Unsupported) -> Option<Value> {
    match reasoning.signature {
        Some(signature) if signature.family == Dialect::AnthropicMessages => Some(if reasoning.redacted {
            json!({"type": "redacted_thinking", "data": signature.value})
        } else {
            json!({"type": "thinking", "thinking": reasoning.text, "signature": signature.value})
        }),
        _ => {
            unsupported.note(&place.of(Named::Thoughts));
            None
        }
    }
}

fn image(image: Image, place: &Place<'_>, unsupported: &mut Unsupported) -> Result<Option<Value>, GatewayError> {
    // Anthropic's models look closely at all of them.
    if image.detail.is_some_and(|detail| detail == "low") {
        unsupported.field(&place.of(Named::Detail), "leave it out, or set it to `auto`")?;
    }
    let source = match image.source {
        Source::Url(url) => json!({"type": "url", "url": url}),
        Source::Data { media_type, base64 } => json!({"type": "base64", "media_type": media_type, "data": base64}),
        Source::File(id) => match file(&id, place, unsupported)? {
            Some(source) => source,
            None => return Ok(None),
        },
        Source::Text(_) => {
            unsupported.field(&place.of(Named::Part), "")?;
            return Ok(None);
        }
    };
    let mut written = json!({"type": "image", "source": source});
    cache::write(image.cache, &mut written);
    Ok(Some(written))
}

fn document(
    document: Document,
    place: &Place<'_>,
    unsupported: &mut Unsupported,
) -> Result<Option<Value>, GatewayError> {
    let source = match document.source {
        Source::Url(url) => json!({"type": "url", "url": url}),
        Source::Text(text) => json!({"type": "text", "media_type": "text/plain", "data": text}),
        Source::Data { media_type, base64 } if media_type == "application/pdf" => {
            json!({"type": "base64", "media_type": media_type, "data": base64})
        }
        Source::Data { media_type, base64 } if is_text(&media_type) => {
            json!({"type": "text", "media_type": "text/plain", "data": decoded_text(&base64, place)?})
        }
        Source::Data { .. } => {
            unsupported.field(&place.of(Named::Part), "send a PDF or text")?;
            return Ok(None);
        }
        Source::File(id) => match file(&id, place, unsupported)? {
            Some(source) => source,
            None => return Ok(None),
        },
    };
    let mut written = json!({"type": "document", "source": source});
    if let Some(name) = document.name {
        written["title"] = name.into();
    }
    if let Some(context) = document.context {
        written["context"] = context.into();
    }
    if document.cite {
        written["citations"] = json!({"enabled": true});
    }
    cache::write(document.cache, &mut written);
    Ok(Some(written))
}

/// An id of a file means something to whom the file was uploaded, and nobody else.
fn file(id: &str, place: &Place<'_>, unsupported: &mut Unsupported) -> Result<Option<Value>, GatewayError> {
    if place.client == Dialect::AnthropicMessages {
        return Ok(Some(json!({"type": "file", "file_id": id})));
    }
    unsupported.field(&place.of(Named::FileId), "send the file itself")?;
    Ok(None)
}

fn is_text(media_type: &str) -> bool {
    media_type.starts_with("text/") || matches!(media_type, "application/json" | "application/xml")
}

fn decoded_text(base64: &str, place: &Place<'_>) -> Result<String, GatewayError> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        let path = place.of(Named::FileData);
        GatewayError::new(ErrorKind::InvalidRequest, format!("`{path}` is not UTF-8 text in base64")).with_param(path)
    })
}

fn tool_use(call: &ToolCall, place: &Place<'_>) -> Result<Value, GatewayError> {
    let wrong = |why: String| {
        let path = place.of(Named::Arguments);
        GatewayError::new(ErrorKind::InvalidRequest, format!("`{path}` is not {why}")).with_param(path)
    };
    let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
    let input = match serde_json::from_str(arguments) {
        Ok(Value::Null) => json!({}),
        Ok(object @ Value::Object(_)) => object,
        Ok(_) => return Err(wrong("a JSON object".to_owned())),
        Err(fault) => return Err(wrong(format!("JSON: {fault}"))),
    };
    let mut written = json!({"type": "tool_use", "id": ids::tool_use(&call.id), "name": call.name, "input": input});
    cache::write(call.cache, &mut written);
    Ok(written)
}

fn tool_result(result: ToolResult, at: &str, unsupported: &mut Unsupported) -> Result<Value, GatewayError> {
    let mut written = json!({"type": "tool_result", "tool_use_id": ids::tool_use(&result.id)});
    let content = shortest(blocks(result.parts, at, unsupported)?);
    if !content.is_null() {
        written["content"] = content;
    }
    if result.is_error {
        written["is_error"] = true.into();
    }
    cache::write(result.cache, &mut written);
    Ok(written)
}

/// Blocks in the shortest way to write them: nothing, a string, or a list.
pub(super) fn shortest(mut blocks: Vec<Value>) -> Value {
    match blocks.as_mut_slice() {
        [] => Value::Null,
        [one] if one["type"] == "text" && one.get("cache_control").is_none() => one["text"].take(),
        _ => blocks.into(),
    }
}
