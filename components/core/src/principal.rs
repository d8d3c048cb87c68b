//! Who is calling.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Pattern;

/// The caller, as `auth` found it; travels as JSON in `x-weir-principal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// The tenant's name.
    pub tenant: String,
    /// The name of the key (never the key).
    pub key: String,
    /// The user, where the key or token names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Selected claims of the caller's token.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, String>,
    /// The models that the tenant may use, and those that the key may use: a model must match one of each list.
    pub models: [Vec<Pattern>; 2],
    /// The version of the configuration that said so.
    pub policy: String,
}

impl Principal {
    /// Whether the caller may use the model of this name.
    #[must_use]
    pub fn allows(&self, model: &str) -> bool {
        self.models.iter().all(|patterns| patterns.iter().any(|p| p.matches(model)))
    }
}
