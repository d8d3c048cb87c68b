//! Requests, written as responses.

use serde_json::{Map, Value, json};
use weir_core::config::Quirks;
use weir_core::{GatewayError, Tokens};

use super::super::short::short;
use super::{items, tools};
use crate::canonical::{
    CacheMark, CacheTtl, Effort, Field, Request, ResponseFormat, Sampling, ServiceTier, Shown, Thinking, ThinkingMode,
    Verbosity,
};
use crate::codec::Target;
use crate::fields::bytes_of;
use crate::unsupported::Unsupported;

pub(super) type Body = Map<String, Value>;

/// The least that OpenAI lets an answer be capped at.
const LEAST_OUTPUT: Tokens = Tokens(16);

/// What the names of OpenAI's models begin with that do not reason, and refuse to be asked for proofs of it.
const NOT_REASONING: [&str; 3] = ["gpt-3.5", "gpt-4", "chatgpt-4o"];

/// Writes a request for a server with the target's [`Quirks`]. Nothing of it is stored, and reasoning comes back encrypted,
/// so that a later turn can bring it.
///
/// # Errors
/// `Unsupported`, naming the field, for what the server cannot have, unless it is to be dropped.
pub fn encode_request(
    mut request: Request,
    target: &Target<'_>,
    unsupported: &mut Unsupported,
) -> Result<Vec<u8>, GatewayError> {
    refuse_what_has_no_counterpart(&request, unsupported)?;
    let quirks = target.quirks;
    let mut body = Body::new();
    body.insert("model".into(), target.model.into());
    let messages = std::mem::take(&mut request.messages);
    let (instructions, items) = items::conversation(messages, quirks, unsupported)?;
    if let Some(instructions) = instructions {
        body.insert("instructions".into(), instructions.into());
    }
    body.insert("input".into(), items.into());
    tools::tools(&mut request, quirks, &mut body, unsupported)?;
    body.insert("store".into(), false.into());
    include(&request, target, &mut body, unsupported)?;
    if let Some(most) = request.max_output {
        body.insert("max_output_tokens".into(), most.max(LEAST_OUTPUT).0.into());
    }
    sampling(request.sampling, quirks, &mut body, unsupported)?;
    labels(&request, quirks, &mut body, unsupported)?;
    reasoning(request.thinking, quirks, &mut body, unsupported)?;
    text(request.response_format, request.verbosity, quirks, &mut body, unsupported)?;
    if request.stream {
        body.insert("stream".into(), true.into());
    }
    Ok(bytes_of(&body))
}

fn refuse_what_has_no_counterpart(request: &Request, unsupported: &mut Unsupported) -> Result<(), GatewayError> {
    unsupported.unplaced(&request.unplaced)?;
    if !request.stop.is_empty() {
        unsupported.member(Field::Stop, "leave it out, and cut the answer there")?;
    }
    if request.candidates.is_some_and(|n| n != 1) {
        unsupported.member(Field::Candidates, "ask once for each answer")?;
    }
    let Sampling { top_k, frequency_penalty, presence_penalty, seed, .. } = request.sampling;
    let penalties = [(Field::FrequencyPenalty, frequency_penalty), (Field::PresencePenalty, presence_penalty)];
    for (name, _) in penalties.iter().filter(|(_, value)| value.is_some_and(|value| value != 0.0)) {
        unsupported.member(*name, "leave it out, or set it to 0")?;
    }
    if top_k.is_some() {
        unsupported.member(Field::TopK, "")?;
    }
    if seed.is_some() {
        unsupported.member(Field::Seed, "")?;
    }
    Ok(())
}

fn include(
    request: &Request,
    target: &Target<'_>,
    body: &mut Body,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    let mut include = Vec::new();
    if !NOT_REASONING.iter().any(|family| target.model.starts_with(family)) {
        include.push("reasoning.encrypted_content");
    }
    match request.logprobs {
        Some(_) if !target.quirks.logprobs => unsupported.member(Field::Logprobs, "")?,
        Some(top) => {
            include.push("message.output_text.logprobs");
            body.insert("top_logprobs".into(), top.into());
        }
        None => {}
    }
    if !include.is_empty() {
        body.insert("include".into(), include.into());
    }
    Ok(())
}

fn sampling(
    sampling: Sampling,
    quirks: &Quirks,
    body: &mut Body,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    if let Some(temperature) = sampling.temperature {
        body.insert("temperature".into(), unsupported.temperature(temperature, quirks.max_temperature)?.into());
    }
    if let Some(top_p) = sampling.top_p {
        body.insert("top_p".into(), top_p.into());
    }
    Ok(())
}

