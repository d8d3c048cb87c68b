//! Chat completions requests, read into the canonical conversation.

use serde_json::{Map, Value, json};
use weir_core::GatewayError;
use weir_core::Tokens;
use weir_core::json::Object;

use super::cache;
use super::message::Conversation;
use super::tools::Tools;
use crate::canonical::{
    Effort, Request, ResponseFormat, Sampling, ServiceTier, Shown, Thinking, ThinkingMode, Unplaced, Verbosity,
};
use crate::fields::{Fields, missing, wrong};

/// Reads a request. Members that mean something and have no place in the canonical request are listed in
/// [`Request::unplaced`]; those whose value says nothing (`"n": 1`, `"store": false`, nulls) are not.
///
/// # Errors
/// `InvalidRequest`, naming the field, for what is not of its type.
pub fn decode_request(body: &Object) -> Result<Request, GatewayError> {
    let mut fields = Fields::of_body(body)?;
    let mut request = Request { model: fields.text("model")?.unwrap_or_default(), ..Request::default() };
    let unplaced = &mut request.unplaced;
    let messages = fields.list("messages")?;
    if messages.is_empty() {
        return Err(missing("messages"));
    }
    let mut conversation = Conversation::default();
    for (index, value) in messages.into_iter().enumerate() {
        request.messages.push(conversation.message(format!("messages[{index}]"), value, unplaced)?);
    }
    let tools = Tools::read(&mut fields, unplaced)?;
    (request.tools, request.tool_choice, request.parallel_tool_calls) = (tools.tools, tools.choice, tools.parallel);
    request.response_format = response_format(&mut fields, unplaced)?;
    request.sampling = sampling(&mut fields)?;
    request.stop = stop(&mut fields)?;
    request.max_output = fields.whole::<u64>("max_tokens")?.map(Tokens);
    request.max_output = fields.whole::<u64>("max_completion_tokens")?.map(Tokens).or(request.max_output);
    request.thinking = thinking(&mut fields, unplaced)?;
    request.stream = fields.flag("stream")?.unwrap_or(false);
    if let Some(mut options) = fields.object("stream_options")? {
        request.include_usage = options.flag("include_usage")?.unwrap_or(false);
        // Whether chunks are padded against eavesdroppers; ours never are.
        options.flag("include_obfuscation")?;
        options.rest(unplaced);
    }
    request.user = fields.text("safety_identifier")?;
    request.user = fields.text("user")?.or(request.user.take());
    request.metadata = fields.texts("metadata")?;
    request.candidates = fields.whole("n")?;
    let top = fields.whole::<u32>("top_logprobs")?;
    request.logprobs = fields.flag("logprobs")?.unwrap_or(false).then(|| top.unwrap_or(0));
    request.service_tier = word(&mut fields, "service_tier", service_tier, unplaced)?;
    request.verbosity = word(&mut fields, "verbosity", verbosity, unplaced)?;
    request.cache = cache::whole(&mut fields, unplaced)?;
    request.cache_key = fields.text("prompt_cache_key")?;
    for (key, neutral) in neutral_values() {
        fields.ignore(key, &neutral);
    }
    fields.rest(&mut request.unplaced);
    Ok(request)
}

/// What an answer repeats of a request: nothing, but whether it was made in the older words, in which the answer is to
/// be given then.
#[must_use]
pub fn echo(body: &Object) -> Map<String, Value> {
    let older = body.raw(FUNCTIONS).is_some_and(|raw| raw.get() != "null" && raw.get() != "[]");
    if older { Map::from_iter([(FUNCTIONS.to_owned(), true.into())]) } else { Map::new() }
}

/// Whether calls are to be told as `function_call`, and not as `tool_calls`.
pub(super) fn speaks_of_functions(echo: &Map<String, Value>) -> bool {
    echo.contains_key(FUNCTIONS)
}

const FUNCTIONS: &str = "functions";

