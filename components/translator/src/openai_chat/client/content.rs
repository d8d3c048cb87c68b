//! The parts of a message.

use serde_json::{Value, json};
use weir_core::GatewayError;

use super::cache;
use crate::canonical::{Audio, CacheMark, Document, Image, Part, Reasoning, Source, Text, Unplaced};
use crate::fields::{Fields, missing, source, wrong};

/// Takes `content`: nothing, a string, or a list of parts.
pub(super) fn parts(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Vec<Part>, GatewayError> {
    fields.parts("content", |path, value| part(path, value, unplaced))
}

fn part(path: String, value: Value, unplaced: &mut Vec<Unplaced>) -> Result<Option<Part>, GatewayError> {
    let mut fields = Fields::of(path.clone(), value)?;
    let kind = fields.need_text("type")?;
    // Sound and refusals have no marks: one there is told with what is left over.
    let marks = matches!(kind.as_str(), "text" | "image_url" | "file" | "document_url");
    let cache = if marks { cache::mark(&mut fields, unplaced)? } else { None };
    let read = match kind.as_str() {
        "text" => Part::Text(Text { text: fields.need_text("text")?, cache, ..Text::default() }),
        "refusal" => Part::Refusal(fields.need_text("refusal")?),
        "thinking" => Part::Reasoning(Reasoning { text: thoughts(&mut fields)?, ..Reasoning::default() }),
        "image_url" => Part::Image(image(&mut fields, cache, unplaced)?),
        "input_audio" => Part::Audio(audio(&mut fields, unplaced)?),
        "file" => Part::Document(file(&mut fields, cache, unplaced)?),
        "document_url" => Part::Document(document_url(&mut fields, cache)?),
        _ => {
            unplaced.push(Unplaced::new(path));
            return Ok(None);
        }
    };
    fields.rest(unplaced);
    Ok(Some(read))
}

/// Thoughts as a part, which Mistral's reasoning models answer and take back.
fn thoughts(fields: &mut Fields) -> Result<String, GatewayError> {
    // Whether the model had come to the end of them.
    fields.flag("closed")?;
    match fields.take("thinking") {
        Some(Value::String(text)) => Ok(text),
        Some(Value::Array(list)) => {
            Ok(list.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect())
        }
        Some(other) => Err(wrong(&fields.path_of("thinking"), "a list of texts", &other)),
        None => Err(missing(&fields.path_of("thinking"))),
    }
}

fn image(fields: &mut Fields, cache: Option<CacheMark>, unplaced: &mut Vec<Unplaced>) -> Result<Image, GatewayError> {
    // Mistral's clients write the URL where others have an object with it.
    let value = fields.take("image_url").map(|value| if value.is_string() { json!({"url": value}) } else { value });
    let path = fields.path_of("image_url");
    let value = value.ok_or_else(|| missing(&path))?;
    let mut inner = Fields::of(path, value)?;
    let source = source(inner.need_text("url")?, &inner.path_of("url"))?;
    inner.ignore("detail", &[json!("auto")]);
    let detail = inner.text("detail")?;
    inner.rest(unplaced);
    Ok(Image { source, detail, cache })
}

fn audio(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Audio, GatewayError> {
    let mut inner = fields.object("input_audio")?.ok_or_else(|| missing(&fields.path_of("input_audio")))?;
    let media_type = format!("audio/{}", inner.need_text("format")?);
    let base64 = inner.need_text("data")?;
    inner.rest(unplaced);
    Ok(Audio { source: Source::Data { media_type, base64 } })
}

fn file(fields: &mut Fields, cache: Option<CacheMark>, unplaced: &mut Vec<Unplaced>) -> Result<Document, GatewayError> {
    let mut inner = fields.object("file")?.ok_or_else(|| missing(&fields.path_of("file")))?;
    let name = inner.text("filename")?;
    let path = inner.path_of("file_data");
    let source = match (inner.text("file_data")?, inner.text("file_id")?) {
        (Some(data), _) => source(data, &path)?,
        (None, Some(id)) => Source::File(id),
        (None, None) => return Err(missing(&path)),
    };
    inner.rest(unplaced);
    Ok(Document { source, name, context: None, cite: false, cache })
}

/// A document by its address, which Mistral's clients send.
fn document_url(fields: &mut Fields, cache: Option<CacheMark>) -> Result<Document, GatewayError> {
    let name = fields.text("document_name")?;
    let url = fields.need_text("document_url")?;
    let source = source(url, &fields.path_of("document_url"))?;
    Ok(Document { source, name, context: None, cite: false, cache })
}
