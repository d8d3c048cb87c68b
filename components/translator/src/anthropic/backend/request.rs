//! Requests, written as messages.

use serde_json::{Map, Value, json};
use weir_core::GatewayError;

use super::conversation::conversation;
use super::thinking::{self, Around};
use super::{schema, tools};
use crate::anthropic::cache;
use crate::canonical::{Field, Request, ResponseFormat, Sampling, ServiceTier, Verbosity};
use crate::codec::Target;
use crate::fields::bytes_of;
use crate::unsupported::Unsupported;

/// Writes a request. Anthropic must be told how long an answer may be; the target says so where the client does not.
///
/// # Errors
/// `Unsupported`, naming the field, for what Anthropic cannot have, unless it is to be dropped; `InvalidRequest` for
/// arguments of a tool call that are no JSON object, and for a conversation in which nothing is said.
pub fn encode_request(
    request: Request,
    target: &Target<'_>,
    unsupported: &mut Unsupported,
) -> Result<Vec<u8>, GatewayError> {
    let mut body = Map::new();
    refuse_what_has_no_counterpart(&request, unsupported)?;
    body.insert("model".into(), target.model.into());
    let max_tokens = request.max_output.unwrap_or(target.max_output);
    body.insert("max_tokens".into(), max_tokens.0.into());
    let conversation = conversation(request.messages, unsupported)?;
    if !conversation.system.is_null() {
        body.insert("system".into(), conversation.system);
    }
    body.insert("messages".into(), conversation.messages.into());
    let forced = !request.tools.is_empty() && tools::is_forced(request.tool_choice.as_ref());
    let tools = tools::tools(request.tools, request.tool_choice.as_ref(), unsupported)?;
    if !tools.is_empty() {
        body.insert("tools".into(), tools.into());
        if let Some(choice) = tools::choice(request.tool_choice, request.parallel_tool_calls) {
            body.insert("tool_choice".into(), choice);
        }
    }
    let mut output = Map::new();
    let around = Around { max_tokens, forced, thoughtless: conversation.thoughtless };
    let thinks = thinking::write(request.thinking, target.model, around, &mut body, &mut output, unsupported);
    sampling(request.sampling, thinks, &mut body, unsupported)?;
    if !request.stop.is_empty() {
        body.insert("stop_sequences".into(), request.stop.into());
    }
    response_format(request.response_format, &mut output, unsupported)?;
    if !output.is_empty() {
        body.insert("output_config".into(), output.into());
    }
    if let Some(user) = request.user {
        body.insert("metadata".into(), json!({"user_id": user}));
    }
    service_tier(request.service_tier, &mut body, unsupported)?;
    if let Some(mark) = request.cache {
        body.insert("cache_control".into(), cache::written(mark));
    }
    if request.stream {
        body.insert("stream".into(), true.into());
    }
    Ok(bytes_of(&body))
}

fn refuse_what_has_no_counterpart(request: &Request, unsupported: &mut Unsupported) -> Result<(), GatewayError> {
    unsupported.unplaced(&request.unplaced)?;
    if request.candidates.is_some_and(|n| n != 1) {
        unsupported.member(Field::Candidates, "ask once for each answer")?;
    }
    if request.logprobs.is_some() {
        unsupported.member(Field::Logprobs, "")?;
    }
    if !request.metadata.is_empty() {
        unsupported.hint(Field::Metadata);
    }
    if request.verbosity.is_some_and(|verbosity| verbosity != Verbosity::Medium) {
        unsupported.hint(Field::Verbosity);
    }
    if request.cache_key.is_some() {
        // It changes nothing of an answer, and Anthropic finds what prompts have in common by itself.
        unsupported.hint(Field::CacheKey);
    }
    let Sampling { frequency_penalty, presence_penalty, seed, .. } = request.sampling;
    let penalties = [(Field::FrequencyPenalty, frequency_penalty), (Field::PresencePenalty, presence_penalty)];
    for (name, _) in penalties.iter().filter(|(_, value)| value.is_some_and(|value| value != 0.0)) {
        unsupported.member(*name, "leave it out, or set it to 0")?;
    }
    if seed.is_some() {
        unsupported.member(Field::Seed, "")?;
    }
    Ok(())
}

/// While a model thinks, Anthropic draws its tokens as it sees fit.
fn sampling(
    sampling: Sampling,
    thinks: bool,
    body: &mut Map<String, Value>,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    const MEND: &str = "leave it out while the model thinks";
    match sampling.temperature {
        Some(temperature) if thinks && (temperature - 1.0).abs() > f64::EPSILON => {
            unsupported.member(Field::Temperature, MEND)?;
        }
        Some(temperature) if temperature > 1.0 => {
            unsupported.member(Field::Temperature, "it goes up to 1 there")?;
            body.insert("temperature".into(), 1.0.into());
        }
        Some(temperature) => drop(body.insert("temperature".into(), temperature.into())),
        None => {}
    }
    match sampling.top_p {
        Some(top_p) if thinks && top_p < 0.95 => unsupported.member(Field::TopP, MEND)?,
        Some(top_p) => drop(body.insert("top_p".into(), top_p.into())),
        None => {}
    }
    match sampling.top_k {
        Some(_) if thinks => unsupported.member(Field::TopK, MEND)?,
        Some(top_k) => drop(body.insert("top_k".into(), top_k.into())),
        None => {}
    }
    Ok(())
}

fn service_tier(
    tier: Option<ServiceTier>,
    body: &mut Map<String, Value>,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    let word = match tier {
        None => return Ok(()),
        Some(ServiceTier::Auto) => "auto",
        Some(ServiceTier::Standard) => "standard_only",
        Some(ServiceTier::Flex | ServiceTier::Priority) => {
            return unsupported.member(Field::ServiceTier, "set it to `auto`");
        }
    };
    body.insert("service_tier".into(), word.into());
    Ok(())
}

/// Anthropic always holds the answer to a schema; its name is only a label.
fn response_format(
    format: ResponseFormat,
    output: &mut Map<String, Value>,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    match format {
        ResponseFormat::Text => Ok(()),
        ResponseFormat::JsonObject => unsupported.member(Field::ResponseFormat, "give a `json_schema` instead"),
        ResponseFormat::JsonSchema { mut schema, .. } => {
            schema::close(&mut schema);
            output.insert("format".into(), json!({"type": "json_schema", "schema": schema}));
            Ok(())
        }
    }
}