/// Values that ask for what every backend does anyway.
fn neutral_values() -> [(&'static str, Vec<Value>); 4] {
    [
        ("store", vec![json!(false)]),
        ("logit_bias", vec![json!({})]),
        ("modalities", vec![json!(["text"])]),
        ("metadata", vec![json!({})]),
    ]
}

/// Takes a member that is one of a few words; another is told with what is left over.
fn word<T>(
    fields: &mut Fields,
    key: &'static str,
    read: impl Fn(&str) -> Option<T>,
    unplaced: &mut Vec<Unplaced>,
) -> Result<Option<T>, GatewayError> {
    let Some(text) = fields.text(key)? else {
        return Ok(None);
    };
    let word = read(&text);
    if word.is_none() {
        unplaced.push(Unplaced::new(key));
    }
    Ok(word)
}

fn service_tier(word: &str) -> Option<ServiceTier> {
    match word {
        "auto" => Some(ServiceTier::Auto),
        "default" => Some(ServiceTier::Standard),
        "flex" => Some(ServiceTier::Flex),
        "priority" | "fast" => Some(ServiceTier::Priority),
        _ => None,
    }
}

fn verbosity(word: &str) -> Option<Verbosity> {
    match word {
        "low" => Some(Verbosity::Low),
        "medium" => Some(Verbosity::Medium),
        "high" => Some(Verbosity::High),
        _ => None,
    }
}

fn response_format(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<ResponseFormat, GatewayError> {
    let Some(mut format) = fields.object("response_format")? else {
        return Ok(ResponseFormat::Text);
    };
    let read = match format.need_text("type")?.as_str() {
        "text" => ResponseFormat::Text,
        "json_object" => ResponseFormat::JsonObject,
        "json_schema" => {
            let path = format.path_of("json_schema");
            let mut schema = format.object("json_schema")?.ok_or_else(|| missing(&path))?;
            let mut inner = schema.take("schema").unwrap_or_else(|| json!({}));
            ResponseFormat::describe(&mut inner, schema.text("description")?);
            let (name, strict) = (schema.text("name")?, schema.flag("strict")?);
            schema.rest(unplaced);
            ResponseFormat::JsonSchema { name, schema: inner, strict }
        }
        _ => {
            unplaced.push(Unplaced::new(format.path_of("type")));
            ResponseFormat::Text
        }
    };
    format.rest(unplaced);
    Ok(read)
}

fn sampling(fields: &mut Fields) -> Result<Sampling, GatewayError> {
    Ok(Sampling {
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.whole("top_k")?,
        frequency_penalty: fields.number("frequency_penalty")?,
        presence_penalty: fields.number("presence_penalty")?,
        seed: fields.whole("seed")?,
    })
}

fn stop(fields: &mut Fields) -> Result<Vec<String>, GatewayError> {
    match fields.take("stop") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(list)) => {
            let text = |(index, value)| match value {
                Value::String(text) => Ok(text),
                other => Err(wrong(&format!("stop[{index}]"), "a string", &other)),
            };
            list.into_iter().enumerate().map(text).collect()
        }
        Some(other) => Err(wrong("stop", "a string or a list of strings", &other)),
    }
}

/// `reasoning_effort`, and what others say in more words: OpenRouter's `reasoning`, and `thinking` as DeepSeek and Z.ai
/// have it after Anthropic.
fn thinking(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Thinking, GatewayError> {
    let mut asked = Thinking { effort: effort(fields, "reasoning_effort", unplaced)?, ..Thinking::default() };
    if let Some(mut reasoning) = fields.object("reasoning")? {
        asked.effort = effort(&mut reasoning, "effort", unplaced)?.or(asked.effort);
        let budget = reasoning.whole::<u64>("max_tokens")?.map(|tokens| ThinkingMode::Budget(Tokens(tokens)));
        let off = reasoning.flag("enabled")? == Some(false);
        asked.mode = if off { Some(ThinkingMode::Off) } else { budget };
        asked.shown = reasoning.flag("exclude")?.filter(|exclude| *exclude).map(|_| Shown::Omitted);
        reasoning.rest(unplaced);
    }
    if let Some(mut thinking) = fields.object("thinking")? {
        let budget = thinking.whole::<u64>("budget_tokens")?.map(|tokens| ThinkingMode::Budget(Tokens(tokens)));
        asked.mode = match thinking.text("type")?.as_deref() {
            Some("disabled") => Some(ThinkingMode::Off),
            Some("enabled" | "adaptive") => budget.or(Some(ThinkingMode::Adaptive)),
            _ => {
                unplaced.push(Unplaced::new("thinking.type"));
                None
            }
        };
        thinking.rest(unplaced);
    }
    Ok(asked)
}

fn effort(fields: &mut Fields, key: &str, unplaced: &mut Vec<Unplaced>) -> Result<Option<Effort>, GatewayError> {
    let Some(text) = fields.text(key)? else {
        return Ok(None);
    };
    let effort = Effort::named(&text);
    // `default` is Groq's word for leaving it to the model.
    if effort.is_none() && text != "default" {
        unplaced.push(Unplaced::new(fields.path_of(key)));
    }
    Ok(effort)
}
