use schemars::JsonSchema;
use serde::Deserialize;

use super::{BodyEdits, DurationText, HeaderEdits, ProfileName, Quirks, Secret};
use crate::read::{At, Many, Maybe};

/// A place that calls may go to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Backend {
    /// What it speaks.
    pub(crate) r#type: At<BackendType>,
    /// Where it is: scheme, host and port, and what its paths begin with, such as `https://api.openai.com/v1`. Without a
    /// path, that of type `openai` is the one that its profile has, mostly `/v1`.
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
    /// The header that the key goes in. Default: `authorization`, as a bearer token; for type anthropic `x-api-key`, for
    /// type azure `api-key`.
    #[serde(default)]
    pub(crate) key_header: Maybe<At<String>>,
    /// How long it may take.
    #[serde(default)]
    pub(crate) timeouts: Maybe<Timeouts>,
    /// What happens to the call when the client leaves. Default: cancel.
    #[serde(default)]
    pub(crate) on_client_gone: Maybe<ClientGone>,
    /// For type azure: the version of its older API, such as `2024-10-21`, in which the deployment stands in the path. The
    /// model of a target is then the name of a deployment. Default: none, and the API is the newer one, `/openai/v1`.
    #[serde(default)]
    pub(crate) api_version: Maybe<At<String>>,
    /// For types openai and azure: which server it is, and so how it differs from OpenAI. Default: by the URL's host;
    /// `compatible` where that is not known.
    #[serde(default)]
    pub(crate) profile: Maybe<At<ProfileName>>,
    /// For types openai and azure: how it differs from what its profile says.
    #[serde(default)]
    pub(crate) quirks: Maybe<At<Quirks>>,
    /// For types openai and azure: what it is spoken to in for clients that speak neither. Default: responses for the
    /// profiles openai and azure, chat for the others.
    #[serde(default)]
    pub(crate) prefer: Maybe<At<Prefer>>,
    /// For types anthropic and weir: which features of clients' `anthropic-beta` may be asked for, by name, in which `*`
    /// stands for any run of characters. Default: all. The others are left out, and named in `x-weir-dropped`.
    #[serde(default)]
    pub(crate) betas: Maybe<At<Many<At<String>>>>,
    /// What is done to the headers of calls to it.
    #[serde(default)]
    pub(crate) headers: Maybe<HeaderEdits>,
    /// What is done to the bodies of calls to it.
    #[serde(default)]
    pub(crate) body: Maybe<BodyEdits>,
}

/// One of the dialects of a server that speaks OpenAI's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(crate) enum Prefer {
    /// Chat completions.
    Chat,
    /// Responses.
    Responses,
}

/// What a backend speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(crate) enum BackendType {
    /// OpenAI, or a server that is compatible with it.
    Openai,
    /// Azure OpenAI.
    Azure,
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
