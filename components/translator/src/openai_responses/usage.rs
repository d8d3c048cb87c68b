//! How responses count tokens.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use weir_core::Usage;

use crate::openai_chat::count;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Counted {
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    input_tokens_details: Option<Details>,
    output_tokens_details: Option<Details>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Option<i64>,
    cache_write_tokens: Option<i64>,
    reasoning_tokens: Option<i64>,
}

/// Reads a `usage` member; `None` where it says nothing that can be counted.
pub(super) fn read(raw: &RawValue) -> Option<Usage> {
    let counted: Counted = serde_json::from_str(raw.get()).ok()?;
    let (input, output) = (count(counted.input_tokens), count(counted.output_tokens));
    if input.is_none() && output.is_none() {
        return None;
    }
    let of_input = counted.input_tokens_details.unwrap_or_default();
    let of_output = counted.output_tokens_details.unwrap_or_default();
    Some(Usage {
        input: input.unwrap_or_default(),
        output: output.unwrap_or_default(),
        cache_read: count(of_input.cached_tokens).unwrap_or_default(),
        cache_write: count(of_input.cache_write_tokens).unwrap_or_default(),
        reasoning: count(of_output.reasoning_tokens).unwrap_or_default(),
        estimated: false,
    })
}

/// The `usage` object as OpenAI writes it.
#[derive(Serialize)]
pub(super) struct Written {
    input_tokens: u64,
    input_tokens_details: WrittenInput,
    output_tokens: u64,
    output_tokens_details: WrittenOutput,
    total_tokens: u64,
}

#[derive(Serialize)]
struct WrittenInput {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

#[derive(Serialize)]
struct WrittenOutput {
    reasoning_tokens: u64,
}

impl From<Usage> for Written {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input.0,
            input_tokens_details: WrittenInput {
                cached_tokens: usage.cache_read.0,
                cache_write_tokens: usage.cache_write.0,
            },
            output_tokens: usage.output.0,
            output_tokens_details: WrittenOutput { reasoning_tokens: usage.reasoning.0 },
            total_tokens: usage.total().0,
        }
    }
}
