//! Requests, written as responses.

use serde_json::{Map, Value, json};
use weir_core::{GatewayError, Tokens};

use super::{items, tools};
use crate::canonical::{
    CacheMark, CacheTtl, Effort, Field, Request, ResponseFormat, Sampling, ServiceTier, Shown, Thinking, ThinkingMode,
    Verbosity,
};
use crate::codec::Target;
use crate::unsupported::Unsupported;

/// The least that OpenAI lets an answer be capped at.
const LEAST_OUTPUT: Tokens = Tokens(16);

/// The longest name of a user that OpenAI takes.
const LONGEST_USER: usize = 64;

/// What the names of OpenAI's models begin with that do not reason, and refuse to be asked for proofs of it.
const NOT_REASONING: [&str; 3] = ["gpt-3.5", "gpt-4", "chatgpt-4o"];

/// Writes a request. Nothing of it is stored, and reasoning comes back encrypted, so that a later turn can bring it.
///
/// # Errors
/// `Unsupported`, naming the field, for what responses cannot have, unless it is to be dropped.
pub fn encode_request(
    mut request: Request,
    target: &Target<'_>,
    unsupported: &mut Unsupported,
) -> Result<Vec<u8>, GatewayError> {
    refuse_what_has_no_counterpart(&request, unsupported)?;
    let mut body = Map::new();
    body.insert("store".into(), false.into());
    include(&request, target.model, &mut body);
    if let Some(most) = request.max_output {
        body.insert("max_output_tokens".into(), most.max(LEAST_OUTPUT).0.into());
    }
    if let Some(temperature) = request.sampling.temperature {
        body.insert("temperature".into(), temperature.into());
    }
    if let Some(top_p) = request.sampling.top_p {
        body.insert("top_p".into(), top_p.into());
    }
    if let Some(user) = request.user.take() {
        body.insert("user".into(), shortened(user).into());
    }
    if !request.metadata.is_empty() {
        let metadata: Map<String, Value> = request.metadata.drain(..).map(|(key, value)| (key, value.into())).collect();
        body.insert("metadata".into(), metadata.into());
    }
    if let Some(key) = request.cache_key.take() {
        body.insert("prompt_cache_key".into(), key.into());
    }
    if let Some(retention) = request.cache.and_then(retention) {
        body.insert("prompt_cache_retention".into(), retention.into());
    }
    if let Some(tier) = request.service_tier {
        body.insert("service_tier".into(), service_tier(tier).into());
    }
    if request.stream {
        body.insert("stream".into(), true.into());
    }
    counted(request, target, body, unsupported)
}

/// The members that count towards the prompt, with those of `body`.
pub(super) fn counted(
    mut request: Request,
    target: &Target<'_>,
    mut body: Map<String, Value>,
    unsupported: &mut Unsupported,
) -> Result<Vec<u8>, GatewayError> {
    body.insert("model".into(), target.model.into());
    let messages = std::mem::take(&mut request.messages);
    let (instructions, items) = items::conversation(messages, unsupported)?;
    if let Some(instructions) = instructions {
        body.insert("instructions".into(), instructions.into());
    }
    body.insert("input".into(), items.into());
    tools::tools(&mut request, &mut body, unsupported)?;
    if let Some(parallel) = request.parallel_tool_calls {
        body.insert("parallel_tool_calls".into(), parallel.into());
    }
    if let Some(reasoning) = reasoning(request.thinking) {
        body.insert("reasoning".into(), reasoning);
    }
    if let Some(text) = text(request.response_format, request.verbosity) {
        body.insert("text".into(), text);
    }
    Ok(Value::Object(body).to_string().into_bytes())
}

