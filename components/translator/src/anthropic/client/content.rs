//! The blocks of a message, read.

use serde_json::{Value, json};
use weir_core::{Dialect, GatewayError};

use super::request::Reader;
use crate::anthropic::cache;
use crate::anthropic::citation::CitationBlock;
use crate::canonical::{
    Citation, Document, Foreign, Image, Part, Reasoning, Role, Signature, Source, Text, ToolCall, ToolResult, Unplaced,
};
use crate::fields::{Fields, missing, wrong};

/// Takes `content`: nothing, a string, or a list of blocks.
pub(super) fn parts(
    fields: &mut Fields,
    key: &str,
    role: Role,
    reader: &mut Reader,
) -> Result<Vec<Part>, GatewayError> {
    let path = fields.path_of(key);
    match fields.take(key) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Part::Text(text.into())]),
        Some(Value::Array(list)) => {
            let read = |(index, value)| part(format!("{path}[{index}]"), value, role, reader);
            let parts: Result<Vec<Option<Part>>, GatewayError> = list.into_iter().enumerate().map(read).collect();
            Ok(parts?.into_iter().flatten().collect())
        }
        Some(other) => Err(wrong(&path, "a string or a list of blocks", &other)),
    }
}

fn part(path: String, value: Value, role: Role, reader: &mut Reader) -> Result<Option<Part>, GatewayError> {
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if is_foreign(&kind, role) {
        reader.find_tools(&value);
        return Ok(Some(Part::Foreign(Foreign { family: Dialect::AnthropicMessages, kind, value, at: path })));
    }
    let mut fields = Fields::of(path.clone(), value)?;
    fields.need_text("type")?;
    let read = match kind.as_str() {
        "text" => Part::Text(text(&mut fields, reader)?),
        "image" => match image(&mut fields, reader)? {
            Some(image) => Part::Image(image),
            None => return Ok(None),
        },
        "document" => match document(&mut fields, reader)? {
            Some(document) => Part::Document(document),
            None => return Ok(None),
        },
        "search_result" => Part::Document(search_result(&mut fields, reader)?),
        "thinking" => Part::Reasoning(thinking(&mut fields)?),
        "redacted_thinking" => Part::Reasoning(redacted_thinking(&mut fields)?),
        "tool_use" => Part::ToolCall(tool_use(&mut fields, reader)?),
        "tool_result" => Part::ToolResult(tool_result(&mut fields, reader)?),
        _ => {
            reader.unplaced.push(Unplaced::new(path));
            return Ok(None);
        }
    };
    fields.rest(&mut reader.unplaced);
    Ok(Some(read))
}

/// Whether a block is one that Anthropic's models alone can make sense of: what its own tools did, echoed by the
/// client; files in its containers; compacted conversations; tools that come and go.
fn is_foreign(kind: &str, role: Role) -> bool {
    const OURS: [&str; 8] =
        ["text", "image", "document", "search_result", "thinking", "redacted_thinking", "tool_use", "tool_result"];
    match role {
        // All that stands in an answer comes back in the next request, whatever is yet invented.
        Role::Assistant => !kind.is_empty() && !OURS.contains(&kind),
        Role::Tool => kind == "tool_reference",
        _ => {
            matches!(kind, "container_upload" | "compaction" | "tool_addition" | "tool_removal")
                || kind.ends_with("_tool_result")
        }
    }
}

fn text(fields: &mut Fields, reader: &mut Reader) -> Result<Text, GatewayError> {
    let citations = fields.list("citations")?.into_iter();
    let read = |value| serde_json::from_value::<CitationBlock>(value).ok().map(Citation::from);
    Ok(Text {
        text: fields.need_text("text")?,
        citations: citations.filter_map(read).collect(),
        cache: cache::read(fields, &mut reader.unplaced)?,
        ..Text::default()
    })
}

fn image(fields: &mut Fields, reader: &mut Reader) -> Result<Option<Image>, GatewayError> {
    let cache = cache::read(fields, &mut reader.unplaced)?;
    let source = source(fields, reader)?;
    Ok(source.map(|source| Image { source, detail: None, cache }))
}

fn document(fields: &mut Fields, reader: &mut Reader) -> Result<Option<Document>, GatewayError> {
    let cache = cache::read(fields, &mut reader.unplaced)?;
    let (name, context, cite) = (fields.text("title")?, fields.text("context")?, cited(fields, reader)?);
    let source = source(fields, reader)?;
    Ok(source.map(|source| Document { source, name, context, cite, cache }))
}

