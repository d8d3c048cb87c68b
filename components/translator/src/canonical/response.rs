//! The answer.

use serde::{Deserialize, Serialize};
use weir_core::Usage;

use super::{Part, ServiceTier};

/// A whole answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// The backend's id for it. Gemini: `responseId`.
    pub id: String,
    /// The model that answered.
    pub model: String,
    /// The answers. One everywhere but in chat (`choices`) and Gemini (`candidates`).
    pub candidates: Vec<Candidate>,
    /// What it took.
    pub usage: Usage,
    /// How it was served, where that is said. Chat, responses: `service_tier`; messages: `usage.service_tier`.
    pub service_tier: Option<ServiceTier>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What it says. Chat: `message`; responses: `output`; messages, Gemini, Cohere: `content`; Converse:
    /// `output.message`.
    pub parts: Vec<Part>,
    /// Why it ended.
    pub finish: Finish,
}

/// Why an answer ended. Chat: `finish_reason`; responses: `status`, `incomplete_details`; messages: `stop_reason`;
/// Gemini: `finishReason`; Converse: `stopReason`; Cohere: `finish_reason`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It was complete. `stop`, `end_turn`, `STOP`, `COMPLETE`.
    Stop,
    /// One of the client's stop sequences came, this one where it is said. `stop`, `stop_sequence`.
    StopSequence(Option<String>),
    /// It was as long as it might be. `length`, `max_tokens`, `MAX_TOKENS`.
    Length,
    /// The model's context was full. Messages: `model_context_window_exceeded`; elsewhere as [`Length`](Self::Length).
    ContextFull,
    /// It waits for tools. `tool_calls`, `tool_use`, `TOOL_CALL`; Gemini says `STOP`.
    ToolCalls,
    /// It was cut for its content. `content_filter`, `refusal`, `SAFETY`, `guardrail_intervened`.
    ContentFilter,
    /// The backend paused and wants to be sent its own words to go on. Messages: `pause_turn`.
    Paused,
    /// For a reason that only this backend has.
    Other(String),
}

/// What words stand on. Chat: `annotations[].url_citation`; responses: `annotations`; messages: `citations`; Gemini:
/// `groundingMetadata`; Converse: `citationsContent`; Cohere: `citations`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Citation {
    /// The source's address.
    pub url: Option<String>,
    /// The source's title.
    pub title: Option<String>,
    /// The words of the source.
    pub cited_text: Option<String>,
    /// Where in the answer it applies, from and to, in characters, where that is said.
    pub range: Option<(u64, u64)>,
}

/// How likely a token of an answer was, and which others might have stood there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenLogprob {
    /// The token.
    pub token: String,
    /// The natural logarithm of its likelihood.
    pub logprob: f64,
    /// Its bytes, where they are said.
    #[serde(default)]
    pub bytes: Option<Vec<u8>>,
    /// The likeliest tokens at its place.
    #[serde(default, rename = "top_logprobs")]
    pub top: Vec<TopLogprob>,
}

/// One of the likeliest tokens at a place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopLogprob {
    /// The token.
    pub token: String,
    /// The natural logarithm of its likelihood.
    pub logprob: f64,
    /// Its bytes, where they are said.
    #[serde(default)]
    pub bytes: Option<Vec<u8>>,
}
