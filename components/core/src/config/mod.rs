//! The compiled configuration: what `weir` makes of `weir.yaml` for the components.
//!
//! It is compact JSON, complete (no defaults are left to fill in) and checked: names that are used are defined,
//! numbers are within their ranges. Secrets are in it by name only. Components parse it once an instance.

mod limit;
mod tenant;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

pub use limit::{Limit, LimitFilter, LimitUnit, Per, Window};
pub use tenant::{ApiKey, KeyHash, NotAKeyHash, Tenant};

use crate::plan::OnUnsupported;
use crate::secret::Scheme;
use crate::{Dialect, Limits, Millis, Origin, Pattern};

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

/// A place where calls may go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// What it speaks.
    pub kind: BackendKind,
    /// Where it is.
    pub origin: Origin,
    /// What its paths begin with, such as `/v1`; empty, or with a leading and no trailing `/`.
    pub base_path: String,
    /// The key that it wants, if it wants one.
    pub key: Option<KeyRef>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// What happens upstream when the client leaves.
    pub on_client_gone: OnClientGone,
}

/// What a backend speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type", deny_unknown_fields)]
pub enum BackendKind {
    /// OpenAI, or a server that is compatible with it.
    Openai,
    /// Anthropic.
    Anthropic,
    /// A tier two: speaks every client dialect, takes signed calls only.
    Weir {
        /// Its name, for which calls are signed.
        audience: String,
    },
}

impl BackendKind {
    /// The dialect in which the backend takes a request that the client made in `client`.
    #[must_use]
    pub fn dialect_for(&self, client: Dialect) -> Dialect {
        match self {
            Self::Openai if client == Dialect::OpenaiResponses => Dialect::OpenaiResponses,
            Self::Openai => Dialect::OpenaiChat,
            Self::Anthropic => Dialect::AnthropicMessages,
            Self::Weir { .. } => client,
        }
    }
}

/// A key by reference: the secret's name, and how it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRef {
    /// The secret's name, as `weir:gateway/settings` knows it.
    pub secret: String,
    /// In which header it goes.
    pub scheme: Scheme,
}

/// How long a backend may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// To be connected to.
    pub connect: Millis,
    /// From the sending of the request to the first decoded event, or to the whole answer where it is no stream.
    pub first_event: Millis,
    /// From one event to the next.
    pub idle: Millis,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Millis(3_000), first_event: Millis(120_000), idle: Millis(60_000) }
    }
}

/// What happens upstream when the client leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnClientGone {
    /// The call is broken off.
    #[default]
    Cancel,
    /// The answer is read to its end, since the provider bills it anyway and only then says how much it was.
    Drain,
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
