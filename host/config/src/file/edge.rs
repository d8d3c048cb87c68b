use schemars::JsonSchema;
use serde::Deserialize;

use super::{DurationText, Entry, Secret, SizeText};
use crate::read::{At, Many, Maybe};

/// Tier one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edge {
    /// The name under which tier two knows this edge. Default: edge.
    #[serde(default)]
    pub(crate) name: Maybe<At<String>>,
    /// Where it listens. Default: 127.0.0.1:3000.
    #[serde(default)]
    pub(crate) listen: Maybe<At<String>>,
    /// The certificate that it shows. Default: none, plain HTTP.
    #[serde(default)]
    pub(crate) tls: Maybe<Tls>,
    /// The parts of the chain, outermost first: `auth`, `router`, `limiter`, `translator`, and before or between them
    /// parts of others; or `gateway`, which is the four in one component, and faster. Default: those four.
    #[serde(default)]
    pub(crate) chain: Maybe<At<Many<At<Entry>>>>,
    /// The folder that holds the components, relative to this file. Default: target/components.
    #[serde(default)]
    pub(crate) components: Maybe<At<String>>,
    /// The key with which this edge signs its calls to tier two, by reference.
    #[serde(default)]
    pub(crate) key: Maybe<At<Secret>>,
    /// How components are run.
    #[serde(default)]
    pub(crate) instances: Maybe<Instances>,
    /// What a client may do to the listener.
    #[serde(default)]
    pub(crate) connections: Maybe<Connections>,
    /// The folder that keeps compiled components, relative to this file. Default: .weir/cache.
    #[serde(default)]
    pub(crate) cache: Maybe<At<String>>,
}

/// A certificate and its key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// The PEM file of the certificate and those between it and the root, relative to this file.
    pub(crate) cert: At<String>,
    /// The PEM file of its private key, relative to this file.
    pub(crate) key: At<String>,
}

/// How components are run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Instances {
    /// Threads that run them. Default: one for each processor.
    #[serde(default)]
    pub(crate) workers: Maybe<At<u32>>,
    /// Instances of the chain that may live at once. Default: 256.
    #[serde(default)]
    pub(crate) most: Maybe<At<u32>>,
    /// Requests that one instance serves before it is replaced. Default: 128.
    #[serde(default)]
    pub(crate) requests: Maybe<At<u32>>,
    /// Requests that one instance serves at once. Default: 16.
    #[serde(default)]
    pub(crate) concurrent: Maybe<At<u32>>,
    /// How long an instance without a request is kept. Default: 1s.
    #[serde(default)]
    pub(crate) idle: Maybe<At<DurationText>>,
    /// The memory that one instance of the chain may have, all its parts together. Default: 256MiB.
    #[serde(default)]
    pub(crate) memory: Maybe<At<SizeText>>,
    /// How long a part may compute without letting go of its thread. Default: 1s.
    #[serde(default)]
    pub(crate) compute: Maybe<At<DurationText>>,
}

/// What clients may do to a listener.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Connections {
    /// Connections at once. Default: 10000.
    #[serde(default)]
    pub(crate) most: Maybe<At<u32>>,
    /// How long a request's headers may take to arrive. Default: 10s.
    #[serde(default)]
    pub(crate) headers: Maybe<At<DurationText>>,
    /// How long a connection without a request is kept. Default: 60s.
    #[serde(default)]
    pub(crate) keep_alive: Maybe<At<DurationText>>,
    /// How long a request's body may pause. Default: 30s.
    #[serde(default)]
    pub(crate) body_idle: Maybe<At<DurationText>>,
    /// How long a client may take nothing of an answer. Default: 60s.
    #[serde(default)]
    pub(crate) write_idle: Maybe<At<DurationText>>,
    /// How long open streams may go on when the process is asked to stop. Default: 60s.
    #[serde(default)]
    pub(crate) grace: Maybe<At<DurationText>>,
}

/// The control plane.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Control {
    /// Where it is; the first that answers is used.
    pub(crate) urls: At<Many<At<String>>>,
    /// The name for which calls are signed: its `host.name`. Default: that of this file.
    #[serde(default)]
    pub(crate) audience: Maybe<At<String>>,
    /// How long a call may take. Default: 1s.
    #[serde(default)]
    pub(crate) timeout: Maybe<At<DurationText>>,
}
