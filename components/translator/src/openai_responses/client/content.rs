//! The content of messages and of what tools answer.

use serde_json::{Value, json};
use weir_core::{Dialect, GatewayError};

use super::super::annotation::Annotation;
use crate::canonical::{
    Audio, CacheMark, CacheTtl, Citation, Document, Image, Part, Reasoning, Signature, Source, Text, Unplaced,
};
use crate::fields::{Fields, missing, source};

/// Takes `content` or `output`: nothing, a string, or a list of parts.
pub(super) fn parts(fields: &mut Fields, key: &str, unplaced: &mut Vec<Unplaced>) -> Result<Vec<Part>, GatewayError> {
    fields.parts(key, |path, value| part(path, value, unplaced))
}

fn part(path: String, value: Value, unplaced: &mut Vec<Unplaced>) -> Result<Option<Part>, GatewayError> {
    let mut fields = Fields::of(path.clone(), value)?;
    let cache = cache_mark(&mut fields, unplaced)?;
    let read = match fields.need_text("type")?.as_str() {
        "input_text" | "text" => Part::Text(Text { text: fields.need_text("text")?, cache, ..Text::default() }),
        "output_text" => Part::Text(output_text(&mut fields)?),
        "refusal" => Part::Refusal(fields.need_text("refusal")?),
        "input_image" => Part::Image(image(&mut fields, cache)?),
        "input_file" => Part::Document(file(&mut fields, cache)?),
        "input_audio" => Part::Audio(audio(&mut fields, unplaced)?),
        _ => {
            unplaced.push(Unplaced::new(path));
            return Ok(None);
        }
    };
    fields.rest(unplaced);
    Ok(Some(read))
}

/// Words of an answer that the client sends back. How likely they were says nothing about them.
fn output_text(fields: &mut Fields) -> Result<Text, GatewayError> {
    fields.take("logprobs");
    let text = fields.need_text("text")?;
    let annotations = fields.list("annotations")?.into_iter();
    let citations = annotations.filter_map(|value| serde_json::from_value::<Annotation>(value).ok());
    Ok(Text { text, citations: citations.map(Citation::from).collect(), ..Text::default() })
}

fn cache_mark(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Option<CacheMark>, GatewayError> {
    let Some(mut mark) = fields.object("prompt_cache_breakpoint")? else {
        return Ok(None);
    };
    mark.ignore("mode", &[json!("explicit")]);
    let ttl = mark.text("ttl")?.map(|ttl| if ttl == "30m" { CacheTtl::Minutes } else { CacheTtl::Hours });
    mark.rest(unplaced);
    Ok(Some(CacheMark { ttl }))
}

fn image(fields: &mut Fields, cache: Option<CacheMark>) -> Result<Image, GatewayError> {
    let path = fields.path_of("image_url");
    let source = match (fields.text("image_url")?, fields.text("file_id")?) {
        (Some(url), _) => source(url, &path)?,
        (None, Some(id)) => Source::File(id),
        (None, None) => return Err(missing(&path)),
    };
    fields.ignore("detail", &[json!("auto")]);
    Ok(Image { source, detail: fields.text("detail")?, cache })
}

fn file(fields: &mut Fields, cache: Option<CacheMark>) -> Result<Document, GatewayError> {
    let name = fields.text("filename")?;
    let path = fields.path_of("file_data");
    let source = match (fields.text("file_data")?, fields.text("file_url")?, fields.text("file_id")?) {
        (Some(data), _, _) if data.starts_with("data:") => source(data, &path)?,
        // Bare base64 was taken before there were other files than PDF.
        (Some(base64), _, _) => Source::Data { media_type: "application/pdf".to_owned(), base64 },
        (None, Some(url), _) => Source::Url(url),
        (None, None, Some(id)) => Source::File(id),
        (None, None, None) => return Err(missing(&path)),
    };
    fields.ignore("detail", &[json!("auto")]);
    Ok(Document { source, name, context: None, cite: false, cache })
}

fn audio(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Audio, GatewayError> {
    let mut inner = fields.object("input_audio")?.ok_or_else(|| missing(&fields.path_of("input_audio")))?;
    let media_type = format!("audio/{}", inner.need_text("format")?);
    let base64 = inner.need_text("data")?;
    inner.rest(unplaced);
    Ok(Audio { source: Source::Data { media_type, base64 } })
}

/// A `reasoning` item. Of one that another family made, the summary holds the very words that its proof vouches for.
pub(super) fn reasoning(fields: &mut Fields) -> Result<Reasoning, GatewayError> {
    let id = fields.text("id")?;
    let text = texts(fields, "content")?.concat();
    let summary = texts(fields, "summary")?;
    let Some(proof) = fields.text("encrypted_content")? else {
        return Ok(Reasoning { text, summary, id, ..Reasoning::default() });
    };
    match Signature::unwrap(&proof) {
        Some((signature, redacted)) => {
            let text = if text.is_empty() { summary.join("\n\n") } else { text };
            Ok(Reasoning { text, signature: Some(signature), redacted, id, ..Reasoning::default() })
        }
        None => {
            let value = [id.as_deref().unwrap_or_default(), ":", &proof].concat();
            let signature = Some(Signature::new(Dialect::OpenaiResponses, value));
            Ok(Reasoning { text, summary, signature, redacted: false, id })
        }
    }
}

/// The `text` of each member of a list.
fn texts(fields: &mut Fields, key: &str) -> Result<Vec<String>, GatewayError> {
    let path = fields.path_of(key);
    let text = |(index, value)| {
        let mut fields = Fields::of(format!("{path}[{index}]"), value)?;
        fields.need_text("text")
    };
    fields.list(key)?.into_iter().enumerate().map(text).collect()
}
