//! The wire dialects.

use serde::{Deserialize, Serialize};

/// A way in which clients and providers talk about a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// OpenAI chat completions, and everything else under OpenAI's paths that has no dialect of its own.
    OpenaiChat,
    /// OpenAI responses.
    OpenaiResponses,
    /// Anthropic messages.
    AnthropicMessages,
    /// Gemini generateContent.
    Gemini,
    /// Amazon Bedrock Converse.
    BedrockConverse,
    /// Cohere chat, version 2.
    CohereChat,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 6] = [
        Self::OpenaiChat,
        Self::OpenaiResponses,
        Self::AnthropicMessages,
        Self::Gemini,
        Self::BedrockConverse,
        Self::CohereChat,
    ];

    /// The name, as it stands in configuration, metrics and documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai-chat",
            Self::OpenaiResponses => "openai-responses",
            Self::AnthropicMessages => "anthropic-messages",
            Self::Gemini => "gemini",
            Self::BedrockConverse => "bedrock-converse",
            Self::CohereChat => "cohere-chat",
        }
    }
}