/// A search's result that the client brings is a document whose first line says where it is from.
fn search_result(fields: &mut Fields, reader: &mut Reader) -> Result<Document, GatewayError> {
    let cache = cache::read(fields, &mut reader.unplaced)?;
    let (name, cite) = (fields.text("title")?, cited(fields, reader)?);
    let from = fields.need_text("source")?;
    let source = Source::Text(format!("{from}\n\n{}", words(fields, reader)?));
    Ok(Document { source, name, context: None, cite, cache })
}

fn cited(fields: &mut Fields, reader: &mut Reader) -> Result<bool, GatewayError> {
    let Some(mut citations) = fields.object("citations")? else {
        return Ok(false);
    };
    let enabled = citations.flag("enabled")?.unwrap_or(false);
    citations.rest(&mut reader.unplaced);
    Ok(enabled)
}

/// Takes `source`; `None` where it is of a type that has no place.
fn source(fields: &mut Fields, reader: &mut Reader) -> Result<Option<Source>, GatewayError> {
    let mut source = fields.object("source")?.ok_or_else(|| missing(&fields.path_of("source")))?;
    let read = match source.need_text("type")?.as_str() {
        "base64" => Source::Data {
            media_type: source.need_text("media_type")?.to_ascii_lowercase(),
            base64: source.need_text("data")?,
        },
        "text" => {
            source.ignore("media_type", &[json!("text/plain")]);
            Source::Text(source.need_text("data")?)
        }
        "content" => Source::Text(words(&mut source, reader)?),
        "url" => Source::Url(source.need_text("url")?),
        "file" => Source::File(source.need_text("file_id")?),
        _ => {
            reader.unplaced.push(Unplaced::new(source.path_of("type")));
            return Ok(None);
        }
    };
    source.rest(&mut reader.unplaced);
    Ok(Some(read))
}

/// Takes `content` where it is words: a string or text blocks. Others are named as having no place.
fn words(fields: &mut Fields, reader: &mut Reader) -> Result<String, GatewayError> {
    let path = fields.path_of("content");
    let mut words = Vec::new();
    for (index, part) in parts(fields, "content", Role::User, reader)?.into_iter().enumerate() {
        match part {
            Part::Text(text) => words.push(text.text),
            _ => reader.unplaced.push(Unplaced::new(format!("{path}[{index}]"))),
        }
    }
    Ok(words.join("\n\n"))
}

/// Thoughts with a proof of Anthropic's, or one of another family that Weir wrapped. An empty one proves nothing.
fn thinking(fields: &mut Fields) -> Result<Reasoning, GatewayError> {
    let text = fields.text("thinking")?.unwrap_or_default();
    let proof = fields.text("signature")?.map(|signature| Signature::read(signature, Dialect::AnthropicMessages));
    let (signature, redacted) = proof.filter(|(signature, _)| !signature.value.is_empty()).unzip();
    Ok(Reasoning { text, signature, redacted: redacted.unwrap_or(false), ..Reasoning::default() })
}

fn redacted_thinking(fields: &mut Fields) -> Result<Reasoning, GatewayError> {
    let (signature, _) = Signature::read(fields.need_text("data")?, Dialect::AnthropicMessages);
    Ok(Reasoning { signature: Some(signature), redacted: true, ..Reasoning::default() })
}

fn tool_use(fields: &mut Fields, reader: &mut Reader) -> Result<ToolCall, GatewayError> {
    // Who calls: the model itself, or a program of its own that runs at Anthropic.
    fields.ignore("caller", &[json!({"type": "direct"})]);
    Ok(ToolCall {
        id: fields.need_text("id")?,
        name: fields.need_text("name")?,
        arguments: fields.take("input").map_or_else(|| "{}".to_owned(), |input| input.to_string()),
        cache: cache::read(fields, &mut reader.unplaced)?,
        ..ToolCall::default()
    })
}

fn tool_result(fields: &mut Fields, reader: &mut Reader) -> Result<ToolResult, GatewayError> {
    Ok(ToolResult {
        id: fields.need_text("tool_use_id")?,
        parts: parts(fields, "content", Role::Tool, reader)?,
        is_error: fields.flag("is_error")?.unwrap_or(false),
        cache: cache::read(fields, &mut reader.unplaced)?,
        ..ToolResult::default()
    })
}
