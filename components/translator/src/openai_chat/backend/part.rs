//! The parts of a message, written as chat completions have them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use weir_core::config::Quirks;
use weir_core::{ErrorKind, GatewayError};

use super::object;
use crate::canonical::{Audio, Document, Image, Source};
use crate::unsupported::Unsupported;

/// Words.
pub(super) fn text(text: impl Into<Value>) -> Value {
    object([("type", "text".into()), ("text", text.into())])
}

/// A picture; `None` where it is dropped.
pub(super) fn image(
    image: Image,
    path: &str,
    quirks: &Quirks,
    unsupported: &mut Unsupported,
) -> Result<Option<Value>, GatewayError> {
    if !quirks.images {
        unsupported.field(path, "the backend takes no images")?;
        return Ok(None);
    }
    let url = match image.source {
        Source::Url(url) => url,
        Source::Data { media_type, base64 } => data_url(&media_type, &base64),
        Source::File(_) | Source::Text(_) => {
            unsupported.field(path, "send the image itself, or its URL")?;
            return Ok(None);
        }
    };
    let mut inner = object([("url", url.into())]);
    if let Some(detail) = image.detail {
        inner["detail"] = detail.into();
    }
    Ok(Some(object([("type", "image_url".into()), ("image_url", inner)])))
}

/// Sound; `None` where it is dropped.
pub(super) fn audio(
    audio: Audio,
    path: &str,
    quirks: &Quirks,
    unsupported: &mut Unsupported,
) -> Result<Option<Value>, GatewayError> {
    let (true, Source::Data { media_type, base64 }) = (quirks.audio, audio.source) else {
        let mend = if quirks.audio { "send the sound itself" } else { "the backend takes no sound" };
        unsupported.field(path, mend)?;
        return Ok(None);
    };
    let format = match media_type.strip_prefix("audio/").unwrap_or(&media_type) {
        "mpeg" => "mp3",
        "x-wav" | "wave" => "wav",
        other => other,
    };
    let inner = object([("data", base64.into()), ("format", format.into())]);
    Ok(Some(object([("type", "input_audio".into()), ("input_audio", inner)])))
}

/// A document: as a file, or as text where it is text, since files are PDFs there. Empty where it is dropped.
pub(super) fn document(
    document: Document,
    path: &str,
    quirks: &Quirks,
    unsupported: &mut Unsupported,
) -> Result<Vec<Value>, GatewayError> {
    if document.cite {
        unsupported.field(&format!("{path}.citations"), "chat completions cite the web alone")?;
    }
    let name = document.name;
    let written = match document.source {
        Source::Text(words) => text(in_tags(name.as_deref(), &words)),
        Source::Data { media_type, base64 } if is_text(&media_type) => {
            text(in_tags(name.as_deref(), &decoded(&base64, path)?))
        }
        Source::Data { .. } | Source::File(_) if !quirks.files => {
            unsupported.field(path, "the backend takes no files: send its text")?;
            return Ok(Vec::new());
        }
        Source::Data { media_type, base64 } => {
            let name = name.unwrap_or_else(|| unnamed(&media_type).to_owned());
            file([("filename", name.into()), ("file_data", data_url(&media_type, &base64).into())])
        }
        // What other providers keep is not there.
        Source::File(id) if unsupported.client() != weir_core::Dialect::AnthropicMessages => {
            file([("file_id", id.into())])
        }
        Source::Url(_) | Source::File(_) => {
            unsupported.field(path, "send the document itself")?;
            return Ok(Vec::new());
        }
    };
    Ok(document.context.map(text).into_iter().chain([written]).collect())
}

fn file<const N: usize>(members: [(&str, Value); N]) -> Value {
    object([("type", "file".into()), ("file", object(members))])
}

fn data_url(media_type: &str, base64: &str) -> String {
    ["data:", media_type, ";base64,", base64].concat()
}

/// Marked off from what stands around it.
fn in_tags(name: Option<&str>, words: &str) -> String {
    let head = name.map_or_else(|| "<document>".to_owned(), |name| format!("<document title=\"{name}\">"));
    [&head, "\n", words, "\n</document>"].concat()
}

fn is_text(media_type: &str) -> bool {
    const AS_GOOD_AS: [&str; 5] =
        ["application/json", "application/xml", "application/yaml", "application/x-yaml", "application/javascript"];
    media_type.starts_with("text/") || AS_GOOD_AS.contains(&media_type)
}

fn unnamed(media_type: &str) -> &'static str {
    if media_type == "application/pdf" { "document.pdf" } else { "document" }
}

fn decoded(base64: &str, path: &str) -> Result<String, GatewayError> {
    let bytes = STANDARD.decode(base64).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        GatewayError::new(ErrorKind::InvalidRequest, format!("`{path}` is not UTF-8 text in base64")).with_param(path)
    })
}
