//! What a request used, and how it ended.

use serde::{Deserialize, Serialize};

use crate::{Candidate, Millis, Tokens};

/// Tokens of each kind. `input` holds the cached ones and `output` the reasoning ones, as OpenAI counts; a dialect
/// that counts otherwise converts at its edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Usage {
    /// All tokens of the prompt, read from a cache or not.
    pub input: Tokens,
    /// All tokens of the answer, reasoning included.
    pub output: Tokens,
    /// Those of `input` that were read from a prompt cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_read: Tokens,
    /// Those of `input` that were written to a prompt cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write: Tokens,
    /// Those of `output` that were spent on reasoning.
    #[serde(skip_serializing_if = "is_zero")]
    pub reasoning: Tokens,
    /// Whether the figures are Weir's estimate, since the backend did not say, or not all.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
}

impl Usage {
    /// Prompt and answer together.
    #[must_use]
    pub fn total(&self) -> Tokens {
        self.input + self.output
    }

    /// The greater of what was reported and what was delivered: the bill for a request that was cut short
    /// (DESIGN.md, section 8). Marked estimated when the delivered figure decides.
    #[must_use]
    pub fn at_least(self, delivered: Self) -> Self {
        if self.input >= delivered.input && self.output >= delivered.output {
            return self;
        }
        Self {
            input: self.input.max(delivered.input),
            output: self.output.max(delivered.output),
            estimated: true,
            ..self
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The whole answer was delivered.
    Complete,
    /// The backend broke off after the first event: the client was told so and the transfer is to be aborted.
    Truncated,
    /// The client left.
    ClientGone,
    /// The backend, or Weir on its behalf, refused the request as wrong; another would refuse it too.
    Refused,
    /// The attempt failed before its first event.
    Failed,
}

/// What became of an attempt; travels as JSON in the trailer `x-weir-usage`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Which candidate was called.
    pub candidate: Candidate,
    /// The tokens, of each kind.
    pub usage: Usage,
    /// How it ended.
    pub ending: Ending,
    /// From the sending of the request to the first event, where one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_event: Option<Millis>,
    /// From the sending of the request to its end.
    pub took: Millis,
    /// The backend's status, where it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// Whether another candidate should be tried; travels as JSON in `x-weir-failed`, on an attempt's answer that no
/// event preceded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Whether another candidate may do better (connect failure, timeout, 5xx, 408, 425, 429, 401, 403).
    pub retry: bool,
    /// For how long the backend asked to be left alone (`Retry-After`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Millis>,
}

fn is_zero(tokens: &Tokens) -> bool {
    *tokens == Tokens::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greater_of_reported_and_delivered_is_billed() {
        let reported = Usage { input: Tokens(10), output: Tokens(1), ..Usage::default() };
        let delivered = Usage { input: Tokens(9), output: Tokens(40), estimated: true, ..Usage::default() };
        let billed = reported.at_least(delivered);
        assert_eq!((billed.input, billed.output, billed.estimated), (Tokens(10), Tokens(40), true));
        assert!(!billed.at_least(reported).estimated || billed.estimated);
    }
}
