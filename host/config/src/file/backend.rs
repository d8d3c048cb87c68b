use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, Secret};
use crate::read::{At, Maybe};

/// A place that calls may go to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Backend {
    /// What it speaks.
    pub(crate) r#type: At<BackendType>,
    /// Where it is: scheme, host and port, and what its paths begin with, such as `https://api.openai.com/v1`. Without a
    /// path, that of type `openai` is `/v1`.
    pub(crate) url: At<String>,
    /// Which addresses its name may lead to. Default: private where the URL names this machine or a private address,
    /// public otherwise.
    #[serde(default)]
    pub(crate) network: Maybe<At<Network>>,
    /// The name for which calls to a tier two are signed: its `host.name`. Default: that of this file.
    #[serde(default)]
    pub(crate) audience: Maybe<At<String>>,
    /// The key that it wants, by reference.
    #[serde(default)]
    pub(crate) key: Maybe<At<Secret>>,
    /// The header that the key goes in. Default: `authorization`, as a bearer token; for type anthropic `x-api-key`.
    #[serde(default)]
    pub(crate) key_header: Maybe<At<String>>,
    /// How long it may take.
    #[serde(default)]
    pub(crate) timeouts: Maybe<Timeouts>,
    /// What happens to the call when the client leaves. Default: cancel.
    #[serde(default)]
    pub(crate) on_client_gone: Maybe<ClientGone>,
}

/// What a backend speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(crate) enum BackendType {
    /// OpenAI, or a server that is compatible with it.
    Openai,
    /// Anthropic.
    Anthropic,
    /// A tier two.
    Weir,
}

/// Which addresses a name may lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(crate) enum Network {
    /// Addresses of the internet only.
    Public,
    /// Addresses of this machine and of private networks only.
    Private,
    /// Any address.
    Any,
}

/// How long a backend may take.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Timeouts {
    /// To be connected to. Default: 3s.
    #[serde(default)]
    pub(crate) connect: Maybe<At<DurationText>>,
    /// From the request to the first event, or to the whole answer where it is no stream. Default: 120s.
    #[serde(default)]
    pub(crate) first_event: Maybe<At<DurationText>>,
    /// From one event to the next. Default: 60s.
    #[serde(default)]
    pub(crate) idle: Maybe<At<DurationText>>,
    /// After how long a silence the client of a stream is told that it is alive: by a comment, or Anthropic's `ping`.
    /// Default: 15s.
    #[serde(default)]
    pub(crate) heartbeat: Maybe<At<DurationText>>,
}

/// What happens to a call when its client leaves.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(crate) enum ClientGone {
    /// It is broken off.
    Cancel,
    /// Its answer is read to the end, for a provider that bills it anyway.
    Drain,
}
