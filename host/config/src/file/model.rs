use schemars::JsonSchema;
use serde::Deserialize;

use crate::read::{At, Many, Maybe, Named};

/// A model, or several that go the same way, and where calls for them go.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    /// The model's name as callers say it; `*` stands for any run of characters. Write this or `names`.
    #[serde(default)]
    pub(crate) name: Maybe<At<String>>,
    /// The names of several models that go the same way.
    #[serde(default)]
    pub(crate) names: Maybe<At<Many<At<String>>>>,
    /// The tenants that this entry is for. Default: all.
    #[serde(default)]
    pub(crate) tenants: Many<At<String>>,
    /// The path that a call must have for this entry, as a pattern, such as `/v1/chat/*`. Default: any.
    #[serde(default)]
    pub(crate) path: Maybe<At<String>>,
    /// Headers that a call must have for this entry: patterns, by name.
    #[serde(default)]
    pub(crate) headers: Named<At<String>>,
    /// Where calls go.
    pub(crate) targets: At<Many<Target>>,
    /// What happens to a field that a target's dialect cannot have. Default: reject.
    #[serde(default)]
    pub(crate) on_unsupported: Maybe<OnUnsupported>,
    /// The most tokens that an answer of this model can have: what a call that does not say is reckoned at. Default: 4096.
    #[serde(default)]
    pub(crate) max_output_tokens: Maybe<At<u64>>,
}

/// A place where calls for a model go.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Target {
    /// The name of the backend.
    pub(crate) backend: At<String>,
    /// The model as the backend calls it. Default: as the caller does.
    #[serde(default)]
    pub(crate) model: Maybe<At<String>>,
    /// Its share among the targets of the same priority; 0: only when the others failed. Default: 1.
    #[serde(default)]
    pub(crate) weight: Maybe<At<u32>>,
    /// Lower goes first. Default: 0.
    #[serde(default)]
    pub(crate) priority: Maybe<At<u32>>,
}

/// What happens to a field that a target's dialect cannot have.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(crate) enum OnUnsupported {
    /// The call is refused, and the answer names the field.
    Reject,
    /// The field is dropped and named in `x-weir-dropped`.
    Drop,
}
