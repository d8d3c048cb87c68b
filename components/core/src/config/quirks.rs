//! How servers that are compatible with OpenAI differ from it: data, so that nothing else needs to know their names.
//!
//! `false` says of a field that the server refuses it, or takes it and does nothing: both are told to the client,
//! never passed over. Which server has which difference is a table of `weir`'s; here stands what each one means.

use serde::{Deserialize, Serialize};

/// The differences. The default is OpenAI itself, as of <https://platform.openai.com/docs/api-reference>.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quirks {
    /// Whether it serves `/chat/completions`. Some of OpenAI's models answer under `/responses` alone.
    #[serde(skip_serializing_if = "is_true")]
    pub chat: bool,
    /// Whether it serves `/responses`. OpenAI, Azure, DeepSeek, Groq, OpenRouter, vLLM and xAI do.
    #[serde(skip_serializing_if = "is_true")]
    pub responses: bool,
    /// Whether it counts a prompt's tokens without answering: `/responses/input_tokens`
    /// (<https://platform.openai.com/docs/api-reference/responses/input-tokens>). OpenAI alone.
    #[serde(skip_serializing_if = "is_true")]
    pub input_tokens: bool,
    /// What caps an answer's length in chat completions.
    #[serde(skip_serializing_if = "is_default")]
    pub max_tokens: MaxTokens,
    /// Whether it knows the role `developer`. Where it does not, such messages go as `system`: Mistral
    /// (<https://docs.mistral.ai/api/>), DeepSeek (<https://api-docs.deepseek.com/api/create-chat-completion>) and Together
    /// have no such role, nor have the chat templates of self-hosted models.
    #[serde(skip_serializing_if = "is_true")]
    pub developer_role: bool,
    /// Whether it knows `stream_options`. Mistral does not; it says the usage of a stream without being asked.
    #[serde(skip_serializing_if = "is_true")]
    pub stream_options: bool,
    /// Where the model's thoughts stand in a message of chat completions.
    #[serde(skip_serializing_if = "is_default")]
    pub reasoning: ReasoningField,
    /// Whether it knows `reasoning_effort`.
    #[serde(skip_serializing_if = "is_true")]
    pub reasoning_effort: bool,
    /// Whether tools may be of type `custom`, with free text for input. OpenAI's own models since GPT-5; nobody else.
    #[serde(skip_serializing_if = "is_true")]
    pub custom_tools: bool,
    /// Whether `response_format` may be a `json_schema`. DeepSeek knows `json_object` alone
    /// (<https://api-docs.deepseek.com/guides/json_mode>).
    #[serde(skip_serializing_if = "is_true")]
    pub json_schema: bool,
    /// Whether `response_format` may be `json_object`.
    #[serde(skip_serializing_if = "is_true")]
    pub json_object: bool,
    /// Whether it knows `parallel_tool_calls`.
    #[serde(skip_serializing_if = "is_true")]
    pub parallel_tool_calls: bool,
    /// Whether `tool_choice` says `any` where OpenAI says `required`, as Mistral's does
    /// (<https://docs.mistral.ai/capabilities/function_calling/>).
    #[serde(skip_serializing_if = "is_false")]
    pub tool_choice_any: bool,
    /// What the seed is called.
    #[serde(skip_serializing_if = "is_default")]
    pub seed: SeedField,
    /// Whether it knows `top_k`, which OpenAI does not: vLLM
    /// (<https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html>), OpenRouter, Together, DeepInfra.
    #[serde(skip_serializing_if = "is_false")]
    pub top_k: bool,
    /// How many stop sequences it takes. OpenAI four; DeepSeek sixteen; 0 where it takes none.
    #[serde(skip_serializing_if = "is_four")]
    pub max_stop: u32,
    /// Whether `n` may be more than 1. Groq refuses it (<https://console.groq.com/docs/openai>).
    #[serde(skip_serializing_if = "is_true")]
    pub n: bool,
    /// Whether it knows `logprobs`, `top_logprobs` and `logit_bias`. Groq does not
    /// (<https://console.groq.com/docs/openai>).
    #[serde(skip_serializing_if = "is_true")]
    pub logprobs: bool,
    /// Whether it knows `presence_penalty` and `frequency_penalty`. Groq does not.
    #[serde(skip_serializing_if = "is_true")]
    pub penalties: bool,
    /// Whether it knows `user` and `safety_identifier`. Mistral refuses whatever it does not know, these among it.
    #[serde(skip_serializing_if = "is_true")]
    pub user: bool,
    /// Whether it knows `metadata`.
    #[serde(skip_serializing_if = "is_true")]
    pub metadata: bool,
    /// Whether it knows `service_tier`.
    #[serde(skip_serializing_if = "is_true")]
    pub service_tier: bool,
    /// Whether it knows `prompt_cache_key`.
    #[serde(skip_serializing_if = "is_true")]
    pub prompt_cache_key: bool,
    /// Whether it knows `verbosity`.
    #[serde(skip_serializing_if = "is_true")]
    pub verbosity: bool,
    /// Whether chat completions know `web_search_options`.
    #[serde(skip_serializing_if = "is_true")]
    pub web_search: bool,
    /// Whether a function of chat completions may be `strict`.
    #[serde(skip_serializing_if = "is_true")]
    pub strict: bool,
    /// Whether messages may hold images.
    #[serde(skip_serializing_if = "is_true")]
    pub images: bool,
    /// Whether messages may hold audio (`input_audio`), and answers may be spoken.
    #[serde(skip_serializing_if = "is_true")]
    pub audio: bool,
    /// Whether messages may hold files.
    #[serde(skip_serializing_if = "is_true")]
    pub files: bool,
    /// What the ids of tool calls look like.
    #[serde(skip_serializing_if = "is_default")]
    pub call_id: CallId,
    /// The highest `temperature`. OpenAI 2; Mistral 1.5.
    #[serde(skip_serializing_if = "is_two")]
    pub max_temperature: f64,
}

