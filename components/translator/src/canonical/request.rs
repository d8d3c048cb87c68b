//! The request.

use serde_json::Value;
use weir_core::Tokens;

use super::Message;

/// A request for the next message of a conversation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The model as the backend calls it. Gemini, Converse: in the path.
    pub model: String,
    /// The conversation, system messages in their places.
    pub messages: Vec<Message>,
    /// What the model may call. `tools` everywhere; Converse: `toolConfig.tools`.
    pub tools: Vec<Tool>,
    /// Whether it must. Chat, responses, messages, Cohere: `tool_choice`; Gemini: `toolConfig.functionCallingConfig`;
    /// Converse: `toolConfig.toolChoice`.
    pub tool_choice: Option<ToolChoice>,
    /// Whether it may call several at once, where it is said. Chat, responses: `parallel_tool_calls`; messages:
    /// `disable_parallel_tool_use`, within the choice.
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer. Chat, Cohere: `response_format`; responses: `text.format`; messages: `output_config.format`;
    /// Gemini: `responseSchema`.
    pub response_format: ResponseFormat,
    /// How the next token is drawn.
    pub sampling: Sampling,
    /// What ends the answer. Chat: `stop`; messages, Cohere: `stop_sequences`; Gemini, Converse: `stopSequences`.
    pub stop: Vec<String>,
    /// How long the answer may be. Chat: `max_completion_tokens`; responses: `max_output_tokens`; messages, Cohere:
    /// `max_tokens`; Gemini: `maxOutputTokens`; Converse: `maxTokens`.
    pub max_output: Option<Tokens>,
    /// How hard the model should think.
    pub effort: Option<Effort>,
    /// Whether the answer is streamed. Gemini, Converse: in the path.
    pub stream: bool,
    /// Whether a stream of chat completions ends in the usage: `stream_options.include_usage`. Others always say it.
    pub include_usage: bool,
    /// Who the caller's own user is. Chat, responses: `user`, `safety_identifier`; messages: `metadata.user_id`.
    pub user: Option<String>,
    /// Labels. Chat, responses: `metadata`; Converse: `requestMetadata`.
    pub metadata: Vec<(String, String)>,
    /// How many answers are wanted. Chat: `n`; Gemini: `candidateCount`.
    pub candidates: Option<u32>,
    /// How many of the likeliest tokens are told with each; `Some(0)` for the chosen one alone. Chat, Cohere: `logprobs`;
    /// Gemini: `responseLogprobs`.
    pub logprobs: Option<u32>,
    /// What the client said that has no place here, and means something.
    pub unplaced: Vec<Unplaced>,
}

/// A field that the canonical request has no place for; the target's encoder refuses it or drops it by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unplaced {
    /// Where it stands, as `messages[0].content[1].input_audio`.
    pub path: String,
}

/// A function that the model may call. Chat: `tools[].function`; responses, messages, Cohere: `tools[]`; Gemini:
/// `functionDeclarations[]`; Converse: `toolSpec`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it takes: a JSON schema. Messages: `input_schema`; chat, Gemini: `parameters`; Converse: `inputSchema.json`.
    pub parameters: Option<Value>,
    /// Whether calls must keep to the schema. Chat, responses, messages: `strict`.
    pub strict: Option<bool>,
}

/// Whether the model must call a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// It may: `auto`.
    Auto,
    /// It must not: `none`.
    None,
    /// It must call some tool. Chat, responses: `required`; messages, Gemini, Converse: `any`.
    Any,
    /// It must call this one. Messages, Converse: `tool`; Gemini: `allowedFunctionNames`.
    Tool(String),
}

/// The form of the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ResponseFormat {
    /// Words.
    #[default]
    Text,
    /// Any JSON object. Chat: `json_object`; Gemini: `responseMimeType`.
    JsonObject,
    /// JSON that keeps to a schema.
    JsonSchema {
        /// The schema's name, a label.
        name: Option<String>,
        /// The schema.
        schema: Value,
        /// Whether the answer must keep to it.
        strict: Option<bool>,
    },
}

/// How the next token is drawn. The names are the same everywhere but for their case.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sampling {
    /// From 0 to 2; to 1 in messages, Converse and Cohere.
    pub temperature: Option<f64>,
    /// The share of likelihood that is drawn from. Cohere: `p`.
    pub top_p: Option<f64>,
    /// How many of the likeliest tokens are drawn from. Messages, Gemini; Cohere: `k`; chat, by custom.
    pub top_k: Option<u32>,
    /// Chat, Gemini, Cohere.
    pub frequency_penalty: Option<f64>,
    /// Chat, Gemini, Cohere.
    pub presence_penalty: Option<f64>,
    /// Chat, Gemini, Cohere.
    pub seed: Option<i64>,
}

/// How hard the model should think. Chat: `reasoning_effort`; responses: `reasoning.effort`; messages:
/// `output_config.effort` and `thinking`; Gemini: `thinkingConfig`; Cohere: `thinking`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Not at all.
    None,
    /// Hardly.
    Minimal,
    /// A little.
    Low,
    /// Moderately.
    Medium,
    /// Much.
    High,
    /// Very much: `xhigh`.
    ExtraHigh,
    /// As much as it takes: `max`.
    Max,
    /// With so many tokens. Messages: `thinking.budget_tokens`; Gemini: `thinkingBudget`; Cohere: `token_budget`.
    Budget(Tokens),
}
