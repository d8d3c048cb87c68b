use schemars::JsonSchema;
use serde::Deserialize;

use super::{DateText, Entry, Secret};
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
    /// The chain that its calls go through where one is composed for it alone, as `edge.chain` is written. Default:
    /// `edge.chain`.
    #[serde(default)]
    pub(crate) chain: Maybe<At<Many<At<Entry>>>>,
    /// Where its chain stands in a manifest for many tenants: a path or a host of its own.
    #[serde(default)]
    pub(crate) at: Maybe<At<Place>>,
}

/// Where a tenant's chain stands among others': exactly one of `path` and `host`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// What its paths begin with, such as `/research`.
    #[serde(default)]
    pub(crate) path: Maybe<At<String>>,
    /// The host that its callers ask for, such as `research.example.com`.
    #[serde(default)]
    pub(crate) host: Maybe<At<String>>,
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
