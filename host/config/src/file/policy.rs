//! What is done to calls to a backend, beside what its dialect asks for.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::read::{At, Many, Named};

/// What is done to the headers of calls to a backend.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeaderEdits {
    /// The client's headers that go on, by name, in which `*` stands for any run of characters. Keys, and headers that
    /// frame a message or are Weir's own, never do.
    #[serde(default)]
    pub(crate) forward: Many<At<String>>,
    /// Headers that calls get, whether the client sent them or not: plain text, no secrets.
    #[serde(default)]
    pub(crate) set: Named<At<String>>,
    /// Headers that calls do not get.
    #[serde(default)]
    pub(crate) remove: Many<At<String>>,
}

/// What is done to the bodies of calls to a backend, at their top level.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BodyEdits {
    /// Fields that calls get, whether the client sent them or not: any YAML.
    #[serde(default)]
    pub(crate) set: Named<At<Value>>,
    /// Fields that calls do not get.
    #[serde(default)]
    pub(crate) remove: Many<At<String>>,
}
