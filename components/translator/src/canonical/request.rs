//! The request.

use serde_json::Value;
use weir_core::Tokens;

use super::{CacheMark, Foreign, Message};

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
    /// Whether, how hard and how visibly the model should think.
    pub thinking: Thinking,
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
    /// How the answer should be served.
    pub service_tier: Option<ServiceTier>,
    /// How much the answer should say. Chat: `verbosity`; responses: `text.verbosity`.
    pub verbosity: Option<Verbosity>,
    /// Whether the backend chooses itself how much of the prompt it caches. Messages: `cache_control` of the request;
    /// chat, responses: they do so always; `prompt_cache_retention` says for how long.
    pub cache: Option<CacheMark>,
    /// What prompts that begin alike have in common. Chat, responses: `prompt_cache_key`.
    pub cache_key: Option<String>,
    /// What the client said that has no place here, and means something.
    pub unplaced: Vec<Unplaced>,
    /// Paths of what it said that changes nothing of the answer, or asks for what comes about anyhow: other dialects are
    /// not told, and the client is told so, whatever the route says.
    pub asides: Vec<String>,
    /// What the namespaces of its tools are for, by their names. Responses: `tools[]` of type `namespace`. Their tools are
    /// called [`<namespace>::<name>`](crate::tools::namespace).
    pub namespaces: Vec<(String, String)>,
}

/// A field that the canonical request has no place for; the target's encoder refuses it or drops it by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unplaced {
    /// Where it stands, as `messages[0].content[1].input_audio`.
    pub path: String,
    /// What the client may do instead; may be empty.
    pub mend: &'static str,
}

impl Unplaced {
    /// A field of which nothing can be said but where it stands.
    #[must_use]
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), mend: "" }
    }
}

/// What the model may call.
#[derive(Clone, Debug, PartialEq)]
pub enum Tool {
    /// A function of the client's.
    Function(Function),
    /// A tool of the client's that takes any text. Chat, responses: type `custom`; elsewhere a function that takes an
    /// object with the text as `input`.
    Custom(Custom),
    /// The provider searches the web. Chat: `web_search_options`; responses: `web_search`; messages:
    /// `web_search_20250305`; Gemini: `googleSearch`.
    WebSearch(WebSearch),
    /// A tool that one dialect alone has: one of the provider's own, or one whose schema its models know.
    Foreign(Foreign),
}

impl Tool {
    /// The name by which the model calls it; `None` for the provider's own.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Function(function) => Some(&function.name),
            Self::Custom(custom) => Some(&custom.name),
            Self::WebSearch(_) | Self::Foreign(_) => None,
        }
    }
}

/// A tool that takes any text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Custom {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The grammar that its input keeps to: `lark` or `regex`, and its text. Any text where it is `None`.
    pub grammar: Option<(String, String)>,
    /// Where it stands in the client's request.
    pub at: String,
}

/// The provider searches the web.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebSearch {
    /// How often at most. Messages: `max_uses`.
    pub max_uses: Option<u32>,
    /// How much of what it finds the model reads: `low`, `medium`, `high`. Chat, responses: `search_context_size`.
    pub context_size: Option<String>,
    /// The only domains that count. Responses: `filters.allowed_domains`; messages: `allowed_domains`.
    pub allowed_domains: Vec<String>,
    /// Domains that do not count. Messages: `blocked_domains`.
    pub blocked_domains: Vec<String>,
    /// About where the user is: city, region, country and time zone, as the three dialects call them.
    pub user_location: Option<Value>,
    /// Where it stands in the client's request.
    pub at: String,
}

/// A function that the model may call. Chat: `tools[].function`; responses, messages, Cohere: `tools[]`; Gemini:
/// `functionDeclarations[]`; Converse: `toolSpec`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it takes: a JSON schema. Messages: `input_schema`; chat, Gemini: `parameters`; Converse: `inputSchema.json`.
    pub parameters: Option<Value>,
    /// Whether calls must keep to the schema. Chat, responses, messages: `strict`. Responses takes its absence for yes.
    pub strict: Option<bool>,
    /// Whether the prompt may be cached up to here.
    pub cache: Option<CacheMark>,
    /// When the model is shown it.
    pub loading: Loading,
}