/// Who asks, and how it shall be served.
fn labels(
    request: &Request,
    quirks: &Quirks,
    body: &mut Body,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    match request.user.as_deref().filter(|user| !user.is_empty()) {
        Some(user) if quirks.user => drop(body.insert("user".into(), (&*short(user)).into())),
        Some(_) => unsupported.member(Field::User, "")?,
        None => {}
    }
    match request.metadata.as_slice() {
        [] => {}
        labels if quirks.metadata => {
            let labels = labels.iter().map(|(key, value)| (key.clone(), value.as_str().into()));
            body.insert("metadata".into(), labels.collect::<Body>().into());
        }
        _ => unsupported.member(Field::Metadata, "")?,
    }
    match request.service_tier {
        Some(tier) if quirks.service_tier => drop(body.insert("service_tier".into(), tier.name().into())),
        // What a server without tiers does.
        None | Some(ServiceTier::Auto | ServiceTier::Standard) => {}
        Some(_) => unsupported.member(Field::ServiceTier, "")?,
    }
    let client = unsupported.client();
    match &request.cache_key {
        Some(key) if quirks.prompt_cache_key => drop(body.insert("prompt_cache_key".into(), key.as_str().into())),
        Some(_) => unsupported.note(Field::CacheKey.name(client)),
        None => {}
    }
    // Minutes are what it is anyway, and OpenAI's newest models refuse to hear it.
    match request.cache {
        Some(CacheMark { ttl: Some(CacheTtl::Hours) }) if quirks.prompt_cache_key => {
            body.insert("prompt_cache_retention".into(), "24h".into());
        }
        Some(CacheMark { ttl: Some(CacheTtl::Hours) }) => unsupported.note(Field::Cache.name(client)),
        _ => {}
    }
    Ok(())
}

/// `reasoning`. OpenAI's models take an effort where others take a budget; and show their thoughts, in short, only to
/// those who ask, where others show them to all who have them think.
fn reasoning(
    asked: Thinking,
    quirks: &Quirks,
    body: &mut Body,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    let mut effort = match (asked.mode, asked.effort) {
        (Some(ThinkingMode::Off), _) => Some(Effort::None),
        (Some(ThinkingMode::Budget(tokens)), None) => Some(effort_of(tokens)),
        (_, effort) => effort,
    };
    if effort.is_some() && !quirks.reasoning_effort {
        let field = if asked.effort.is_some() { Field::Effort } else { Field::ThinkingMode };
        unsupported.member(field, "the backend does not let it be chosen")?;
        effort = None;
    }
    let thinks = matches!(asked.mode, Some(ThinkingMode::Adaptive | ThinkingMode::Budget(_)));
    let summary = match asked.shown {
        Some(Shown::Omitted) => None,
        Some(Shown::Auto) => Some("auto"),
        Some(Shown::Concise) => Some("concise"),
        Some(Shown::Detailed) => Some("detailed"),
        None => thinks.then_some("auto"),
    };
    let mut reasoning = Body::new();
    reasoning.extend(effort.map(|effort| ("effort".to_owned(), effort.name().into())));
    reasoning.extend(summary.map(|summary| ("summary".to_owned(), summary.into())));
    if !reasoning.is_empty() {
        body.insert("reasoning".into(), reasoning.into());
    }
    Ok(())
}

/// The effort that comes closest to a budget of so many tokens: about what OpenAI's models spend at each.
fn effort_of(budget: Tokens) -> Effort {
    match budget.0 {
        0 => Effort::None,
        1..4_096 => Effort::Low,
        4_096..16_384 => Effort::Medium,
        _ => Effort::High,
    }
}

/// What a schema is called that has no name: OpenAI wants one.
const UNNAMED: &str = "answer";

fn text(
    format: ResponseFormat,
    verbosity: Option<Verbosity>,
    quirks: &Quirks,
    body: &mut Body,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    let mut text = Body::new();
    match format {
        ResponseFormat::Text => {}
        ResponseFormat::JsonObject if quirks.json_object => {
            text.insert("format".into(), json!({"type": "json_object"}));
        }
        ResponseFormat::JsonObject => unsupported.member(Field::ResponseFormat, "ask for JSON in words")?,
        ResponseFormat::JsonSchema { .. } if !quirks.json_schema => {
            unsupported.member(Field::ResponseFormat, "the backend takes no schema: put it into the prompt")?;
        }
        ResponseFormat::JsonSchema { name, schema, strict } => {
            let name = name.unwrap_or_else(|| UNNAMED.to_owned());
            let mut format = json!({"type": "json_schema", "name": name});
            format["schema"] = schema;
            if let Some(strict) = strict {
                format["strict"] = strict.into();
            }
            text.insert("format".into(), format);
        }
    }
    match verbosity {
        Some(verbosity) if quirks.verbosity => drop(text.insert("verbosity".into(), verbosity.name().into())),
        None | Some(Verbosity::Medium) => {}
        Some(_) => unsupported.hint(Field::Verbosity),
    }
    if !text.is_empty() {
        body.insert("text".into(), text.into());
    }
    Ok(())
}
