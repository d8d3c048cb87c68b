//! Messages and what they are made of.

use std::borrow::Cow;

use serde_json::Value;
use weir_core::Dialect;

use super::Signature;

/// One message of a conversation.
///
/// Decoders put what one speaker says in one go into one message: in responses, the items between two of the user's.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What it says.
    pub parts: Vec<Part>,
    /// The speaker's name among several of the same role. Chat: `name`.
    pub name: Option<String>,
    /// Whether the model speaks on its way (`commentary`) or in the end (`final_answer`). Responses: `phase`.
    pub phase: Option<String>,
    /// Where it stands in the client's request, for errors: `messages[2]`, `input[0]`, `system`, `instructions`.
    pub at: String,
}

impl Message {
    /// A message without a name or a phase, which stands at `at`.
    #[must_use]
    pub fn new(role: Role, parts: Vec<Part>, at: impl Into<String>) -> Self {
        Self { role, parts, name: None, phase: None, at: at.into() }
    }
}

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Whoever runs the application. Chat, responses and Cohere: a message of role `system`; messages: `system`, beside
    /// the conversation; Gemini: `systemInstruction`; Converse: `system`.
    System,
    /// The same in OpenAI's newer models: role `developer`. Elsewhere [`System`](Self::System).
    Developer,
    /// The caller. `user` everywhere.
    User,
    /// The model. `assistant`; Gemini: `model`.
    Assistant,
    /// A tool that answers. Chat and Cohere: role `tool`; responses: an item of its own; messages, Gemini and Converse:
    /// part of the user's turn.
    Tool,
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Words.
    Text(Text),
    /// A picture.
    Image(Image),
    /// A document.
    Document(Document),
    /// Sound.
    Audio(Audio),
    /// The model calls a tool.
    ToolCall(ToolCall),
    /// A tool answers.
    ToolResult(ToolResult),
    /// The model thinks.
    Reasoning(Reasoning),
    /// The model declines, in its own words. Chat and responses: `refusal`; elsewhere plain text.
    Refusal(String),
    /// Something that one dialect alone can say: the work of a tool that ran at the provider, a search's result, a
    /// compacted conversation.
    Foreign(Foreign),
}

/// Something that one dialect alone can say, as it says it. Other dialects' encoders refuse it by name in a request's
/// tools, drop it by name in a conversation, where it is only an echo of an answer, and leave it out of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreign {
    /// Whose it is.
    pub family: Dialect,
    /// What its dialect calls it: a block's, an item's or a tool's `type`.
    pub kind: String,
    /// The whole of it.
    pub value: Value,
    /// Where it stands in the client's request; empty in answers.
    pub at: String,
}

/// Up to here a prompt may be cached. Messages: `cache_control`; chat, by custom of OpenRouter: the same; elsewhere
/// caching needs no marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheMark {
    /// For how long, where it is said: five minutes or an hour.
    pub ttl: Option<CacheTtl>,
}

/// For how long a prompt is cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheTtl {
    /// Messages: `5m`.
    Minutes,
    /// Messages: `1h`; chat, responses: `prompt_cache_retention: 24h`, the next best.
    Hours,
}

/// Words: `text`; responses: `input_text`, `output_text`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    /// The words.
    pub text: String,
    /// What they stand on, in answers.
    pub citations: Vec<super::Citation>,
    /// How likely each token was, in answers, where it was asked for.
    pub logprobs: Vec<super::TokenLogprob>,
    /// Whether the prompt may be cached up to here.
    pub cache: Option<CacheMark>,
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

/// Where the bytes of an attachment are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Somewhere that the backend fetches it from; Weir never does. Messages: `url`; Gemini: `fileData.fileUri`; Converse:
    /// `s3Location`.
    Url(String),
    /// Here, in base64. Chat and responses: a `data:` URL; messages: `base64`; Gemini: `inlineData`; Converse: `bytes`.
    Data {
        /// The media type, such as `image/png`.
        media_type: String,
        /// The bytes, in base64.
        base64: String,
    },
    /// Words, for documents. Messages: `text`.
    Text(String),
    /// Uploaded to the backend before: its id for it. Chat, responses and messages: `file_id`.
    File(String),
}

