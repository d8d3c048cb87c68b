//! Requests, read into the canonical conversation.

use serde_json::json;
use weir_core::json::Object;
use weir_core::{ErrorKind, GatewayError, Tokens};

use super::{input, tools};
use crate::canonical::{
    CacheMark, CacheTtl, Effort, Message, Part, Request, ResponseFormat, Role, ServiceTier, Shown, Thinking, Unplaced,
    Verbosity,
};
use crate::fields::{Fields, missing, wrong};

/// Reads a request. Members that mean something and have no place in the canonical request are listed in
/// [`Request::unplaced`], those that change nothing of the answer in [`Request::asides`].
///
/// # Errors
/// `InvalidRequest`, naming the field, for what is not of its type; `Unsupported` for what is to be found where nothing
/// is stored, which nothing can stand in for.
pub fn decode_request(body: &Object) -> Result<Request, GatewayError> {
    let mut fields = Fields::of_body(body)?;
    refuse_what_is_stored(&mut fields)?;
    let mut request = Request { model: fields.text("model")?.unwrap_or_default(), ..Request::default() };
    if let Some(text) = fields.text("instructions")?.filter(|text| !text.is_empty()) {
        request.messages.push(Message::new(Role::System, vec![Part::Text(text.into())], "instructions"));
    }
    tools::read(&mut fields, &mut request)?;
    input::read(&mut fields, &mut request)?;
    tools::find(&mut request);
    request.tool_choice = tools::choice(&mut fields, &mut request.unplaced)?;
    request.parallel_tool_calls = fields.flag("parallel_tool_calls")?;
    text(&mut fields, &mut request)?;
    request.sampling.temperature = fields.number("temperature")?;
    request.sampling.top_p = fields.number("top_p")?;
    request.max_output = fields.whole::<u64>("max_output_tokens")?.map(Tokens);
    request.thinking = thinking(&mut fields, &mut request.unplaced, &mut request.asides)?;
    include(&mut fields, &mut request)?;
    request.stream = fields.flag("stream")?.unwrap_or(false);
    if let Some(mut options) = fields.object("stream_options")? {
        // Whether events are padded against eavesdroppers; ours never are.
        options.flag("include_obfuscation")?;
        options.rest(&mut request.unplaced);
    }
    request.user = fields.text("safety_identifier")?;
    request.user = fields.text("user")?.or(request.user.take());
    request.metadata = fields.texts("metadata")?;
    request.cache_key = fields.text("prompt_cache_key")?;
    request.cache = cache(&mut fields)?;
    request.service_tier = service_tier(&mut fields, &mut request.unplaced)?;
    fields.ignore("truncation", &[json!("disabled")]);
    // What Codex notes down about its turn.
    if fields.take("client_metadata").is_some() {
        request.asides.push("client_metadata".to_owned());
    }
    fields.rest(&mut request.unplaced);
    // OpenAI answers instructions alone, too.
    if request.messages.is_empty() { Err(missing("input")) } else { Ok(request) }
}

/// What would have to be stored. A conversation without its beginning would be answered wrongly, and an answer in the
/// background never found: so these are refused whatever the route says.
fn refuse_what_is_stored(fields: &mut Fields) -> Result<(), GatewayError> {
    let refused = |field: &str, mend: &str| {
        let message = format!("`{field}` asks for what is stored, and nothing is stored here: {mend}");
        Err(GatewayError::new(ErrorKind::Unsupported, message).with_param(field))
    };
    for field in ["previous_response_id", "conversation"] {
        if fields.take(field).is_some() {
            return refused(field, "send the whole conversation as `input`, and `store: false`");
        }
    }
    if fields.flag("background")? == Some(true) {
        return refused("background", "leave it out, and wait for the answer or stream it");
    }
    if fields.flag("store")? == Some(true) {
        return refused("store", "set it to `false`");
    }
    if fields.take("prompt").is_some() {
        return refused("prompt", "send its text as `instructions` or `input`");
    }
    Ok(())
}

