//! Where a request may go: what `router` decides and hands on.

use serde::{Deserialize, Serialize};

use crate::Tokens;

/// The ordered candidates for a request; travels as JSON in `x-weir-plan`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The model as the caller named it.
    pub model: String,
    /// Whether the caller wants a stream.
    #[serde(default)]
    pub stream: bool,
    /// What happens to fields that a candidate's dialect cannot have.
    #[serde(default)]
    pub on_unsupported: OnUnsupported,
    /// Where to try, in this order.
    pub candidates: Vec<Candidate>,
}

/// One place where a request may go; the chosen one travels as JSON in `x-weir-backend`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// The backend's name in the configuration.
    pub backend: String,
    /// The model as that backend calls it.
    pub model: String,
}

/// What happens to a field that the target's dialect cannot have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnUnsupported {
    /// The request is refused with a 400 that names the field.
    #[default]
    Reject,
    /// The field is dropped and named in `x-weir-dropped`.
    Drop,
}

/// What a request may cost in tokens; travels as JSON in `x-weir-estimate`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The prompt's tokens, estimated from its length.
    pub input: Tokens,
    /// The most tokens that the answer may have.
    pub output: Tokens,
}

impl Estimate {
    /// Prompt and answer together.
    #[must_use]
    pub fn total(&self) -> Tokens {
        self.input + self.output
    }
}
