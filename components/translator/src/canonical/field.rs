//! What the members of a request are called, so that an encoder can name one in the client's words.

use weir_core::Dialect;

/// A member of the canonical [`Request`](super::Request) that some target cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// [`Request::max_output`](super::Request::max_output)
    MaxOutput,
    /// [`Request::stop`](super::Request::stop)
    Stop,
    /// [`Request::candidates`](super::Request::candidates)
    Candidates,
    /// [`Request::logprobs`](super::Request::logprobs)
    Logprobs,
    /// [`Request::metadata`](super::Request::metadata)
    Metadata,
    /// [`Request::user`](super::Request::user)
    User,
    /// [`Request::response_format`](super::Request::response_format)
    ResponseFormat,
    /// [`Request::tools`](super::Request::tools)
    Tools,
    /// [`Request::tool_choice`](super::Request::tool_choice)
    ToolChoice,
    /// [`Request::parallel_tool_calls`](super::Request::parallel_tool_calls)
    ParallelToolCalls,
    /// [`Request::service_tier`](super::Request::service_tier)
    ServiceTier,
    /// [`Request::verbosity`](super::Request::verbosity)
    Verbosity,
    /// [`Request::cache`](super::Request::cache)
    Cache,
    /// [`Request::cache_key`](super::Request::cache_key)
    CacheKey,
    /// [`Thinking::mode`](super::Thinking::mode)
    ThinkingMode,
    /// [`Thinking::effort`](super::Thinking::effort)
    Effort,
    /// [`Thinking::shown`](super::Thinking::shown)
    ThinkingShown,
    /// [`Sampling::temperature`](super::Sampling::temperature)
    Temperature,
    /// [`Sampling::top_p`](super::Sampling::top_p)
    TopP,
    /// [`Sampling::top_k`](super::Sampling::top_k)
    TopK,
    /// [`Sampling::frequency_penalty`](super::Sampling::frequency_penalty)
    FrequencyPenalty,
    /// [`Sampling::presence_penalty`](super::Sampling::presence_penalty)
    PresencePenalty,
    /// [`Sampling::seed`](super::Sampling::seed)
    Seed,
}

impl Field {
    /// What clients of `dialect` call it. Where a dialect has no such member, no client of it can have written one.
    #[must_use]
    pub fn name(self, dialect: Dialect) -> &'static str {
        let messages = dialect == Dialect::AnthropicMessages;
        let responses = dialect == Dialect::OpenaiResponses;
        match self {
            Self::MaxOutput if messages => "max_tokens",
            Self::MaxOutput if responses => "max_output_tokens",
            Self::MaxOutput => "max_completion_tokens",
            Self::Stop if messages => "stop_sequences",
            Self::Stop => "stop",
            Self::Candidates => "n",
            Self::Logprobs if responses => "top_logprobs",
            Self::Logprobs => "logprobs",
            Self::Metadata => "metadata",
            Self::User if messages => "metadata.user_id",
            Self::User => "user",
            Self::ResponseFormat if messages => "output_config.format",
            Self::ResponseFormat if responses => "text.format",
            Self::ResponseFormat => "response_format",
            Self::Tools => "tools",
            Self::ToolChoice => "tool_choice",
            Self::ParallelToolCalls if messages => "tool_choice.disable_parallel_tool_use",
            Self::ParallelToolCalls => "parallel_tool_calls",
            Self::ServiceTier => "service_tier",
            Self::Verbosity if responses => "text.verbosity",
            Self::Verbosity => "verbosity",
            Self::Cache if messages => "cache_control",
            Self::Cache => "prompt_cache_retention",
            Self::CacheKey => "prompt_cache_key",
            Self::ThinkingMode if messages => "thinking",
            Self::Effort if messages => "output_config.effort",
            Self::ThinkingMode | Self::Effort if responses => "reasoning.effort",
            Self::ThinkingMode | Self::Effort => "reasoning_effort",
            Self::ThinkingShown if messages => "thinking.display",
            Self::ThinkingShown => "reasoning.summary",
            Self::Temperature => "temperature",
            Self::TopP => "top_p",
            Self::TopK => "top_k",
            Self::FrequencyPenalty => "frequency_penalty",
            Self::PresencePenalty => "presence_penalty",
            Self::Seed => "seed",
        }
    }
}
