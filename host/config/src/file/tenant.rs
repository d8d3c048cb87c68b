use schemars::JsonSchema;
use serde::Deserialize;

use super::{DateText, Secret};
use crate::read::{At, Many, Maybe};

/// A tenant: keys, and the models that all of them may use at most.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tenant {
    /// Its name: lower-case letters, digits, `.`, `_` and `-`.
    pub(crate) name: At<String>,
    /// Patterns for the models that its keys may use at most; `*` stands for any run of characters. Default: all.
    #[serde(default)]
    pub(crate) models: Maybe<At<Many<At<String>>>>,
    /// Its keys.
    #[serde(default)]
    pub(crate) keys: Many<TenantKey>,
}

/// An API key of a tenant.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantKey {
    /// Its name, for logs and limits; unique within the tenant.
    pub(crate) name: At<String>,
    /// The key itself, by reference: `{ env: NAME }` or `{ file: PATH }`. Write this or `sha256`.
    #[serde(default)]
    pub(crate) key: Maybe<At<Secret>>,
    /// The SHA-256 of the key, 64 hexadecimal digits, as `weir key hash` prints them.
    #[serde(default)]
    pub(crate) sha256: Maybe<At<String>>,
    /// The user that it belongs to.
    #[serde(default)]
    pub(crate) user: Maybe<At<String>>,
    /// Patterns for the models that it may use, of those that its tenant may use. Default: all of those.
    #[serde(default)]
    pub(crate) models: Maybe<At<Many<At<String>>>>,
    /// When it ends. Default: never.
    #[serde(default)]
    pub(crate) expires: Maybe<At<DateText>>,
}
