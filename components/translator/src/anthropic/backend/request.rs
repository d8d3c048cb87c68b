//! Requests, written as Anthropic messages.

use serde_json::{Map, Value, json};
use weir_core::{Dialect, GatewayError};

use super::conversation;
use crate::canonical::{
    Custom, Effort, Field, Foreign, Function, Request, ResponseFormat, Sampling, Thinking, ThinkingMode, Tool,
    ToolChoice, WebSearch,
};
use crate::codec::Target;
use crate::unsupported::Unsupported;

/// Writes a request. Anthropic must be told how long an answer may be; the target says so where the client does not.
///
/// # Errors
/// `Unsupported`, naming the field, for what Anthropic cannot have, unless it is to be dropped; `InvalidRequest` for
/// arguments of a tool call that are not JSON.
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
    let (system, messages) = conversation::conversation(request.messages, unsupported)?;
    if !system.is_null() {
        body.insert("system".into(), system);
    }
    body.insert("messages".into(), messages);
    if !request.tools.is_empty() {
        let tools: Result<Vec<Option<Value>>, _> =
            request.tools.into_iter().map(|tool| self::tool(tool, unsupported)).collect();
        body.insert("tools".into(), tools?.into_iter().flatten().collect());
        if let Some(choice) = tool_choice(request.tool_choice, request.parallel_tool_calls) {
            body.insert("tool_choice".into(), choice);
        }
    }
    sampling(request.sampling, &mut body, unsupported)?;
    if !request.stop.is_empty() {
        body.insert("stop_sequences".into(), request.stop.into());
    }
    let mut output = Map::new();
    thinking(request.thinking, &mut body, &mut output);
    response_format(request.response_format, &mut output, unsupported)?;
    if !output.is_empty() {
        body.insert("output_config".into(), output.into());
    }
    if let Some(user) = request.user {
        body.insert("metadata".into(), json!({"user_id": user}));
    }
    if request.stream {
        body.insert("stream".into(), true.into());
    }
    Ok(Value::Object(body).to_string().into_bytes())
}

fn refuse_what_has_no_counterpart(request: &Request, unsupported: &mut Unsupported) -> Result<(), GatewayError> {
    for field in &request.unplaced {
        unsupported.field(&field.path, field.mend)?;
    }
    if request.candidates.is_some_and(|n| n != 1) {
        unsupported.member(Field::Candidates, "ask once for each answer")?;
    }
    if request.logprobs.is_some() {
        unsupported.member(Field::Logprobs, "")?;
    }
    if !request.metadata.is_empty() {
        unsupported.member(Field::Metadata, "")?;
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

fn tool(tool: Tool, unsupported: &mut Unsupported) -> Result<Option<Value>, GatewayError> {
    match tool {
        Tool::Function(function) => return Ok(Some(self::function(function))),
        Tool::Foreign(foreign) if foreign.family == Dialect::AnthropicMessages => return Ok(Some(foreign.value)),
        Tool::Foreign(Foreign { at, .. }) | Tool::Custom(Custom { at, .. }) | Tool::WebSearch(WebSearch { at, .. }) => {
            unsupported.field(&at, "")?;
        }
    }
    Ok(None)
}

fn function(tool: Function) -> Value {
    let mut schema = tool.parameters.filter(Value::is_object).unwrap_or_else(|| json!({}));
    // OpenAI takes a schema without a type for an object's; Anthropic wants it said.
    if schema.get("type").is_none_or(Value::is_null) {
        schema["type"] = "object".into();
    }
    if schema["type"] == "object" && schema.get("properties").is_none_or(Value::is_null) {
        schema["properties"] = json!({});
    }
    let mut written = json!({"name": tool.name, "input_schema": schema});
    if let Some(description) = tool.description {
        written["description"] = description.into();
    }
    if tool.strict == Some(true) {
        written["strict"] = true.into();
    }
    written
}

fn tool_choice(choice: Option<ToolChoice>, parallel: Option<bool>) -> Option<Value> {
    let mut written = match choice {
        Some(ToolChoice::None) => return Some(json!({"type": "none"})),
        Some(ToolChoice::Any) => json!({"type": "any"}),
        Some(ToolChoice::Tool(name)) => json!({"type": "tool", "name": name}),
        Some(ToolChoice::Allowed { required, .. }) => json!({"type": if required { "any" } else { "auto" }}),
        Some(ToolChoice::Auto) => json!({"type": "auto"}),
        None if parallel == Some(false) => json!({"type": "auto"}),
        None => return None,
    };
    if parallel == Some(false) {
        written["disable_parallel_tool_use"] = true.into();
    }
    Some(written)
}

fn sampling(
    sampling: Sampling,
    body: &mut Map<String, Value>,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    if let Some(temperature) = sampling.temperature {
        if temperature > 1.0 {
            unsupported.member(Field::Temperature, "it goes up to 1 there")?;
        }
        body.insert("temperature".into(), temperature.min(1.0).into());
    }
    if let Some(top_p) = sampling.top_p {
        body.insert("top_p".into(), top_p.into());
    }
    if let Some(top_k) = sampling.top_k {
        body.insert("top_k".into(), top_k.into());
    }
    Ok(())
}

/// Models without adjustable effort refuse it themselves, by name.
fn thinking(asked: Thinking, body: &mut Map<String, Value>, output: &mut Map<String, Value>) {
    match asked.mode {
        None => {}
        Some(ThinkingMode::Off) => drop(body.insert("thinking".into(), json!({"type": "disabled"}))),
        Some(ThinkingMode::Adaptive) => drop(body.insert("thinking".into(), json!({"type": "adaptive"}))),
        Some(ThinkingMode::Budget(tokens)) => {
            body.insert("thinking".into(), json!({"type": "enabled", "budget_tokens": tokens.0}));
        }
    }
    let word = match asked.effort {
        None => return,
        Some(Effort::None) => {
            body.insert("thinking".into(), json!({"type": "disabled"}));
            return;
        }
        Some(Effort::Minimal | Effort::Low) => "low",
        Some(effort) => effort.name(),
    };
    output.insert("effort".into(), word.into());
}

fn response_format(
    format: ResponseFormat,
    output: &mut Map<String, Value>,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    match format {
        ResponseFormat::Text => Ok(()),
        ResponseFormat::JsonObject => unsupported.member(Field::ResponseFormat, "give a `json_schema` instead"),
        ResponseFormat::JsonSchema { schema, .. } => {
            output.insert("format".into(), json!({"type": "json_schema", "schema": schema}));
            Ok(())
        }
    }
}
