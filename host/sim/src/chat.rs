//! `/v1/chat/completions`, the request's side: read, check, and turn into a [`Job`].

use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Subject, Task};
use crate::directive::Directives;
use crate::error::ApiError;
use crate::job::{Job, Target};
use crate::request::{Common, parse};
use crate::shape::Logprobs;
use crate::tokens::{self, Prompt};
use crate::tools::{self, Decision, ToolChoice, ToolSpec};

/// What an image or a sound costs, in tokens.
const MEDIA_TOKENS: usize = 256;

const ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];

#[derive(Debug, Deserialize)]
struct ChatRequest {
    messages: Vec<Message>,
    #[serde(default)]
    tools: Option<Vec<ToolSpec>>,
    tool_choice: Option<ToolChoice>,
    parallel_tool_calls: Option<bool>,
    response_format: Option<ResponseFormat>,
    logprobs: Option<bool>,
    top_logprobs: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
    #[serde(default)]
    tool_calls: Option<Vec<Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct ResponseFormat {
    #[serde(rename = "type")]
    kind: String,
    json_schema: Option<JsonSchema>,
}

#[derive(Debug, Deserialize)]
struct JsonSchema {
    schema: Option<Value>,
}

/// What a chat request comes to.
///
/// # Errors
/// 400 with the field that is wrong.
pub(crate) fn plan(body: &[u8], common: &Common, target: &Target) -> Result<Job, ApiError> {
    let request: ChatRequest = parse(body)?;
    check(&request)?;
    let said = last_user_text(&request.messages);
    let (directives, message) = Directives::extract(&said)?;
    let subject = subject(&request, &directives, &message)?;
    let text = render(&request)?;
    let prompt = Prompt::new(&text, &target.salt(common), target.block_size);
    let limit = common.limit(prompt.tokens, target.max_model_len, None)?;
    let task = Task {
        subject,
        directives,
        limit,
        min_tokens: common.min_tokens.unwrap_or(0),
        ignore_end: common.ignore_eos.unwrap_or(false) && common.asked().is_some(),
        stop: common.stops(),
        seed: target.answer_seed(&text, common),
    };
    let logprobs = request.logprobs.unwrap_or(false).then(|| Logprobs { top: request.top_logprobs.unwrap_or(0) });
    Ok(Job::new(common, logprobs, vec![(prompt, task, String::new())]))
}

fn check(request: &ChatRequest) -> Result<(), ApiError> {
    if request.messages.is_empty() {
        return Err(ApiError::field("messages", "messages must have at least one message"));
    }
    for (index, message) in request.messages.iter().enumerate() {
        if !ROLES.contains(&message.role.as_str()) {
            let text = format!("messages[{index}].role is `{}`; there are {}", message.role, ROLES.join(", "));
            return Err(ApiError::field(&format!("messages[{index}].role"), text));
        }
        if message.content.is_none() && message.role != "assistant" {
            let text = format!("messages[{index}].content is missing");
            return Err(ApiError::field(&format!("messages[{index}].content"), text));
        }
    }
    match request.top_logprobs {
        Some(top) if top > 20 => Err(ApiError::field("top_logprobs", "top_logprobs may be 20 at most")),
        Some(top) if top > 0 && request.logprobs != Some(true) => {
            Err(ApiError::field("top_logprobs", "when using `top_logprobs`, `logprobs` must be set to true"))
        }
        _ => Ok(()),
    }
}

fn subject(request: &ChatRequest, directives: &Directives, message: &str) -> Result<Subject, ApiError> {
    let results = trailing_results(&request.messages);
    let decision = tools::decide(
        request.tools.as_deref().unwrap_or_default(),
        request.tool_choice.as_ref(),
        message,
        !results.is_empty(),
        request.parallel_tool_calls.unwrap_or(true),
    )?;
    match decision {
        Decision::Forced(tool) => return Ok(Subject::Calls { tools: vec![tool], told: false }),
        Decision::Call(tools) => return Ok(Subject::Calls { tools, told: true }),
        Decision::Answer => {}
    }
    if let Some(schema) = structured(request.response_format.as_ref())? {
        return Ok(Subject::Json(schema));
    }
    Ok(match results {
        results if !results.is_empty() => Subject::ToolResults(results),
        _ if directives.echo => Subject::Echo(message.to_owned()),
        _ => Subject::Prose,
    })
}

/// The schema that the answer has to keep to, if it has to.
fn structured(format: Option<&ResponseFormat>) -> Result<Option<Value>, ApiError> {
    let Some(format) = format else { return Ok(None) };
    match (format.kind.as_str(), &format.json_schema) {
        ("text", _) => Ok(None),
        ("json_object", _) => Ok(Some(json!({"type": "object", "required": ["simulated", "answer"], "properties": {
            "simulated": {"const": true}, "answer": {"type": "string"}}}))),
        ("json_schema", Some(JsonSchema { schema: Some(schema) })) if schema.is_object() => Ok(Some(schema.clone())),
        ("json_schema", _) => {
            Err(ApiError::field("response_format.json_schema", "response_format.json_schema.schema must be a schema"))
        }
        (kind, _) => {
            let message = format!("response_format.type is `{kind}`; there are text, json_object and json_schema");
            Err(ApiError::field("response_format.type", message))
        }
    }
}

/// The conversation as one text, as a chat template would make it; its beginning stays the same from turn to turn.
fn render(request: &ChatRequest) -> Result<String, ApiError> {
    let mut text = String::new();
    for tool in request.tools.iter().flatten() {
        text.push_str(&format!(
            "<|tool|>{}{}\n",
            tool.function.name,
            tool.function.parameters.as_ref().unwrap_or(&Value::Null)
        ));
    }
    for (index, message) in request.messages.iter().enumerate() {
        text.push_str(&format!("<|{}|>", message.role));
        match &message.content {
            Some(Content::Text(content)) => text.push_str(content),
            Some(Content::Parts(parts)) => {
                for (part_index, part) in parts.iter().enumerate() {
                    text.push_str(&rendered(part).ok_or_else(|| unknown_part(index, part_index, part))?);
                }
            }
            None => {}
        }
        for call in message.tool_calls.iter().flatten() {
            text.push_str(&call.to_string());
        }
        text.push('\n');
    }
    text.push_str("<|assistant|>");
    Ok(text)
}

fn rendered(part: &Part) -> Option<String> {
    match part.kind.as_str() {
        "text" | "input_text" | "refusal" | "thinking" => {
            Some(part.text.clone().or_else(|| part_text(part, "refusal"))?)
        }
        "image_url" | "input_image" | "input_audio" | "audio_url" | "video_url" | "file" => {
            // Media count at a fixed price, and their content decides whether the prefix cache knows them.
            let body = Value::Object(part.rest.clone()).to_string();
            let mark = format!("{:016x}", tokens::digest(&[body.as_bytes()]));
            Some(mark.repeat(MEDIA_TOKENS * tokens::CHARS_PER_TOKEN / mark.len()))
        }
        _ => None,
    }
}

fn part_text(part: &Part, key: &str) -> Option<String> {
    part.rest.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn unknown_part(message: usize, index: usize, part: &Part) -> ApiError {
    let at = format!("messages[{message}].content[{index}]");
    ApiError::field(&at, format!("{at} is of type `{}`, which this model cannot read", part.kind))
}

fn last_user_text(messages: &[Message]) -> String {
    messages.iter().rev().find(|message| message.role == "user").map(Message::text).unwrap_or_default()
}

/// The results that the conversation ends with.
fn trailing_results(messages: &[Message]) -> Vec<String> {
    let mut results: Vec<String> =
        messages.iter().rev().take_while(|message| message.role == "tool").map(Message::text).collect();
    results.reverse();
    results
}

impl Message {
    fn text(&self) -> String {
        match &self.content {
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => {
                parts.iter().filter_map(|part| part.text.as_deref()).collect::<Vec<_>>().join(" ")
            }
            None => String::new(),
        }
    }
}

/// The text that `/tokenize` counts for a conversation.
///
/// # Errors
/// 400 as for a chat.
pub(crate) fn template(body: &[u8]) -> Result<String, ApiError> {
    let request: ChatRequest = parse(body)?;
    check(&request)?;
    render(&request)
}
