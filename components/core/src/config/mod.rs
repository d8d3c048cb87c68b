//! The compiled configuration: what `weir` makes of `weir.yaml` for the components.
//!
//! It is compact JSON, complete (no defaults are left to fill in) and checked: names that are used are defined,
//! numbers are within their ranges. Secrets are in it by name only. Components parse it once an instance.

mod backend;
mod limit;
mod policy;
mod quirks;
mod tenant;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

pub use backend::{Backend, BackendKind, KeyRef, OnClientGone, Timeouts};
pub use limit::{Limit, LimitFilter, LimitUnit, Per, Window};
pub use policy::{BodyPolicy, HeaderPolicy};
pub use quirks::{CallId, MaxTokens, Quirks, ReasoningField, SeedField};
pub use tenant::{ApiKey, KeyHash, NotAKeyHash, Tenant};

use crate::plan::OnUnsupported;
use crate::{Limits, Millis, Origin, Pattern};

/// Everything that the components need to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The version of this format: [`Config::VERSION`].
    pub version: u32,
    /// Which configuration this is: the first 12 hexadecimal digits of the SHA-256 of its source.
    pub policy: String,
    /// The parts of the chain, outermost first. A part that is not in it is not waited for.
    pub chain: Vec<String>,
    /// What the paths of callers begin with before `/v1`, where the platform leaves it there; empty, or with a leading
    /// and no trailing `/`. `auth` cuts it off.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub base_path: String,
    /// Who may call.
    pub tenants: Vec<Tenant>,
    /// Where calls may go, by name.
    pub backends: IndexMap<String, Backend>,
    /// Which model is where. The first route that matches decides.
    pub routes: Vec<Route>,
    /// How much may be used.
    pub limits: Vec<Limit>,
    /// Where reservations are made; without it each instance keeps its own count.
    pub control: Option<Control>,
    /// How often another backend is tried.
    pub retry: Retry,
    /// Sizes.
    pub sizes: Limits,
    /// Who reads what the outermost part hands out.
    #[serde(default, skip_serializing_if = "Runtime::is_portable")]
    pub runtime: Runtime,
}

/// Who reads what the outermost part hands out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Runtime {
    /// A runtime that passes everything on to the client: what is internal is stripped before.
    #[default]
    Portable,
    /// `weir edge`, which takes the caller, the candidate and the outcome of an answer for its access log, and strips
    /// them itself.
    Edge,
}

impl Runtime {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
    fn is_portable(&self) -> bool {
        *self == Self::Portable
    }
}

/// A configuration that a component cannot use.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not a compiled configuration at all.
    #[error("not a compiled configuration, make one with `weir check --compile`: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It was compiled by another version of Weir.
    #[error("the configuration has format {found}, this component reads format {expected}: compile it anew")]
    Version {
        /// What it has.
        found: u32,
        /// What this component reads.
        expected: u32,
    },
}

impl Config {
    /// The version of the format that this crate reads and writes.
    pub const VERSION: u32 = 1;

    /// Reads a compiled configuration.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        let config: Self = serde_json::from_str(text)?;
        if config.version != Self::VERSION {
            return Err(ConfigError::Version { found: config.version, expected: Self::VERSION });
        }
        Ok(config)
    }
}

/// Which calls go where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The names of models that this route is for. The literal ones are listed by `GET /v1/models`.
    pub models: Vec<Pattern>,
    /// The tenants that it is for; all of them when empty.
    pub tenants: Vec<String>,
    /// The path that a request must have, as a pattern; any when `None`.
    pub path: Option<Pattern>,
    /// Headers that a request must have, names in lower case.
    pub headers: BTreeMap<String, Pattern>,
    /// Where it goes.
    pub targets: Vec<Target>,
    /// What happens to fields that a target's dialect cannot have.
    pub on_unsupported: OnUnsupported,
    /// The most tokens an answer of this model can have, for requests that do not say.
    pub max_output_tokens: u64,
}

/// One place where a route goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The backend's name.
    pub backend: String,
    /// The model as the backend calls it; the caller's name for it when `None`.
    pub model: Option<String>,
    /// Its share among the targets of the same priority. 0: only when the others failed.
    pub weight: u32,
    /// Lower goes first.
    pub priority: u32,
}

/// The control plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Where it is; the first that answers is used.
    pub origins: Vec<Origin>,
    /// The name for which calls are signed.
    pub audience: String,
    /// The name under which this edge is registered there.
    pub edge: String,
    /// The name of the secret that holds this edge's signing key.
    pub secret: String,
    /// How long a call may take.
    pub timeout: Millis,
}

/// How often another backend is tried, before the first event only.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// The most attempts that one request gets, the first included.
    pub attempts: u32,
    /// Further attempts that are allowed for each hundred requests, over all requests of an instance.
    pub percent: u32,
    /// Further attempts that are allowed each second beside those.
    pub per_second: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 3, percent: 20, per_second: 10 }
    }
}
