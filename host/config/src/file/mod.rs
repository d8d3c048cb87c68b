//! What the user types: the keys of `weir.yaml`, as they stand there.
//!
//! The doc comments here are read by users: the JSON schema is made from them, and editors show them. Nothing is
//! checked beyond shapes; what it all means is found out by [`compile`](crate::compile).

mod backend;
mod edge;
mod health;
mod host;
mod kubernetes;
mod limit;
mod model;
mod part;
mod policy;
mod quirks;
mod secret;
mod tenant;
mod text;

use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use backend::{Backend, BackendType, ClientGone, Network, Prefer, Timeouts};
pub(crate) use edge::{Connections, Control, Edge, Instances, Tls};
pub(crate) use health::Watching;
pub(crate) use host::{Endpoint, Flow, Hedge, Host, HostModel, PublicKey};
pub(crate) use kubernetes::{Kubernetes, WorkloadTls};
pub(crate) use limit::{Every, Limit};
pub(crate) use model::{Model, OnUnsupported, Target};
pub(crate) use part::{Entry, Part};
pub(crate) use policy::{BodyEdits, HeaderEdits};
pub(crate) use quirks::{CallId, MaxTokens, ProfileName, Quirks, Reasoning, Seed};
pub(crate) use secret::{Secret, is_well_known};
pub(crate) use tenant::{Place, Tenant, TenantKey};
pub(crate) use text::{AfterText, DateText, DurationText, PercentText, SizeText};

use crate::read::{At, Many, Maybe, Named};

/// The configuration of Weir: who may call, which models there are, where they are served, and how this process runs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "weir.yaml")]
pub(crate) struct File {
    /// Who may call.
    #[serde(default)]
    pub(crate) tenants: Many<Tenant>,
    /// Which models there are, and where calls for them go. The first entry that matches a call decides.
    #[serde(default)]
    pub(crate) models: Many<Model>,
    /// The places that calls may go to, by name.
    #[serde(default)]
    pub(crate) backends: Named<Backend>,
    /// How much may be used.
    #[serde(default)]
    pub(crate) limits: Many<Limit>,
    /// How often another target is tried when one fails before its first event.
    #[serde(default)]
    pub(crate) retry: Maybe<Retry>,
    /// The sizes that bound requests and answers.
    #[serde(default)]
    pub(crate) sizes: Maybe<Sizes>,
    /// Tier one, as `weir edge` and `weir up` run it.
    #[serde(default)]
    pub(crate) edge: Maybe<At<Edge>>,
    /// The control plane that tier one reserves and settles with. Without it each instance keeps its own count.
    #[serde(default)]
    pub(crate) control: Maybe<At<Control>>,
    /// Tier two, as `weir host` and `weir up` run it.
    #[serde(default)]
    pub(crate) host: Maybe<At<Host>>,
    /// What is logged, and where.
    #[serde(default)]
    pub(crate) log: Maybe<Log>,
}

/// How often another target is tried when one fails before its first event.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Retry {
    /// The most attempts that one request gets, the first included: 1 to 10. Default: 3.
    #[serde(default)]
    pub(crate) attempts: Maybe<At<u32>>,
    /// Further attempts that are allowed for each hundred requests: 0 to 100. Default: 20.
    #[serde(default)]
    pub(crate) percent: Maybe<At<u32>>,
    /// Further attempts that are allowed each second beside those. Default: 10.
    #[serde(default)]
    pub(crate) per_second: Maybe<At<u32>>,
}

/// The sizes that bound requests and answers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sizes {
    /// A request's body. Default: 20MiB.
    #[serde(default)]
    pub(crate) body: Maybe<At<SizeText>>,
    /// How deep a JSON body may nest: 1 to 512. Default: 64.
    #[serde(default)]
    pub(crate) json_depth: Maybe<At<u32>>,
    /// A model's name. Default: 256B.
    #[serde(default)]
    pub(crate) model_name: Maybe<At<SizeText>>,
    /// One line of an event stream. Default: 10MiB.
    #[serde(default)]
    pub(crate) stream_line: Maybe<At<SizeText>>,
    /// One event of an event stream. Default: 16MiB.
    #[serde(default)]
    pub(crate) stream_event: Maybe<At<SizeText>>,
    /// A backend's answer that is not a stream. Default: 32MiB.
    #[serde(default)]
    pub(crate) answer: Maybe<At<SizeText>>,
    /// The part of a backend's error body that is read. Default: 64KiB.
    #[serde(default)]
    pub(crate) error: Maybe<At<SizeText>>,
    /// All request bodies that one instance holds at once. Default: 32MiB.
    #[serde(default)]
    pub(crate) instance: Maybe<At<SizeText>>,
}

/// What is logged, and where.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    /// Where the access log goes, one JSON line a request, without prompts: `stdout`, `none`, or the path of a file,
    /// relative to this file. Default: stdout.
    #[serde(default)]
    pub(crate) access: Maybe<At<String>>,
}