fn refuse_what_has_no_counterpart(request: &Request, unsupported: &mut Unsupported) -> Result<(), GatewayError> {
    for field in &request.unplaced {
        unsupported.field(&field.path, field.mend)?;
    }
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

fn include(request: &Request, model: &str, body: &mut Map<String, Value>) {
    let mut include = Vec::new();
    if !NOT_REASONING.iter().any(|family| model.starts_with(family)) {
        include.push("reasoning.encrypted_content");
    }
    if let Some(top) = request.logprobs {
        include.push("message.output_text.logprobs");
        body.insert("top_logprobs".into(), top.into());
    }
    if !include.is_empty() {
        body.insert("include".into(), include.into());
    }
}

/// A user's name that OpenAI takes: the same for the same user. Names that are too long are replaced, not cut, since those
/// of one application begin alike.
fn shortened(user: String) -> String {
    use std::fmt::Write as _;
    if user.chars().count() <= LONGEST_USER {
        return user;
    }
    // FNV-1a, in 64 bits from two beginnings: to tell users apart takes no more.
    let hash =
        |seed: u64| user.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut short = String::from("user-");
    for seed in [0xcbf2_9ce4_8422_2325_u64, 0x8422_2325_cbf2_9ce4] {
        // Writing into a string does not fail.
        let _ = write!(short, "{:016x}", hash(seed));
    }
    short
}

/// How long the prompt stays cached, where that is said. That it is cached needs no asking.
fn retention(cache: CacheMark) -> Option<&'static str> {
    cache.ttl.map(|ttl| match ttl {
        CacheTtl::Minutes => "in_memory",
        CacheTtl::Hours => "24h",
    })
}

fn service_tier(tier: ServiceTier) -> &'static str {
    match tier {
        ServiceTier::Auto => "auto",
        ServiceTier::Standard => "default",
        ServiceTier::Flex => "flex",
        ServiceTier::Priority => "priority",
    }
}

/// `reasoning`. OpenAI's models take an effort where others take a budget; and show their thoughts, in short, only to
/// those who ask, where others show them to all who have them think.
fn reasoning(asked: Thinking) -> Option<Value> {
    let effort = match asked.mode {
        Some(ThinkingMode::Off) => Some(Effort::None),
        Some(ThinkingMode::Budget(tokens)) => asked.effort.or(Some(match tokens {
            Tokens(..4_096) => Effort::Low,
            Tokens(4_096..16_384) => Effort::Medium,
            _ => Effort::High,
        })),
        Some(ThinkingMode::Adaptive) | None => asked.effort,
    };
    let thinks = matches!(asked.mode, Some(ThinkingMode::Adaptive | ThinkingMode::Budget(_)));
    let summary = match asked.shown {
        Some(Shown::Omitted) => None,
        Some(Shown::Auto) => Some("auto"),
        Some(Shown::Concise) => Some("concise"),
        Some(Shown::Detailed) => Some("detailed"),
        None => thinks.then_some("auto"),
    };
    let mut reasoning = Map::new();
    reasoning.extend(effort.map(|effort| ("effort".to_owned(), effort.name().into())));
    reasoning.extend(summary.map(|summary| ("summary".to_owned(), summary.into())));
    (!reasoning.is_empty()).then(|| reasoning.into())
}

fn text(format: ResponseFormat, verbosity: Option<Verbosity>) -> Option<Value> {
    let mut text = Map::new();
    match format {
        ResponseFormat::Text => {}
        ResponseFormat::JsonObject => drop(text.insert("format".into(), json!({"type": "json_object"}))),
        ResponseFormat::JsonSchema { name, schema, strict } => {
            // It must have a name.
            let name = name.unwrap_or_else(|| "response".to_owned());
            let mut format = json!({"type": "json_schema", "name": name, "schema": schema});
            if let Some(strict) = strict {
                format["strict"] = strict.into();
            }
            text.insert("format".into(), format);
        }
    }
    if let Some(verbosity) = verbosity {
        let word = match verbosity {
            Verbosity::Low => "low",
            Verbosity::Medium => "medium",
            Verbosity::High => "high",
        };
        text.insert("verbosity".into(), word.into());
    }
    (!text.is_empty()).then(|| text.into())
}
