//! How OpenAI and its like count tokens.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use weir_core::{Tokens, Usage};

/// The `usage` object. Every member may be absent or null, and some servers have negative ones for "unknown".
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OpenaiUsage {
    prompt_tokens: Option<i64>,
    completion_tokens: Option<i64>,
    total_tokens: Option<i64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    /// Moonshot's and xAI's place for it.
    cached_tokens: Option<i64>,
    /// DeepSeek's.
    prompt_cache_hit_tokens: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Option<i64>,
    cache_write_tokens: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Option<i64>,
}

impl OpenaiUsage {
    /// Reads a `usage` member; `None` where it says nothing that can be counted.
    #[must_use]
    pub fn read(raw: &RawValue) -> Option<Usage> {
        serde_json::from_str::<Self>(raw.get()).ok()?.usage()
    }

    /// The canonical figures; `None` where the object says nothing.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        let input = count(self.prompt_tokens);
        let output = count(self.completion_tokens);
        if input.is_none() && output.is_none() && count(self.total_tokens).is_none() {
            return None;
        }
        let input = input.unwrap_or_default();
        // Embeddings state the prompt and the total alone; then this is nothing.
        let output = output.unwrap_or_else(|| count(self.total_tokens).unwrap_or_default().saturating_sub(input));
        let prompt = self.prompt_tokens_details.unwrap_or_default();
        let cached = count(prompt.cached_tokens)
            .or_else(|| count(self.cached_tokens))
            .or_else(|| count(self.prompt_cache_hit_tokens));
        let completion = self.completion_tokens_details.unwrap_or_default();
        let reasoning = count(completion.reasoning_tokens).unwrap_or_default();
        // xAI counts thoughts beside the words, which its total shows.
        let beside = reasoning != Tokens::ZERO && count(self.total_tokens) == Some(input + output + reasoning);
        Some(Usage {
            input,
            output: if beside { output + reasoning } else { output },
            cache_read: cached.unwrap_or_default(),
            cache_write: count(prompt.cache_write_tokens).unwrap_or_default(),
            reasoning,
            estimated: false,
        })
    }
}

/// A count that is there and not negative.
pub(crate) fn count(tokens: Option<i64>) -> Option<Tokens> {
    tokens.and_then(|tokens| u64::try_from(tokens).ok()).map(Tokens)
}

/// The `usage` object as OpenAI writes it.
#[derive(Serialize)]
pub(super) struct Written {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: WrittenPrompt,
    completion_tokens_details: WrittenCompletion,
}

#[derive(Serialize)]
struct WrittenPrompt {
    cached_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_tokens: Option<u64>,
}

#[derive(Serialize)]
struct WrittenCompletion {
    reasoning_tokens: u64,
}

impl From<Usage> for Written {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input.0,
            completion_tokens: usage.output.0,
            total_tokens: usage.total().0,
            prompt_tokens_details: WrittenPrompt {
                cached_tokens: usage.cache_read.0,
                cache_write_tokens: (usage.cache_write != Tokens::ZERO).then_some(usage.cache_write.0),
            },
            completion_tokens_details: WrittenCompletion { reasoning_tokens: usage.reasoning.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn thoughts_are_part_of_the_answer_wherever_they_were_counted() {
        let usage = |completion: u64, total: u64| {
            let details = json!({"reasoning_tokens": 227});
            let usage = json!({"prompt_tokens": 307, "completion_tokens": completion, "total_tokens": total,
                "completion_tokens_details": details});
            serde_json::from_value::<OpenaiUsage>(usage).unwrap().usage().unwrap()
        };
        for (completion, total) in [(26, 560), (253, 560)] {
            let usage = usage(completion, total);
            assert_eq!((usage.output, usage.reasoning), (Tokens(253), Tokens(227)));
        }
    }
}