impl Quirks {
    /// OpenAI itself.
    pub const OPENAI: Self = Self {
        chat: true,
        responses: true,
        input_tokens: true,
        max_tokens: MaxTokens::MaxCompletionTokens,
        developer_role: true,
        stream_options: true,
        reasoning: ReasoningField::None,
        reasoning_effort: true,
        custom_tools: true,
        json_schema: true,
        json_object: true,
        parallel_tool_calls: true,
        tool_choice_any: false,
        seed: SeedField::Seed,
        top_k: false,
        max_stop: 4,
        n: true,
        logprobs: true,
        penalties: true,
        user: true,
        metadata: true,
        service_tier: true,
        prompt_cache_key: true,
        verbosity: true,
        web_search: true,
        strict: true,
        images: true,
        audio: true,
        files: true,
        call_id: CallId::Any,
        max_temperature: 2.0,
    };
}

impl Default for Quirks {
    fn default() -> Self {
        Self::OPENAI
    }
}

/// What caps an answer's length in chat completions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxTokens {
    /// `max_tokens`: OpenAI before its reasoning models, and most servers that are compatible with it.
    MaxTokens,
    /// `max_completion_tokens`, which counts thoughts too. OpenAI's reasoning models refuse the other.
    #[default]
    MaxCompletionTokens,
}

impl MaxTokens {
    /// The member's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

/// Where the model's thoughts stand in a message or a delta of chat completions, and may be sent back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningField {
    /// Nowhere: OpenAI's chat completions keep them, and Mistral's stand in the content, as parts of type `thinking`.
    #[default]
    None,
    /// Under `reasoning_content`: DeepSeek (<https://api-docs.deepseek.com/guides/thinking_mode>), xAI, DeepInfra, and
    /// vLLM until 0.11.
    ReasoningContent,
    /// Under `reasoning`: OpenRouter (<https://openrouter.ai/docs/use-cases/reasoning-tokens>), Groq, Together, Cerebras,
    /// Ollama, and vLLM since (<https://docs.vllm.ai/en/stable/features/reasoning_outputs/>).
    Reasoning,
}

impl ReasoningField {
    /// The member's name, if there is one.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::ReasoningContent => Some("reasoning_content"),
            Self::Reasoning => Some("reasoning"),
        }
    }
}

/// What the seed is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeedField {
    /// It has none.
    None,
    /// `seed`.
    #[default]
    Seed,
    /// `random_seed`: Mistral (<https://docs.mistral.ai/api/>).
    RandomSeed,
}

impl SeedField {
    /// The member's name, if there is one.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Seed => Some("seed"),
            Self::RandomSeed => Some("random_seed"),
        }
    }
}

/// What the ids of tool calls look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallId {
    /// Anything.
    #[default]
    Any,
    /// Exactly nine letters and digits: Mistral refuses others.
    Nine,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_true(value: &bool) -> bool {
    *value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_four(value: &u32) -> bool {
    *value == 4
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for; as small as a pointer or not")]
#[expect(clippy::float_cmp, reason = "the very value that is the default")]
fn is_two(value: &f64) -> bool {
    *value == 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_differences_are_written() {
        assert_eq!(serde_json::to_string(&Quirks::default()).unwrap(), "{}");
        let quirks = Quirks { responses: false, max_tokens: MaxTokens::MaxTokens, ..Quirks::default() };
        let text = serde_json::to_string(&quirks).unwrap();
        assert_eq!(text, r#"{"responses":false,"max_tokens":"max_tokens"}"#);
        assert_eq!(serde_json::from_str::<Quirks>(&text).unwrap(), quirks);
        assert!(serde_json::from_str::<Quirks>(r#"{"respones":false}"#).is_err());
    }
}
