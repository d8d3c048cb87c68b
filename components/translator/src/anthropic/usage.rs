//! How Anthropic counts tokens: what came from a cache or went into one is not among `input_tokens`, and what was spent
//! on compacting the conversation or on an adviser stands in `iterations` alone.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use weir_core::{Tokens, Usage};

use crate::canonical::ServiceTier;
use crate::openai_chat::count;

/// The `usage` object, as far as it has been told: a stream states it in pieces, and a later figure counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Told")]
pub struct AnthropicUsage {
    told: Figures,
    reasoning: Option<i64>,
    /// What was spent beside the answer, and is billed with it.
    beside: Option<Figures>,
    tier: Option<ServiceTier>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Figures {
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    cache_read_input_tokens: Option<i64>,
    cache_creation_input_tokens: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    #[serde(flatten)]
    figures: Figures,
    output_tokens_details: Option<Details>,
    iterations: Option<Vec<Iteration>>,
    service_tier: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Details {
    reasoning_tokens: Option<i64>,
    thinking_tokens: Option<i64>,
}

/// One of the rounds that an answer took.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Iteration {
    r#type: String,
    #[serde(flatten)]
    figures: Figures,
}

impl Iteration {
    /// Whether its tokens are not among those of the answer: what it took to compact the conversation, and to ask an
    /// adviser.
    fn is_beside(&self) -> bool {
        matches!(self.r#type.as_str(), "compaction" | "advisor_message")
    }
}

impl From<Told> for AnthropicUsage {
    fn from(told: Told) -> Self {
        let details = told.output_tokens_details.unwrap_or_default();
        let beside = told.iterations.map(|rounds| {
            rounds
                .iter()
                .filter(|round| round.is_beside())
                .fold(Figures::default(), |sum, round| sum.plus(round.figures))
        });
        Self {
            told: told.figures,
            reasoning: details.reasoning_tokens.or(details.thinking_tokens),
            beside,
            tier: told.service_tier.as_deref().and_then(service_tier),
        }
    }
}

impl Figures {
    fn plus(self, more: Self) -> Self {
        let plus = |one: Option<i64>, more: Option<i64>| match (one, more.filter(|tokens| *tokens >= 0)) {
            (Some(one), Some(more)) => Some(one.saturating_add(more)),
            (one, more) => one.or(more),
        };
        Self {
            input_tokens: plus(self.input_tokens, more.input_tokens),
            output_tokens: plus(self.output_tokens, more.output_tokens),
            cache_read_input_tokens: plus(self.cache_read_input_tokens, more.cache_read_input_tokens),
            cache_creation_input_tokens: plus(self.cache_creation_input_tokens, more.cache_creation_input_tokens),
        }
    }
}

impl AnthropicUsage {
    /// Reads a `usage` member; nothing where it makes no sense.
    #[must_use]
    pub fn read(raw: &RawValue) -> Self {
        serde_json::from_str(raw.get()).unwrap_or_default()
    }

    /// How the request was served, where that is said.
    #[must_use]
    pub fn service_tier(&self) -> Option<ServiceTier> {
        self.tier
    }

    /// Takes over what `later` states.
    pub fn update(&mut self, later: Self) {
        fn over(old: &mut Option<i64>, new: Option<i64>) {
            *old = new.filter(|tokens| *tokens >= 0).or(*old);
        }
        let (told, later_told) = (&mut self.told, later.told);
        over(&mut told.input_tokens, later_told.input_tokens);
        over(&mut told.output_tokens, later_told.output_tokens);
        over(&mut told.cache_read_input_tokens, later_told.cache_read_input_tokens);
        over(&mut told.cache_creation_input_tokens, later_told.cache_creation_input_tokens);
        over(&mut self.reasoning, later.reasoning);
        self.beside = later.beside.or(self.beside);
        self.tier = later.tier.or(self.tier);
    }

    /// The canonical figures; `None` where nothing was stated.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        if count(self.told.input_tokens).is_none() && count(self.told.output_tokens).is_none() {
            return None;
        }
        let all = self.beside.map_or(self.told, |beside| self.told.plus(beside));
        let cache_read = count(all.cache_read_input_tokens).unwrap_or_default();
        let cache_write = count(all.cache_creation_input_tokens).unwrap_or_default();
        Some(Usage {
            input: count(all.input_tokens).unwrap_or_default() + cache_read + cache_write,
            output: count(all.output_tokens).unwrap_or_default(),
            cache_read,
            cache_write,
            reasoning: count(self.reasoning).unwrap_or_default(),
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
        // Some servers count what they wrote to a cache and read from it again twice.
        let cache_read = usage.cache_read.min(usage.input);
        let cache_write = usage.cache_write.min(usage.input.saturating_sub(cache_read));
        let thinking_tokens = usage.reasoning.0;
        Self {
            input_tokens: usage.input.saturating_sub(cache_read + cache_write).0,
            cache_creation_input_tokens: cache_write.0,
            cache_read_input_tokens: cache_read.0,
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
fn service_tier(word: &str) -> Option<ServiceTier> {
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

    #[test]
    fn what_was_spent_beside_the_answer_is_billed_with_it() {
        let told: AnthropicUsage = serde_json::from_str(
            r#"{"input_tokens":612,"output_tokens":2819,"service_tier":"standard","iterations":[
                {"type":"compaction","input_tokens":60385,"output_tokens":522,"cache_read_input_tokens":4},
                {"type":"message","input_tokens":612,"output_tokens":2819},
                {"type":"advisor_message","input_tokens":-1,"output_tokens":3}]}"#,
        )
        .unwrap();
        let usage = told.usage().unwrap();
        assert_eq!((usage.input.0, usage.output.0, usage.cache_read.0), (612 + 60385 + 4, 2819 + 522 + 3, 4));
        assert_eq!(told.service_tier(), Some(ServiceTier::Standard));
    }

    #[test]
    fn figures_go_back_into_anthropics_arithmetic() {
        let raw = r#"{"input_tokens":10,"cache_creation_input_tokens":2,"cache_read_input_tokens":5,"output_tokens":9,"output_tokens_details":{"thinking_tokens":4},"service_tier":"priority"}"#;
        let told: AnthropicUsage = serde_json::from_str(raw).unwrap();
        let written = Written::new(told.usage().unwrap(), told.service_tier());
        assert_eq!(serde_json::to_string(&written).unwrap(), raw);
    }
}