/// When the model is shown a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loading {
    /// From the start.
    #[default]
    Always,
    /// Once a search for tools has found it, which none has. Messages, responses: `defer_loading`. A target without it
    /// is not sent the function at all, which comes to the same.
    Deferred,
    /// It was deferred, and something in the conversation names it.
    Found,
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
    /// It must call this one, a function or a custom tool. Messages, Converse: `tool`; Gemini: `allowedFunctionNames`.
    Tool(String),
    /// It may, or must, call one of these. Chat, responses: `allowed_tools`; Gemini: `allowedFunctionNames`; elsewhere
    /// only these are offered.
    Allowed {
        /// Whether it must.
        required: bool,
        /// The tools' names.
        names: Vec<String>,
    },
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

impl ResponseFormat {
    /// A schema's description, which is for the model to read, in the place that every schema has for it; what it says
    /// there itself stays.
    pub(crate) fn describe(schema: &mut Value, description: Option<String>) {
        if let (Some(text), Some(members)) = (description, schema.as_object_mut()) {
            members.entry("description").or_insert(text.into());
        }
    }
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

/// Whether, how hard and how visibly the model should think. Nothing is said where all is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thinking {
    /// Whether, and for how long.
    pub mode: Option<ThinkingMode>,
    /// How hard. Chat: `reasoning_effort`; responses: `reasoning.effort`; messages: `output_config.effort`; Gemini:
    /// `thinkingLevel`.
    pub effort: Option<Effort>,
    /// Whether the client wants to read the thoughts. Responses: `reasoning.summary`; messages: `thinking.display`;
    /// Gemini: `includeThoughts`.
    pub shown: Option<Shown>,
    /// Whether the client wants the proofs that it sends back itself. Responses: `include`, with
    /// `reasoning.encrypted_content`; elsewhere they always come.
    pub proofs: bool,
}

/// Whether the model thinks, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThinkingMode {
    /// Not at all. Messages: `disabled`; chat, responses: effort `none`.
    Off,
    /// As the model sees fit. Messages: `adaptive`; Gemini: a budget of -1.
    Adaptive,
    /// With so many tokens at most. Messages: `enabled` with `budget_tokens`; Gemini: `thinkingBudget`; Cohere:
    /// `token_budget`.
    Budget(Tokens),
}

/// How much of its thoughts the model shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Nothing. Messages: `omitted`.
    Omitted,
    /// As much as the backend sees fit. Responses: `auto`; messages: `summarized`.
    Auto,
    /// In short. Responses: `concise`.
    Concise,
    /// At length. Responses: `detailed`.
    Detailed,
}

/// How hard the model should think, from not at all to as much as it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
}

impl Effort {
    /// Every effort, least first.
    pub const ALL: [Self; 7] =
        [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::ExtraHigh, Self::Max];

    /// The word for it, the same in all dialects that have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::ExtraHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// The effort of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.name() == name)
    }
}

/// How a request should be, or was, served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceTier {
    /// As the provider sees fit: `auto` everywhere.
    Auto,
    /// Like everybody's. Chat, responses: `default`; messages: `standard_only`, in answers `standard`.
    Standard,
    /// Cheaper and later. Chat, responses: `flex`; messages' answers: `batch`.
    Flex,
    /// First. Chat, responses: `priority`; messages' answers: `priority`.
    Priority,
}

impl ServiceTier {
    /// OpenAI's word for it, the same in both of its dialects.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Standard => "default",
            Self::Flex => "flex",
            Self::Priority => "priority",
        }
    }
}

/// How much an answer should say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbosity {
    /// Little.
    Low,
    /// The usual.
    Medium,
    /// Much.
    High,
}

impl Verbosity {
    /// The word for it, the same in all dialects that have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}