/// A picture. Chat: `image_url`; responses: `input_image`; messages and Converse: `image`; Gemini: `inlineData`;
/// Cohere: `image_url`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its bytes.
    pub source: Source,
    /// How closely the model should look, where it is said: `low`, `high`. Chat, responses, Cohere: `detail`; Gemini:
    /// `mediaResolution`.
    pub detail: Option<String>,
    /// Whether the prompt may be cached up to here.
    pub cache: Option<CacheMark>,
}

/// A document. Chat: `file`; responses: `input_file`; messages and Converse: `document`; Gemini: `inlineData`; Cohere:
/// `documents`, beside the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its bytes.
    pub source: Source,
    /// Its name. Chat, responses: `filename`; messages: `title`; Converse: `name`.
    pub name: Option<String>,
    /// What else the model should know of it. Messages: `context`.
    pub context: Option<String>,
    /// Whether the answer shall cite it. Messages: `citations.enabled`.
    pub cite: bool,
    /// Whether the prompt may be cached up to here.
    pub cache: Option<CacheMark>,
}

/// Sound. Chat: `input_audio`; Gemini: `inlineData`; Converse: `audio`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audio {
    /// Its bytes.
    pub source: Source,
}

/// The model calls a tool. Chat and Cohere: `tool_calls`; responses: `function_call`; messages: `tool_use`; Gemini:
/// `functionCall`; Converse: `toolUse`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// The call's id. Gemini's may lack one; its decoder gives them out.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments: JSON text as the model wrote it, which may be broken. Objects in messages, Gemini and Converse.
    /// Of a custom tool, the input: any text.
    pub arguments: String,
    /// Whether the tool is a [custom](super::Tool::Custom) one. Chat: type `custom`; responses: `custom_tool_call`.
    pub custom: bool,
    /// What proves the reasoning before it to its maker (Gemini's `thoughtSignature`).
    pub signature: Option<Signature>,
    /// Whether the prompt may be cached up to here.
    pub cache: Option<CacheMark>,
}

/// A tool answers. Chat and Cohere: the message of role `tool`; responses: `function_call_output`; messages:
/// `tool_result`; Gemini: `functionResponse`; Converse: `toolResult`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolResult {
    /// The call that it answers.
    pub id: String,
    /// The tool, where it is said; Gemini must know it.
    pub name: Option<String>,
    /// The answer: text, pictures, documents.
    pub parts: Vec<Part>,
    /// Whether the tool failed. Messages: `is_error`; Converse: `status`.
    pub is_error: bool,
    /// Whether the tool is a [custom](super::Tool::Custom) one. Responses: `custom_tool_call_output`.
    pub custom: bool,
    /// Whether the prompt may be cached up to here.
    pub cache: Option<CacheMark>,
}

/// The model thinks. Messages: `thinking` and `redacted_thinking`; responses: `reasoning`; Gemini: a part with
/// `thought`; Converse: `reasoningContent`; Cohere: `thinking`; chat, by custom: `reasoning_content` or `reasoning`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// Its words; empty where they are withheld. Responses: `content`.
    pub text: String,
    /// Its words in short, part by part, where the dialect tells the two apart. Responses: `summary`.
    pub summary: Vec<String>,
    /// What proves it to its maker when it is sent back. Messages: `signature`, or the `data` of what is redacted;
    /// responses: `encrypted_content`.
    pub signature: Option<Signature>,
    /// Whether the signature stands for the words themselves. Messages: `redacted_thinking`; Converse:
    /// `redactedContent`.
    pub redacted: bool,
    /// The id of its item. Responses: `id`.
    pub id: Option<String>,
}

impl Reasoning {
    /// The words for a dialect that knows no summaries: the words themselves, else what stands for them, with an empty
    /// line between its parts.
    #[must_use]
    pub fn words(&self) -> Cow<'_, str> {
        match self.summary.as_slice() {
            [only] if self.text.is_empty() => Cow::Borrowed(only),
            [_, ..] if self.text.is_empty() => Cow::Owned(self.summary.join("\n\n")),
            _ => Cow::Borrowed(&self.text),
        }
    }
}
