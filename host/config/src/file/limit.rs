use schemars::JsonSchema;
use serde::Deserialize;

use crate::read::{At, Many, Maybe};

/// A limit: so much of something in a window. Write exactly one of `requests`, `input_tokens`, `output_tokens` and
/// `total_tokens`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limit {
    /// Its name, unique in the file.
    pub(crate) name: At<String>,
    /// For each of what it is counted: `tenant`, `key`, `user`, `model`, `backend`, or `claim:NAME` for the values of a
    /// claim.
    #[schemars(extend("pattern" = "^(tenant|key|user|model|backend|claim:.+)$"))]
    pub(crate) per: At<String>,
    /// So many requests.
    #[serde(default)]
    pub(crate) requests: Maybe<At<u64>>,
    /// So many tokens of prompts.
    #[serde(default)]
    pub(crate) input_tokens: Maybe<At<u64>>,
    /// So many tokens of answers.
    #[serde(default)]
    pub(crate) output_tokens: Maybe<At<u64>>,
    /// So many tokens of both.
    #[serde(default)]
    pub(crate) total_tokens: Maybe<At<u64>>,
    /// The window. It slides: what was used leaves it a window later.
    pub(crate) every: Every,
    /// The tenants that it is for, as patterns. Default: all.
    #[serde(default)]
    pub(crate) tenants: Many<At<String>>,
    /// The keys that it is for, by name, as patterns. Default: all.
    #[serde(default)]
    pub(crate) keys: Many<At<String>>,
    /// The models that it is for, as callers name them, as patterns. Default: all.
    #[serde(default)]
    pub(crate) models: Many<At<String>>,
    /// The backends that it is for, as patterns; only where it is counted per backend. Default: all.
    #[serde(default)]
    pub(crate) backends: Many<At<String>>,
}

/// A window of time.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(crate) enum Every {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// 24 hours.
    Day,
    /// 30 days.
    Month,
}