fn text(fields: &mut Fields, request: &mut Request) -> Result<(), GatewayError> {
    let Some(mut text) = fields.object("text")? else {
        return Ok(());
    };
    let unplaced = &mut request.unplaced;
    request.verbosity = match text.text("verbosity")?.as_deref() {
        Some("low") => Some(Verbosity::Low),
        Some("medium") => Some(Verbosity::Medium),
        Some("high") => Some(Verbosity::High),
        Some(_) => {
            unplaced.push(Unplaced::new("text.verbosity"));
            None
        }
        None => None,
    };
    if let Some(mut format) = text.object("format")? {
        request.response_format = response_format(&mut format, unplaced)?;
        format.rest(unplaced);
    }
    text.rest(unplaced);
    Ok(())
}

fn response_format(format: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<ResponseFormat, GatewayError> {
    Ok(match format.need_text("type")?.as_str() {
        "text" => ResponseFormat::Text,
        "json_object" => ResponseFormat::JsonObject,
        "json_schema" => {
            let mut schema = format.take("schema").unwrap_or_else(|| json!({}));
            ResponseFormat::describe(&mut schema, format.text("description")?);
            ResponseFormat::JsonSchema { name: format.text("name")?, schema, strict: format.flag("strict")? }
        }
        _ => {
            unplaced.push(Unplaced::new(format.path_of("type")));
            ResponseFormat::Text
        }
    })
}

fn thinking(
    fields: &mut Fields,
    unplaced: &mut Vec<Unplaced>,
    asides: &mut Vec<String>,
) -> Result<Thinking, GatewayError> {
    let mut thinking = Thinking::default();
    let Some(mut reasoning) = fields.object("reasoning")? else {
        return Ok(thinking);
    };
    if let Some(effort) = reasoning.text("effort")? {
        thinking.effort = Effort::named(&effort);
        if thinking.effort.is_none() {
            unplaced.push(Unplaced::new("reasoning.effort"));
        }
    }
    let older = reasoning.text("generate_summary")?;
    let summary = reasoning.text("summary")?.or(older);
    thinking.shown = match summary.as_deref() {
        None => None,
        Some("auto") => Some(Shown::Auto),
        Some("concise") => Some(Shown::Concise),
        Some("detailed") => Some(Shown::Detailed),
        Some(_) => return Err(wrong("reasoning.summary", "`auto`, `concise` or `detailed`", &summary.into())),
    };
    // Which of the thoughts that come with the request the model goes on from: elsewhere that is the model's affair.
    if reasoning.take("context").is_some_and(|context| context != "auto") {
        asides.push("reasoning.context".to_owned());
    }
    reasoning.ignore("mode", &[json!("standard")]);
    reasoning.rest(unplaced);
    Ok(thinking)
}

/// What the answer shall hold besides. Most of it is of OpenAI's own tools, which no other backend has.
fn include(fields: &mut Fields, request: &mut Request) -> Result<(), GatewayError> {
    let top = fields.whole::<u32>("top_logprobs")?.filter(|&top| top > 0);
    request.logprobs = top;
    for (index, value) in fields.list("include")?.into_iter().enumerate() {
        match value.as_str() {
            Some("reasoning.encrypted_content") => request.thinking.proofs = true,
            Some("message.output_text.logprobs") => request.logprobs = Some(top.unwrap_or(0)),
            Some(_) => request.asides.push(format!("include[{index}]")),
            None => return Err(wrong(&format!("include[{index}]"), "a string", &value)),
        }
    }
    Ok(())
}

/// `in_memory` is for as long as a few minutes, `24h` for a day.
fn cache(fields: &mut Fields) -> Result<Option<CacheMark>, GatewayError> {
    let ttl = match fields.text("prompt_cache_retention")?.as_deref() {
        None => return Ok(None),
        // Some SDKs wrote it with a hyphen once.
        Some("in_memory" | "in-memory") => CacheTtl::Minutes,
        Some("24h") => CacheTtl::Hours,
        Some(other) => return Err(wrong("prompt_cache_retention", "`in_memory` or `24h`", &other.into())),
    };
    Ok(Some(CacheMark { ttl: Some(ttl) }))
}

fn service_tier(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Option<ServiceTier>, GatewayError> {
    Ok(match fields.text("service_tier")?.as_deref() {
        None => None,
        Some("auto") => Some(ServiceTier::Auto),
        Some("default") => Some(ServiceTier::Standard),
        Some("flex") => Some(ServiceTier::Flex),
        Some("priority") => Some(ServiceTier::Priority),
        Some(_) => {
            unplaced.push(Unplaced::new("service_tier"));
            None
        }
    })
}
