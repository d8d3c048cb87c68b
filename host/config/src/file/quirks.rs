//! A server that is compatible with OpenAI: which one it is, and how it differs.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::read::{At, Maybe};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $word:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[schemars(inline)]
        #[allow(clippy::enum_variant_names, reason = "the words are the fields' own names")]
        pub(crate) enum $name {
            $($(#[$of])* $word,)*
        }
    };
}

words! {
    /// Which server it is.
    ProfileName {
        /// OpenAI.
        Openai,
        /// Azure OpenAI.
        Azure,
        /// Cerebras.
        Cerebras,
        /// DeepInfra.
        Deepinfra,
        /// DeepSeek.
        Deepseek,
        /// Groq.
        Groq,
        /// Mistral.
        Mistral,
        /// Ollama.
        Ollama,
        /// OpenRouter.
        Openrouter,
        /// Together.
        Together,
        /// vLLM, or a server built on it.
        Vllm,
        /// xAI.
        Xai,
        /// Any other.
        Compatible,
    }
}

#[cfg(test)]
impl ProfileName {
    /// All of them.
    pub(crate) const ALL: [Self; 13] = [
        Self::Openai,
        Self::Azure,
        Self::Cerebras,
        Self::Deepinfra,
        Self::Deepseek,
        Self::Groq,
        Self::Mistral,
        Self::Ollama,
        Self::Openrouter,
        Self::Together,
        Self::Vllm,
        Self::Xai,
        Self::Compatible,
    ];
}

words! {
    /// What caps an answer's length in chat completions.
    MaxTokens {
        /// `max_tokens`.
        MaxTokens,
        /// `max_completion_tokens`.
        MaxCompletionTokens,
    }
}

words! {
    /// Where the model's thoughts stand.
    Reasoning {
        /// Nowhere.
        None,
        /// Under `reasoning_content`.
        ReasoningContent,
        /// Under `reasoning`.
        Reasoning,
    }
}

words! {
    /// What the seed is called.
    Seed {
        /// It has none.
        None,
        /// `seed`.
        Seed,
        /// `random_seed`.
        RandomSeed,
    }
}

words! {
    /// What the ids of tool calls look like.
    CallId {
        /// Anything.
        Any,
        /// Nine letters and digits.
        Nine,
    }
}

/// How a server that is compatible with OpenAI differs from what its profile says.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Quirks {
    /// Whether it serves `/chat/completions`. Where it does not, clients that speak chat completions are translated to
    /// responses.
    #[serde(default)]
    pub(crate) chat: Maybe<bool>,
    /// Whether it serves `/responses`. Where it does not, clients that speak responses are translated to chat
    /// completions.
    #[serde(default)]
    pub(crate) responses: Maybe<bool>,
    /// Whether it counts a prompt's tokens at `/responses/input_tokens`. Where it does not, counts are estimates.
    #[serde(default)]
    pub(crate) input_tokens: Maybe<bool>,
    /// What caps an answer's length in chat completions.
    #[serde(default)]
    pub(crate) max_tokens: Maybe<MaxTokens>,
    /// Whether it knows the role `developer`. Where it does not, such messages go as `system`.
    #[serde(default)]
    pub(crate) developer_role: Maybe<bool>,
    /// Whether it knows `stream_options`.
    #[serde(default)]
    pub(crate) stream_options: Maybe<bool>,
    /// Where the model's thoughts stand in a message of chat completions.
    #[serde(default)]
    pub(crate) reasoning: Maybe<Reasoning>,
    /// Whether it knows `reasoning_effort`.
    #[serde(default)]
    pub(crate) reasoning_effort: Maybe<bool>,
    /// Whether tools may be of type `custom`, with free text for input. Where they may not, they go as functions.
    #[serde(default)]
    pub(crate) custom_tools: Maybe<bool>,
    /// Whether `response_format` may be a `json_schema`.
    #[serde(default)]
    pub(crate) json_schema: Maybe<bool>,
    /// Whether `response_format` may be `json_object`.
    #[serde(default)]
    pub(crate) json_object: Maybe<bool>,
    /// Whether it knows `parallel_tool_calls`.
    #[serde(default)]
    pub(crate) parallel_tool_calls: Maybe<bool>,
    /// Whether `tool_choice` says `any` where OpenAI says `required`.
    #[serde(default)]
    pub(crate) tool_choice_any: Maybe<bool>,
    /// What the seed is called.
    #[serde(default)]
    pub(crate) seed: Maybe<Seed>,
    /// Whether it knows `top_k`.
    #[serde(default)]
    pub(crate) top_k: Maybe<bool>,
    /// How many stop sequences it takes.
    #[serde(default)]
    pub(crate) max_stop: Maybe<At<u32>>,
    /// Whether `n` may be more than 1.
    #[serde(default)]
    pub(crate) n: Maybe<bool>,
    /// Whether it knows `logprobs`, `top_logprobs` and `logit_bias`.
    #[serde(default)]
    pub(crate) logprobs: Maybe<bool>,
    /// Whether it knows `presence_penalty` and `frequency_penalty`.
    #[serde(default)]
    pub(crate) penalties: Maybe<bool>,
    /// Whether it knows `user` and `safety_identifier`.
    #[serde(default)]
    pub(crate) user: Maybe<bool>,
    /// Whether it knows `metadata`.
    #[serde(default)]
    pub(crate) metadata: Maybe<bool>,
    /// Whether it knows `service_tier`.
    #[serde(default)]
    pub(crate) service_tier: Maybe<bool>,
    /// Whether it knows `prompt_cache_key`.
    #[serde(default)]
    pub(crate) prompt_cache_key: Maybe<bool>,
    /// Whether it knows `verbosity`.
    #[serde(default)]
    pub(crate) verbosity: Maybe<bool>,
    /// Whether chat completions know `web_search_options`.
    #[serde(default)]
    pub(crate) web_search: Maybe<bool>,
    /// Whether a function of chat completions may be `strict`.
    #[serde(default)]
    pub(crate) strict: Maybe<bool>,
    /// Whether messages may hold images.
    #[serde(default)]
    pub(crate) images: Maybe<bool>,
    /// Whether messages may hold audio, and answers may be spoken.
    #[serde(default)]
    pub(crate) audio: Maybe<bool>,
    /// Whether messages may hold files.
    #[serde(default)]
    pub(crate) files: Maybe<bool>,
    /// What the ids of tool calls look like.
    #[serde(default)]
    pub(crate) call_id: Maybe<CallId>,
    /// The highest `temperature`, more than 0.
    #[serde(default)]
    pub(crate) max_temperature: Maybe<At<f64>>,
}
