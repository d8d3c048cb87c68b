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
    /// KServe V1: `:predict` and `:explain`.
    KserveV1,
    /// KServe V2, the Open Inference Protocol, over REST.
    KserveV2,
    /// The Open Inference Protocol over gRPC.
    KserveGrpc,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 9] = [
        Self::OpenaiChat,
        Self::OpenaiResponses,
        Self::AnthropicMessages,
        Self::Gemini,
        Self::BedrockConverse,
        Self::CohereChat,
        Self::KserveV1,
        Self::KserveV2,
        Self::KserveGrpc,
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
            Self::KserveV1 => "kserve-v1",
            Self::KserveV2 => "kserve-v2",
            Self::KserveGrpc => "kserve-grpc",
        }
    }

    /// Whether it is one of KServe's inference protocols. They are never put into another dialect: what they carry is no
    /// conversation, and only a tier two serves them.
    #[must_use]
    pub fn is_inference(self) -> bool {
        matches!(self, Self::KserveV1 | Self::KserveV2 | Self::KserveGrpc)
    }
}
