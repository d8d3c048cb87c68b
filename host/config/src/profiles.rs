//! Servers that speak OpenAI's API, and how each differs from OpenAI: a table, and nothing else knows their names.
//!
//! It was put together from the servers' own documents and from the types of their own SDKs. Where they leave a doubt, the
//! table says that a server has a thing: it can refuse it in its own words. Where a server is known to take a field and
//! do nothing with it, the table says that it has none, so that the client is told, unless it is a mere hint as `user` is.

use weir_core::Dialect;
use weir_core::config::{CallId, MaxTokens, Quirks, ReasoningField, SeedField};

use crate::file::ProfileName;

/// What is known of a server.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) name: ProfileName,
    /// The hosts that it is reached at; one that begins with a dot stands for all that end so.
    hosts: &'static [&'static str],
    /// What its paths begin with where the URL has no path.
    pub(crate) base_path: &'static str,
    /// What it is spoken to in for clients that speak neither chat completions nor responses.
    pub(crate) prefer: Option<Dialect>,
    pub(crate) quirks: Quirks,
}

/// The profile of this name.
pub(crate) fn by_name(name: ProfileName) -> &'static Profile {
    PROFILES.iter().find(|profile| profile.name == name).unwrap_or(&COMPATIBLE)
}

/// The profile of whatever is at this host, which is in lower case.
pub(crate) fn by_host(host: &str) -> &'static Profile {
    let is_at = |known: &&str| known.strip_prefix('.').map_or(host == *known, |_| host.ends_with(*known));
    PROFILES.iter().find(|profile| profile.hosts.iter().any(is_at)).unwrap_or(&COMPATIBLE)
}

/// What the versions of Azure's older API lack, by the dates that they are named by
/// (<https://learn.microsoft.com/en-us/azure/ai-services/openai/api-version-deprecation>).
pub(crate) fn at_version(quirks: &Quirks, version: &str) -> Quirks {
    let since = |date: &str| version >= date;
    let max_tokens = if since("2024-09-01") { quirks.max_tokens } else { MaxTokens::MaxTokens };
    Quirks {
        responses: quirks.responses && since("2025-03-01"),
        max_tokens,
        stream_options: quirks.stream_options && since("2024-09-01"),
        developer_role: quirks.developer_role && since("2024-12-01"),
        json_schema: quirks.json_schema && since("2024-08-01"),
        ..quirks.clone()
    }
}

static PROFILES: [Profile; 12] =
    [OPENAI, AZURE, CEREBRAS, DEEPINFRA, DEEPSEEK, GROQ, MISTRAL, OLLAMA, OPENROUTER, TOGETHER, VLLM, XAI];

/// <https://platform.openai.com/docs/api-reference>
const OPENAI: Profile = Profile {
    name: ProfileName::Openai,
    hosts: &["api.openai.com", ".api.openai.com"],
    base_path: "/v1",
    prefer: Some(Dialect::OpenaiResponses),
    quirks: Quirks::OPENAI,
};

/// <https://learn.microsoft.com/en-us/azure/ai-services/openai/reference>
const AZURE: Profile = Profile {
    name: ProfileName::Azure,
    hosts: &[".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com", ".openai.azure.us"],
    base_path: "/openai/v1",
    prefer: Some(Dialect::OpenaiResponses),
    quirks: Quirks { input_tokens: false, web_search: false, ..Quirks::OPENAI },
};

/// What all servers can be believed to have: what vLLM, llama.cpp and their like had from the start.
static COMPATIBLE: Profile =
    Profile { name: ProfileName::Compatible, hosts: &[], base_path: "/v1", prefer: None, quirks: PLAIN };

/// What OpenAI alone has, taken away.
const PLAIN: Quirks = Quirks {
    responses: false,
    input_tokens: false,
    max_tokens: MaxTokens::MaxTokens,
    developer_role: false,
    reasoning: ReasoningField::ReasoningContent,
    custom_tools: false,
    metadata: false,
    service_tier: false,
    prompt_cache_key: false,
    verbosity: false,
    web_search: false,
    files: false,
    ..Quirks::OPENAI
};

/// <https://inference-docs.cerebras.ai/api-reference/chat-completions>
const CEREBRAS: Profile = Profile {
    name: ProfileName::Cerebras,
    hosts: &["api.cerebras.ai"],
    base_path: "/v1",
    prefer: None,
    quirks: Quirks {
        max_tokens: MaxTokens::MaxCompletionTokens,
        developer_role: true,
        reasoning: ReasoningField::Reasoning,
        service_tier: true,
        prompt_cache_key: true,
        audio: false,
        ..PLAIN
    },
};

/// <https://deepinfra.com/docs/openai_api>
const DEEPINFRA: Profile = Profile {
    name: ProfileName::Deepinfra,
    hosts: &["api.deepinfra.com"],
    base_path: "/v1/openai",
    prefer: None,
    quirks: Quirks { top_k: true, parallel_tool_calls: false, ..PLAIN },
};

/// <https://api-docs.deepseek.com/api/create-chat-completion>
const DEEPSEEK: Profile = Profile {
    name: ProfileName::Deepseek,
    hosts: &["api.deepseek.com"],
    base_path: "",
    prefer: None,
    quirks: Quirks {
        responses: true,
        json_schema: false,
        parallel_tool_calls: false,
        seed: SeedField::None,
        max_stop: 16,
        n: false,
        audio: false,
        ..PLAIN
    },
};

