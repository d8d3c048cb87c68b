//! Messages and what they are made of.

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What it says.
    pub parts: Vec<Part>,
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
}

/// Words: `text`; responses: `input_text`, `output_text`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    /// The words.
    pub text: String,
    /// What they stand on, in answers.
    pub citations: Vec<super::Citation>,
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { text, citations: Vec::new() }
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
}

/// A document. Chat: `file`; responses: `input_file`; messages and Converse: `document`; Gemini: `inlineData`; Cohere:
/// `documents`, beside the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its bytes.
    pub source: Source,
    /// Its name. Chat: `filename`; messages: `title`; Converse: `name`.
    pub name: Option<String>,
}

/// Sound. Chat: `input_audio`; Gemini: `inlineData`; Converse: `audio`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audio {
    /// Its bytes.
    pub source: Source,
}

/// The model calls a tool. Chat and Cohere: `tool_calls`; responses: `function_call`; messages: `tool_use`; Gemini:
/// `functionCall`; Converse: `toolUse`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The call's id. Gemini's may lack one; its decoder gives them out.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments: JSON text as the model wrote it, which may be broken. Objects in messages, Gemini and Converse.
    pub arguments: String,
    /// What proves the reasoning before it to its maker (Gemini's `thoughtSignature`).
    pub signature: Option<Signature>,
}

/// A tool answers. Chat and Cohere: the message of role `tool`; responses: `function_call_output`; messages:
/// `tool_result`; Gemini: `functionResponse`; Converse: `toolResult`.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult {
    /// The call that it answers.
    pub id: String,
    /// The tool, where it is said; Gemini must know it.
    pub name: Option<String>,
    /// The answer: text, pictures, documents.
    pub parts: Vec<Part>,
    /// Whether the tool failed. Messages: `is_error`; Converse: `status`.
    pub is_error: bool,
}

/// The model thinks. Messages: `thinking` and `redacted_thinking`; responses: `reasoning`; Gemini: a part with
/// `thought`; Converse: `reasoningContent`; Cohere: `thinking`; chat, by custom: `reasoning_content` or `reasoning`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// Its words; empty where they are withheld.
    pub text: String,
    /// What proves it to its maker when it is sent back.
    pub signature: Option<Signature>,
    /// Whether the signature stands for the words themselves. Messages: `redacted_thinking`; responses:
    /// `encrypted_content`; Converse: `redactedContent`.
    pub redacted: bool,
}

/// A proof that only the family of backends which made it can read; others must not be sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The dialect whose backends made it.
    pub family: weir_core::Dialect,
    /// As it came.
    pub value: String,
}
