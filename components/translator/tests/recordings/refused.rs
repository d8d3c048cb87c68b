//! What the recordings hold that a backend of another dialect cannot have, by name, with the reason.

use weir_core::Dialect;
use weir_core::Dialect::{AnthropicMessages as Messages, OpenaiChat as Chat, OpenaiResponses as Responses};

/// Whether a route may have it refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// A wish that cannot be met: refused, or dropped and named, as the route says.
    Refused,
    /// What nobody but its own provider could do: refused, whatever the route says.
    Always,
    /// An echo of what the client was sent, or a hint: dropped and named.
    Echo,
    /// The one or the other, as what stands there may be.
    Either,
}

/// What is refused or dropped on its way from a client's dialect to some backends'.
pub(crate) struct Refused {
    pub(crate) client: Dialect,
    pub(crate) backends: &'static [Dialect],
    /// Its path, without indices.
    pub(crate) path: &'static str,
    pub(crate) why: Why,
    pub(crate) reason: &'static str,
}

const fn refused(
    client: Dialect,
    backends: &'static [Dialect],
    path: &'static str,
    why: Why,
    reason: &'static str,
) -> Refused {
    Refused { client, backends, path, why, reason }
}

/// Every one of them.
pub(crate) const REFUSED: &[Refused] = &[
    refused(Chat, &[Responses], "cache_control", Why::Echo, "a hint; the backend caches by itself"),
    refused(Chat, &[Messages, Responses], "frequency_penalty", Why::Refused, "there are no penalties"),
    refused(Chat, &[Messages, Responses], "messages[].content[]", Why::Refused, "audio, which is not heard there"),
    refused(
        Chat,
        &[Messages],
        "messages[].content[].file.file_id",
        Why::Refused,
        "a file that was uploaded to another provider",
    ),
    refused(
        Chat,
        &[Messages, Responses],
        "messages[].reasoning_content",
        Why::Echo,
        "thoughts that nobody vouches for",
    ),
    refused(Chat, &[Messages, Responses], "models", Why::Refused, "OpenRouter's own"),
    refused(Chat, &[Messages, Responses], "moderation", Why::Refused, "OpenAI's own, beside the conversation"),
    refused(Chat, &[Messages, Responses], "presence_penalty", Why::Refused, "there are no penalties"),
    refused(Chat, &[Messages], "prompt_cache_key", Why::Echo, "a hint; the backend finds what begins alike by itself"),
    refused(Chat, &[Messages, Responses], "provider", Why::Refused, "OpenRouter's own"),
    refused(Chat, &[Messages, Responses], "reasoning_format", Why::Refused, "Groq's own"),
    refused(Chat, &[Messages], "response_format", Why::Refused, "there is no JSON without a schema"),
    refused(Chat, &[Messages, Responses], "search_settings", Why::Refused, "Groq's own"),
    refused(Chat, &[Messages, Responses], "service_tier", Why::Refused, "a tier of Groq's"),
    refused(Chat, &[Responses], "stop", Why::Refused, "there are no stop sequences"),
    refused(Chat, &[Messages, Responses], "thinking.clear_thinking", Why::Refused, "Z.ai's own"),
    refused(Chat, &[Messages, Responses], "thinking.type", Why::Refused, "Z.ai's own"),
    refused(Chat, &[Messages, Responses], "tools[]", Why::Refused, "a tool of OpenRouter's, Groq's or xAI's own"),
    refused(
        Chat,
        &[Messages, Responses],
        "tools[].eager_input_streaming",
        Why::Refused,
        "Anthropic's own, through OpenRouter",
    ),
    refused(Chat, &[Messages, Responses], "transforms", Why::Refused, "OpenRouter's own"),
    refused(Chat, &[Messages], "web_search_options.search_context_size", Why::Refused, "there is no such choice"),
    refused(Messages, &[Responses], "cache_control", Why::Echo, "a hint; the backend caches by itself"),
    refused(Messages, &[Chat, Responses], "container", Why::Refused, "code runs at Anthropic alone"),
    refused(Messages, &[Chat, Responses], "mcp_servers", Why::Refused, "servers that Anthropic calls itself"),
    refused(
        Messages,
        &[Responses],
        "messages[].content.thinking",
        Why::Echo,
        "thoughts of Mistral, which nobody vouches for",
    ),
    refused(
        Messages,
        &[Chat, Responses],
        "messages[].content[]",
        Why::Either,
        "the work of Anthropic's tools sent back, or what was uploaded to Anthropic",
    ),
    refused(Messages, &[Chat], "messages[].content[].cache_control", Why::Echo, "a hint; the backend caches by itself"),
    refused(
        Messages,
        &[Chat, Responses],
        "messages[].content[].content[]",
        Why::Either,
        "what a tool search found, sent back, or what was uploaded to Anthropic",
    ),
    refused(Messages, &[Chat, Responses], "output_config.task_budget", Why::Refused, "Anthropic's own"),
    refused(Messages, &[Responses], "stop_sequences", Why::Refused, "there are no stop sequences"),
    refused(Messages, &[Chat, Responses], "tools[]", Why::Refused, "a tool that runs at its provider"),
    refused(Messages, &[Chat, Responses], "top_k", Why::Refused, "there is no such choice"),
    refused(
        Responses,
        &[Chat, Messages],
        "background",
        Why::Always,
        "an answer to be asked for later would have to be stored",
    ),
    refused(
        Responses,
        &[Chat, Messages],
        "context_management",
        Why::Refused,
        "compacting is done by the provider that stores it",
    ),
    refused(Responses, &[Chat, Messages], "conversation", Why::Always, "what the provider stored, others do not know"),
    refused(
        Responses,
        &[Chat, Messages],
        "include[]",
        Why::Refused,
        "what tools of the provider found; there are none",
    ),
    refused(Responses, &[Chat, Messages], "input[]", Why::Echo, "the work of tools of the provider, sent back"),
    refused(
        Responses,
        &[Chat],
        "input[].content[]",
        Why::Refused,
        "a file that was uploaded to another provider, or an image by its id",
    ),
    refused(
        Responses,
        &[Chat],
        "input[].output[]",
        Why::Refused,
        "a file that was uploaded to another provider, or an image by its id",
    ),
    refused(Responses, &[Messages], "input[].content[].detail", Why::Refused, "there is no such choice"),
    refused(
        Responses,
        &[Messages],
        "input[].content[].file_id",
        Why::Refused,
        "a file that was uploaded to another provider",
    ),
    refused(Responses, &[Messages], "input[].encrypted_content", Why::Echo, "thoughts that another family vouches for"),
    refused(Responses, &[Chat, Messages], "input[].phase", Why::Echo, "a label of what the model said"),
    refused(Responses, &[Chat, Messages], "moderation", Why::Refused, "OpenAI's own, beside the conversation"),
    refused(
        Responses,
        &[Chat, Messages],
        "previous_response_id",
        Why::Always,
        "what the provider stored, others do not know",
    ),
    refused(
        Responses,
        &[Chat, Messages],
        "reasoning.context",
        Why::Echo,
        "which earlier thoughts count is the backend's affair; all that was sent is",
    ),
    refused(Responses, &[Chat, Messages], "reasoning.mode", Why::Refused, "OpenAI's own"),
    refused(
        Responses,
        &[Chat],
        "reasoning.summary",
        Why::Echo,
        "a server of chat says its thoughts or does not, and nothing asks for them",
    ),
    refused(Responses, &[Messages], "text.format", Why::Refused, "there is no JSON without a schema"),
    refused(Responses, &[Messages], "text.verbosity", Why::Echo, "there is no such choice"),
    refused(Responses, &[Chat, Messages], "tools[]", Why::Refused, "a tool that runs at its provider"),
    refused(Responses, &[Chat, Messages], "tools[].external_web_access", Why::Refused, "OpenAI's own"),
    refused(
        Responses,
        &[Chat],
        "tools[].filters.allowed_domains",
        Why::Refused,
        "a search there cannot be kept to some domains",
    ),
    refused(Responses, &[Messages], "top_logprobs", Why::Refused, "likelihoods are not told there"),
];