/// <https://console.groq.com/docs/openai>
const GROQ: Profile = Profile {
    name: ProfileName::Groq,
    hosts: &["api.groq.com"],
    base_path: "/openai/v1",
    prefer: None,
    quirks: Quirks {
        responses: true,
        max_tokens: MaxTokens::MaxCompletionTokens,
        developer_role: true,
        reasoning: ReasoningField::Reasoning,
        n: false,
        logprobs: false,
        penalties: false,
        service_tier: true,
        audio: false,
        ..PLAIN
    },
};

/// <https://docs.mistral.ai/api/>
const MISTRAL: Profile = Profile {
    name: ProfileName::Mistral,
    hosts: &["api.mistral.ai", "codestral.mistral.ai"],
    base_path: "/v1",
    prefer: None,
    quirks: Quirks {
        stream_options: false,
        reasoning: ReasoningField::None,
        tool_choice_any: true,
        seed: SeedField::RandomSeed,
        top_k: true,
        user: false,
        metadata: true,
        service_tier: true,
        prompt_cache_key: true,
        call_id: CallId::Nine,
        max_temperature: 1.5,
        ..PLAIN
    },
};

/// <https://docs.ollama.com/api/openai-compatibility>
const OLLAMA: Profile = Profile {
    name: ProfileName::Ollama,
    hosts: &["ollama.com"],
    base_path: "/v1",
    prefer: None,
    quirks: Quirks {
        reasoning: ReasoningField::Reasoning,
        parallel_tool_calls: false,
        n: false,
        audio: false,
        ..PLAIN
    },
};

/// <https://openrouter.ai/docs/api-reference/chat-completion>
const OPENROUTER: Profile = Profile {
    name: ProfileName::Openrouter,
    hosts: &["openrouter.ai"],
    base_path: "/api/v1",
    prefer: None,
    quirks: Quirks {
        responses: true,
        max_tokens: MaxTokens::MaxCompletionTokens,
        developer_role: true,
        reasoning: ReasoningField::Reasoning,
        top_k: true,
        n: false,
        metadata: true,
        service_tier: true,
        prompt_cache_key: true,
        files: true,
        ..PLAIN
    },
};

/// <https://docs.together.ai/reference/chat-completions-1>
const TOGETHER: Profile = Profile {
    name: ProfileName::Together,
    hosts: &["api.together.xyz", "api.together.ai"],
    base_path: "/v1",
    prefer: None,
    quirks: Quirks { reasoning: ReasoningField::Reasoning, parallel_tool_calls: false, top_k: true, ..PLAIN },
};

/// <https://docs.vllm.ai/en/stable/serving/openai_compatible_server.html>
const VLLM: Profile = Profile {
    name: ProfileName::Vllm,
    hosts: &[],
    base_path: "/v1",
    prefer: None,
    quirks: Quirks { responses: true, reasoning: ReasoningField::Reasoning, top_k: true, max_stop: u32::MAX, ..PLAIN },
};

/// <https://docs.x.ai/docs/api-reference>
const XAI: Profile = Profile {
    name: ProfileName::Xai,
    hosts: &["api.x.ai", ".api.x.ai"],
    base_path: "/v1",
    prefer: None,
    quirks: Quirks {
        responses: true,
        max_tokens: MaxTokens::MaxCompletionTokens,
        developer_role: true,
        prompt_cache_key: true,
        audio: false,
        ..PLAIN
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_its_profile() {
        let cases = [
            ("api.openai.com", ProfileName::Openai),
            ("eu.api.openai.com", ProfileName::Openai),
            ("acme.openai.azure.com", ProfileName::Azure),
            ("api.groq.com", ProfileName::Groq),
            ("us-east-1.api.x.ai", ProfileName::Xai),
            ("api.openai.com.evil.example", ProfileName::Compatible),
            ("notapi.openai.com", ProfileName::Compatible),
            ("openai.azure.com", ProfileName::Compatible),
            ("127.0.0.1", ProfileName::Compatible),
        ];
        for (host, name) in cases {
            assert_eq!(by_host(host).name, name, "{host}");
        }
    }

    #[test]
    fn older_versions_of_azure_have_less() {
        let responses = |version| at_version(&AZURE.quirks, version).responses;
        assert!(responses("2025-04-01-preview") && !responses("2024-10-21"));
        let old = at_version(&AZURE.quirks, "2024-02-01");
        assert_eq!((old.max_tokens, old.stream_options, old.json_schema), (MaxTokens::MaxTokens, false, false));
    }

    #[test]
    fn each_profile_stands_in_the_table_once() {
        for name in ProfileName::ALL {
            assert_eq!(by_name(name).name, name);
            let times = PROFILES.iter().filter(|profile| profile.name == name).count();
            assert_eq!(times, usize::from(name != ProfileName::Compatible), "{name:?}");
        }
        let mut hosts: Vec<_> = PROFILES.iter().flat_map(|profile| profile.hosts).collect();
        let count = hosts.len();
        hosts.sort_unstable();
        hosts.dedup();
        assert_eq!(hosts.len(), count);
    }

    #[test]
    fn who_is_preferred_in_a_dialect_speaks_it() {
        for profile in &PROFILES {
            let prefers_responses = profile.prefer == Some(Dialect::OpenaiResponses);
            assert!(!prefers_responses || profile.quirks.responses, "{:?}", profile.name);
            assert!(profile.base_path.is_empty() || profile.base_path.starts_with('/'));
            assert!(!profile.base_path.ends_with('/'));
        }
    }
}
