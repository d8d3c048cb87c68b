//! Parts of messages and of what tools answer.

use serde_json::{Value, json};
use weir_core::config::Quirks;
use weir_core::{Dialect, GatewayError};

use crate::canonical::{CacheMark, Citation, Document, Field, Image, Part, Source, Text};
use crate::unsupported::Unsupported;

/// What a user, the application or a tool says: a string where it is one text alone. `at` is where it stands in the
/// client's request.
pub(super) fn input(
    parts: Vec<Part>,
    at: &str,
    quirks: &Quirks,
    unsupported: &mut Unsupported,
) -> Result<Value, GatewayError> {
    let mut written = Vec::with_capacity(parts.len());
    for (index, part) in parts.into_iter().enumerate() {
        let path = || format!("{at}.content[{index}]");
        match part {
            Part::Text(text) => {
                mark(text.cache, unsupported);
                written.push(json!({"type": "input_text", "text": text.text}));
            }
            Part::Refusal(text) => written.push(json!({"type": "input_text", "text": text})),
            Part::Image(_) if !quirks.images => unsupported.field(&path(), "the backend takes no images")?,
            Part::Document(document) if !quirks.files && !matches!(document.source, Source::Text(_)) => {
                unsupported.field(&path(), "the backend takes no files")?;
            }
            Part::Image(image) => written.extend(self::image(image, &path(), unsupported)?),
            Part::Document(document) => written.extend(self::document(document, &path(), unsupported)?),
            Part::Audio(_) => unsupported.field(&path(), "send a transcript instead")?,
            Part::Foreign(foreign) if foreign.family == Dialect::OpenaiResponses => written.push(foreign.value),
            Part::Foreign(foreign) => unsupported.note(&foreign.at),
            // Only the model and its tools speak these, and they have items of their own.
            Part::ToolCall(_) | Part::ToolResult(_) | Part::Reasoning(_) => unsupported.note(&path()),
        }
    }
    Ok(match written.as_mut_slice() {
        [one] if one["type"] == "input_text" => one["text"].take(),
        _ => written.into(),
    })
}

/// Words of the model's. What they stand on is told as far as responses have it.
pub(super) fn output_text(text: &Text, at: &str, unsupported: &mut Unsupported) -> Value {
    mark(text.cache, unsupported);
    let length = text.text.chars().count() as u64;
    let annotations: Vec<Value> = text.citations.iter().filter_map(|citation| annotation(citation, length)).collect();
    if annotations.len() < text.citations.len() {
        unsupported.note(&format!("{at}.citations"));
    }
    json!({"type": "output_text", "text": text.text, "annotations": annotations})
}

fn annotation(citation: &Citation, length: u64) -> Option<Value> {
    let url = citation.url.as_deref()?;
    let (start, end) = citation.range.unwrap_or((0, length));
    let title = citation.title.as_deref().unwrap_or_default();
    Some(json!({"type": "url_citation", "url": url, "title": title, "start_index": start, "end_index": end}))
}

fn image(image: Image, path: &str, unsupported: &mut Unsupported) -> Result<Option<Value>, GatewayError> {
    mark(image.cache, unsupported);
    let detail = image.detail.as_deref().unwrap_or("auto");
    Ok(Some(match image.source {
        Source::Url(url) => json!({"type": "input_image", "image_url": url, "detail": detail}),
        Source::Data { media_type, base64 } => {
            json!({"type": "input_image", "image_url": data_url(&media_type, &base64), "detail": detail})
        }
        Source::File(id) if unsupported.client() != Dialect::AnthropicMessages => {
            json!({"type": "input_image", "file_id": id, "detail": detail})
        }
        // An id of Anthropic's files means nothing to OpenAI.
        Source::File(_) | Source::Text(_) => {
            unsupported.field(path, "send the image itself")?;
            return Ok(None);
        }
    }))
}

fn document(document: Document, path: &str, unsupported: &mut Unsupported) -> Result<Option<Value>, GatewayError> {
    mark(document.cache, unsupported);
    if document.cite {
        unsupported.field(&format!("{path}.citations"), "leave it out")?;
    }
    if document.context.is_some() {
        unsupported.field(&format!("{path}.context"), "say it in a text beside the document")?;
    }
    let mut written = match document.source {
        Source::Url(url) => return Ok(Some(json!({"type": "input_file", "file_url": url}))),
        Source::File(id) if unsupported.client() != Dialect::AnthropicMessages => {
            return Ok(Some(json!({"type": "input_file", "file_id": id})));
        }
        Source::File(_) => {
            unsupported.field(path, "send the document itself")?;
            return Ok(None);
        }
        Source::Text(text) => return Ok(Some(json!({"type": "input_text", "text": titled(document.name, &text)}))),
        Source::Data { media_type, base64 } => {
            json!({"type": "input_file", "file_data": data_url(&media_type, &base64), "filename": filename(&media_type)})
        }
    };
    // Bytes must have a name.
    if let Some(name) = document.name {
        written["filename"] = name.into();
    }
    Ok(Some(written))
}

/// A document that is plain text, which is no file to OpenAI.
fn titled(name: Option<String>, text: &str) -> String {
    name.map_or_else(|| text.to_owned(), |name| format!("{name}\n\n{text}"))
}

fn filename(media_type: &str) -> String {
    let extension = media_type.rsplit(['/', '+', '.']).next().unwrap_or("bin");
    format!("document.{}", if extension == "plain" { "txt" } else { extension })
}

fn data_url(media_type: &str, base64: &str) -> String {
    ["data:", media_type, ";base64,", base64].concat()
}

/// OpenAI caches what prompts begin with in common, unasked: a mark is met, and named as not sent.
fn mark(cache: Option<CacheMark>, unsupported: &mut Unsupported) {
    if cache.is_some() {
        let name = match unsupported.client() {
            Dialect::OpenaiResponses => "prompt_cache_breakpoint",
            client => Field::Cache.name(client),
        };
        unsupported.note(if name == "prompt_cache_retention" { "cache_control" } else { name });
    }
}
