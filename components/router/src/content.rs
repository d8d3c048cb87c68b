//! What a body must have for its endpoint: the part that carries the prompt, of the right type.

use serde_json::value::RawValue;
use weir_core::json::Object;
use weir_core::{Endpoint, ErrorKind, GatewayError};

/// Checks that the prompt is there and of the right type; what is in it is the translator's to read.
///
/// # Errors
/// `InvalidRequest` that points at the member.
pub fn check(endpoint: &Endpoint, body: &Object) -> Result<(), GatewayError> {
    match endpoint {
        Endpoint::ChatCompletions | Endpoint::Messages | Endpoint::CountTokens => messages(body),
        Endpoint::Completions => text_or_list(body, "prompt"),
        Endpoint::Embeddings => text_or_list(body, "input"),
        // A stored prompt or an earlier response can stand in for the input.
        Endpoint::Responses | Endpoint::InputTokens if body.raw("input").is_none() && stored(body) => Ok(()),
        Endpoint::Responses | Endpoint::InputTokens => text_or_list(body, "input"),
        // What a model server of KServe's protocols takes is for itself to say.
        _ => Ok(()),
    }
}

fn messages(body: &Object) -> Result<(), GatewayError> {
    const KEY: &str = "messages";
    let list: Option<Vec<&RawValue>> = body
        .raw(KEY)
        .map(|raw| serde_json::from_str(raw.get()))
        .transpose()
        .map_err(|_| wrong(KEY, "must be a list"))?;
    let list = list.ok_or_else(|| missing(KEY, "say what the model is to answer"))?;
    if list.is_empty() {
        return Err(wrong(KEY, "must not be empty"));
    }
    match list.iter().position(|message| !message.get().starts_with('{')) {
        Some(index) => Err(wrong(&format!("{KEY}[{index}]"), "must be an object with `role` and `content`")),
        None => Ok(()),
    }
}

fn text_or_list(body: &Object, key: &str) -> Result<(), GatewayError> {
    let raw = body.raw(key).map(RawValue::get).filter(|raw| *raw != "null");
    match raw.ok_or_else(|| missing(key, "a string or a list"))? {
        list if list.starts_with('[') && list[1..].trim_start() == "]" => Err(wrong(key, "must not be empty")),
        text if text.starts_with(['"', '[']) => Ok(()),
        _ => Err(wrong(key, "must be a string or a list")),
    }
}

fn stored(body: &Object) -> bool {
    ["prompt", "previous_response_id", "conversation"].iter().any(|key| body.raw(key).is_some())
}

/// A member is missing.
pub(crate) fn missing(key: &str, hint: &str) -> GatewayError {
    GatewayError::new(ErrorKind::InvalidRequest, format!("`{key}` is missing: {hint}")).with_param(key)
}

/// A member is not what it should be.
pub(crate) fn wrong(path: &str, what: &str) -> GatewayError {
    GatewayError::new(ErrorKind::InvalidRequest, format!("`{path}` {what}")).with_param(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_wants_its_prompt() {
        use Endpoint::*;
        let cases = [
            (ChatCompletions, r#"{"messages":[{}]}"#, None),
            (Messages, r#"{"messages":[ {}, {} ]}"#, None),
            (CountTokens, r#"{"messages":{}}"#, Some("messages")),
            (Completions, r#"{"prompt":"a"}"#, None),
            (Completions, r#"{"prompt":[1,2]}"#, None),
            (Completions, r#"{"prompt":[ ]}"#, Some("prompt")),
            (Completions, r#"{"prompt":null}"#, Some("prompt")),
            (Completions, r#"{}"#, Some("prompt")),
            (Embeddings, r#"{"input":["a"]}"#, None),
            (Embeddings, r#"{"input":1}"#, Some("input")),
            (Responses, r#"{"input":"a"}"#, None),
            (Responses, r#"{"input":{}}"#, Some("input")),
            (Responses, r#"{"prompt":{"id":"p"}}"#, None),
            (Responses, r#"{}"#, Some("input")),
            (InputTokens, r#"{"instructions":"a"}"#, Some("input")),
            (InputTokens, r#"{"previous_response_id":"resp_1"}"#, None),
        ];
        for (endpoint, body, fault) in cases {
            let checked = check(&endpoint, &Object::parse(body.as_bytes(), 8).unwrap());
            assert_eq!(checked.as_ref().err().and_then(GatewayError::param), fault, "{endpoint:?} {body}");
        }
    }
}
