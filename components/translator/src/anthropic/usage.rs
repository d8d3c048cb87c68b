//! How Anthropic counts tokens: what came from a cache or went into one is not among `input_tokens`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use weir_core::{Tokens, Usage};

use crate::canonical::ServiceTier;
use crate::openai_chat::count;

/// The `usage` object, as far as it has been told: a stream states it in pieces, and a later figure counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AnthropicUsage {
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    cache_read_input_tokens: Option<i64>,
    cache_creation_input_tokens: Option<i64>,
    output_tokens_details: Option<Details>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Details {
    reasoning_tokens: Option<i64>,
    thinking_tokens: Option<i64>,
}

impl AnthropicUsage {
    /// Reads a `usage` member; nothing where it makes no sense.
    #[must_use]
    pub fn read(raw: &RawValue) -> Self {
        serde_json::from_str(raw.get()).unwrap_or_default()
    }

    /// Takes over what `later` states.
    pub fn update(&mut self, later: Self) {
        fn over(old: &mut Option<i64>, new: Option<i64>) {
            *old = new.filter(|tokens| *tokens >= 0).or(*old);
        }
        over(&mut self.input_tokens, later.input_tokens);
        over(&mut self.output_tokens, later.output_tokens);
        over(&mut self.cache_read_input_tokens, later.cache_read_input_tokens);
        over(&mut self.cache_creation_input_tokens, later.cache_creation_input_tokens);
        self.output_tokens_details = later.output_tokens_details.or(self.output_tokens_details);
    }

    /// The canonical figures; `None` where nothing was stated.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        let (input, output) = (count(self.input_tokens), count(self.output_tokens));
        if input.is_none() && output.is_none() {
            return None;
        }
        let cache_read = count(self.cache_read_input_tokens).unwrap_or_default();
        let cache_write = count(self.cache_creation_input_tokens).unwrap_or_default();
        let details = self.output_tokens_details.unwrap_or_default();
        Some(Usage {
            input: input.unwrap_or_default() + cache_read + cache_write,
            output: output.unwrap_or_default(),
            cache_read,
            cache_write,
            reasoning: count(details.reasoning_tokens.or(details.thinking_tokens)).unwrap_or_default(),
            estimated: false,
        })
    }
}

/// The `usage` object as clients are told it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Written {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<WrittenDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct WrittenDetails {
    thinking_tokens: u64,
}

impl Written {
    /// The figures in Anthropic's arithmetic, and how the request was served, for which it has no word where it was
    /// cheaper and later but not in a batch.
    pub(super) fn new(usage: Usage, tier: Option<ServiceTier>) -> Self {
        let cached = usage.cache_read + usage.cache_write;
        let thinking_tokens = usage.reasoning.0;
        Self {
            input_tokens: usage.input.saturating_sub(cached).0,
            cache_creation_input_tokens: usage.cache_write.0,
            cache_read_input_tokens: usage.cache_read.0,
            output_tokens: usage.output.0,
            output_tokens_details: (usage.reasoning != Tokens::ZERO).then_some(WrittenDetails { thinking_tokens }),
            service_tier: match tier {
                Some(ServiceTier::Standard) => Some("standard"),
                Some(ServiceTier::Priority) => Some("priority"),
                Some(ServiceTier::Flex) => Some("batch"),
                Some(ServiceTier::Auto) | None => None,
            },
        }
    }
}

/// What `usage.service_tier` means.
pub(super) fn service_tier(word: &str) -> Option<ServiceTier> {
    match word {
        "standard" => Some(ServiceTier::Standard),
        "priority" => Some(ServiceTier::Priority),
        "batch" => Some(ServiceTier::Flex),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_are_counted_among_the_prompt() {
        let mut told: AnthropicUsage = serde_json::from_str(
            r#"{"input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":null,"output_tokens":1}"#,
        )
        .unwrap();
        told.update(serde_json::from_str(r#"{"output_tokens":40,"input_tokens":-3}"#).unwrap());
        let usage = told.usage().unwrap();
        assert_eq!((usage.input.0, usage.output.0, usage.cache_read.0), (15, 40, 5));
        assert_eq!(AnthropicUsage::default().usage(), None);
    }
}
