//! Requests, written as chat completions.

use serde_json::{Map, Value, json};
use weir_core::GatewayError;
use weir_core::config::Quirks;

use super::tools::Tools;
use super::{conversation, effort, ids, object};
use crate::canonical::{CacheMark, CacheTtl, Field, Request, ResponseFormat, Sampling, ServiceTier, Verbosity};
use crate::codec::Target;
use crate::fields::bytes_of;
use crate::unsupported::Unsupported;

type Body = Map<String, Value>;

/// Writes a request for a server with the target's [`Quirks`].
///
/// # Errors
/// `Unsupported`, naming the field, for what the server cannot have, unless it is to be dropped; `InvalidRequest` for a
/// document that is not the text that it is said to be.
pub fn encode_request(
    request: Request,
    target: &Target<'_>,
    unsupported: &mut Unsupported,
) -> Result<Vec<u8>, GatewayError> {
    let quirks = target.quirks;
    unsupported.unplaced(&request.unplaced)?;
    let mut body = Body::new();
    body.insert("model".into(), target.model.into());
    labels(&request, quirks, &mut body, unsupported)?;
    if let Some(most) = request.max_output {
        body.insert(quirks.max_tokens.name().into(), most.0.into());
    }
    sampling(request.sampling, quirks, &mut body, unsupported)?;
    stop(request.stop, quirks, &mut body, unsupported)?;
    answers(request.candidates, request.logprobs, quirks, &mut body, unsupported)?;
    effort::thinking(request.thinking, quirks, &mut body, unsupported)?;
    response_format(request.response_format, quirks, &mut body, unsupported)?;
    let tools = Tools { tools: request.tools, choice: request.tool_choice, parallel: request.parallel_tool_calls };
    tools.write(quirks, &mut body, unsupported)?;
    if request.stream {
        body.insert("stream".into(), true.into());
        if quirks.stream_options {
            body.insert("stream_options".into(), json!({"include_usage": true}));
        }
    }
    body.insert("messages".into(), conversation::conversation(request.messages, quirks, unsupported)?);
    Ok(bytes_of(&body))
}

/// How long a user's name may be at OpenAI, in characters.
const USER: usize = 64;

/// Who asks, and how it shall be served.
fn labels(
    request: &Request,
    quirks: &Quirks,
    body: &mut Body,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    match &request.user {
        Some(user) if !quirks.user && !user.is_empty() => unsupported.hint(Field::User),
        Some(user) if user.chars().count() > USER => drop(body.insert("user".into(), ids::short_name(user).into())),
        Some(user) if quirks.user => drop(body.insert("user".into(), user.as_str().into())),
        _ => {}
    }
    if !request.metadata.is_empty() && !quirks.metadata {
        unsupported.hint(Field::Metadata);
    } else if !request.metadata.is_empty() {
        let labels = request.metadata.iter().map(|(key, value)| (key.clone(), value.as_str().into()));
        body.insert("metadata".into(), labels.collect::<Body>().into());
    }
    match request.service_tier {
        Some(tier) if quirks.service_tier => drop(body.insert("service_tier".into(), tier.name().into())),
        // What a server without tiers does.
        None | Some(ServiceTier::Auto | ServiceTier::Standard) => {}
        Some(_) => unsupported.member(Field::ServiceTier, "")?,
    }
    match request.verbosity {
        Some(verbosity) if quirks.verbosity => drop(body.insert("verbosity".into(), verbosity.name().into())),
        None | Some(Verbosity::Medium) => {}
        Some(_) => unsupported.hint(Field::Verbosity),
    }
    cache(request, quirks, body, unsupported);
    Ok(())
}

/// Every server caches as it sees fit; what the client says about it helps, and is missed by nobody.
fn cache(request: &Request, quirks: &Quirks, body: &mut Body, unsupported: &mut Unsupported) {
    if let Some(key) = &request.cache_key {
        if quirks.prompt_cache_key {
            body.insert("prompt_cache_key".into(), key.as_str().into());
        } else {
            unsupported.hint(Field::CacheKey);
        }
    }
    // Minutes are what it is anyway, and OpenAI's newest models refuse to hear it.
    if let Some(CacheMark { ttl: Some(CacheTtl::Hours) }) = request.cache {
        if quirks.prompt_cache_key {
            body.insert("prompt_cache_retention".into(), "24h".into());
        } else {
            unsupported.hint(Field::Cache);
        }
    }
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
    match sampling.top_k {
        Some(top_k) if quirks.top_k => drop(body.insert("top_k".into(), top_k.into())),
        Some(_) => unsupported.member(Field::TopK, "use `top_p`")?,
        None => {}
    }
    for (name, field, value) in [
        ("frequency_penalty", Field::FrequencyPenalty, sampling.frequency_penalty),
        ("presence_penalty", Field::PresencePenalty, sampling.presence_penalty),
    ] {
        match value {
            Some(value) if quirks.penalties => drop(body.insert(name.into(), value.into())),
            Some(value) if value != 0.0 => unsupported.member(field, "leave it out, or set it to 0")?,
            _ => {}
        }
    }
    match (sampling.seed, quirks.seed.name()) {
        (Some(seed), Some(name)) => drop(body.insert(name.into(), seed.into())),
        (Some(_), None) => unsupported.member(Field::Seed, "")?,
        (None, _) => {}
    }
    Ok(())
}

fn stop(
    mut stop: Vec<String>,
    quirks: &Quirks,
    body: &mut Body,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    let most = quirks.max_stop as usize;
    if stop.len() > most {
        let mend = format!("the backend takes at most {most} of them");
        unsupported.member(Field::Stop, &mend)?;
        stop.truncate(most);
    }
    if !stop.is_empty() {
        body.insert("stop".into(), stop.into());
    }
    Ok(())
}

fn answers(
    candidates: Option<u32>,
    logprobs: Option<u32>,
    quirks: &Quirks,
    body: &mut Body,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    match candidates.filter(|n| *n != 1) {
        Some(n) if quirks.n => drop(body.insert("n".into(), n.into())),
        Some(_) => unsupported.member(Field::Candidates, "ask once for each answer")?,
        None => {}
    }
    match logprobs {
        Some(_) if !quirks.logprobs => unsupported.member(Field::Logprobs, "")?,
        Some(top) => {
            body.insert("logprobs".into(), true.into());
            if top > 0 {
                body.insert("top_logprobs".into(), top.into());
            }
        }
        None => {}
    }
    Ok(())
}

/// What a schema is called that has no name: OpenAI wants one.
const UNNAMED: &str = "answer";

fn response_format(
    format: ResponseFormat,
    quirks: &Quirks,
    body: &mut Body,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    let written = match format {
        ResponseFormat::Text => return Ok(()),
        ResponseFormat::JsonObject if quirks.json_object => object([("type", "json_object".into())]),
        ResponseFormat::JsonObject => return unsupported.member(Field::ResponseFormat, "ask for JSON in words"),
        ResponseFormat::JsonSchema { .. } if !quirks.json_schema => {
            return unsupported.member(Field::ResponseFormat, "the backend takes no schema: put it into the prompt");
        }
        ResponseFormat::JsonSchema { name, schema, strict } => {
            let name = name.unwrap_or_else(|| UNNAMED.to_owned());
            let mut inner = object([("name", name.into()), ("schema", schema)]);
            if let Some(strict) = strict {
                inner["strict"] = strict.into();
            }
            object([("type", "json_schema".into()), ("json_schema", inner)])
        }
    };
    body.insert("response_format".into(), written);
    Ok(())
}
