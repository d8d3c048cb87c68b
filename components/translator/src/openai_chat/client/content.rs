//! The parts of a message.

use serde_json::{Value, json};
use weir_core::GatewayError;

use crate::canonical::{Audio, Document, Image, Part, Source, Text, Unplaced};
use crate::fields::{Fields, missing, wrong};

/// Takes `content`: nothing, a string, or a list of parts.
pub(super) fn parts(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Vec<Part>, GatewayError> {
    let path = fields.path_of("content");
    match fields.take("content") {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Part::Text(text.into())]),
        Some(Value::Array(list)) => {
            let read = |(index, value)| part(format!("{path}[{index}]"), value, unplaced);
            let parts: Result<Vec<Option<Part>>, GatewayError> = list.into_iter().enumerate().map(read).collect();
            Ok(parts?.into_iter().flatten().collect())
        }
        Some(other) => Err(wrong(&path, "a string or a list of parts", &other)),
    }
}

fn part(path: String, value: Value, unplaced: &mut Vec<Unplaced>) -> Result<Option<Part>, GatewayError> {
    let mut fields = Fields::of(path.clone(), value)?;
    let read = match fields.need_text("type")?.as_str() {
        "text" => Part::Text(Text::from(fields.need_text("text")?)),
        "refusal" => Part::Refusal(fields.need_text("refusal")?),
        "image_url" => Part::Image(image(&mut fields, unplaced)?),
        "input_audio" => Part::Audio(audio(&mut fields, unplaced)?),
        "file" => Part::Document(file(&mut fields, unplaced)?),
        _ => {
            unplaced.push(Unplaced::new(path));
            return Ok(None);
        }
    };
    fields.rest(unplaced);
    Ok(Some(read))
}

fn image(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Image, GatewayError> {
    let mut inner = fields.object("image_url")?.ok_or_else(|| missing(&fields.path_of("image_url")))?;
    let source = source(inner.need_text("url")?, &inner.path_of("url"))?;
    inner.ignore("detail", &[json!("auto")]);
    let detail = inner.text("detail")?;
    inner.rest(unplaced);
    Ok(Image { source, detail, cache: None })
}

fn audio(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Audio, GatewayError> {
    let mut inner = fields.object("input_audio")?.ok_or_else(|| missing(&fields.path_of("input_audio")))?;
    let media_type = format!("audio/{}", inner.need_text("format")?);
    let base64 = inner.need_text("data")?;
    inner.rest(unplaced);
    Ok(Audio { source: Source::Data { media_type, base64 } })
}

fn file(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Document, GatewayError> {
    let mut inner = fields.object("file")?.ok_or_else(|| missing(&fields.path_of("file")))?;
    let name = inner.text("filename")?;
    let path = inner.path_of("file_data");
    let source = match (inner.text("file_data")?, inner.text("file_id")?) {
        (Some(data), _) => source(data, &path)?,
        (None, Some(id)) => Source::File(id),
        (None, None) => return Err(missing(&path)),
    };
    inner.rest(unplaced);
    Ok(Document { source, name, context: None, cite: false, cache: None })
}

/// A URL; one with the scheme `data` (RFC 2397) holds the bytes themselves, and must hold them in base64.
fn source(url: String, path: &str) -> Result<Source, GatewayError> {
    let Some(rest) = url.strip_prefix("data:") else {
        return Ok(Source::Url(url));
    };
    let shown = |why: &str| wrong(path, "a URL, or `data:<media type>;base64,<bytes>`", &Value::String(why.to_owned()));
    let (head, base64) = rest.split_once(',').ok_or_else(|| shown("data: without a comma"))?;
    let head = head.strip_suffix(";base64").ok_or_else(|| shown("data: without ;base64"))?;
    let media_type = head.split(';').next().unwrap_or_default().to_ascii_lowercase();
    if media_type.is_empty() {
        return Err(shown("data: without a media type"));
    }
    Ok(Source::Data { media_type, base64: base64.to_owned() })
}
