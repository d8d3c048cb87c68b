use schemars::JsonSchema;
use serde::Deserialize;

use super::{Connections, DurationText, Secret, Tls};
use crate::read::{At, Many, Maybe};

/// Tier two.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Host {
    /// Its name: the audience of the calls that edges sign.
    pub(crate) name: At<String>,
    /// Where it takes calls to models. Default: 127.0.0.1:3100.
    #[serde(default)]
    pub(crate) listen: Maybe<At<String>>,
    /// Where the control plane listens. Default: 127.0.0.1:3200.
    #[serde(default)]
    pub(crate) control: Maybe<At<String>>,
    /// The certificate that both listeners show. Default: none, plain HTTP.
    #[serde(default)]
    pub(crate) tls: Maybe<Tls>,
    /// The edges that may call, and for which tenants. Nothing else gets in.
    #[serde(default)]
    pub(crate) edges: Many<RegisteredEdge>,
    /// The models that it serves, and where their servers are.
    #[serde(default)]
    pub(crate) models: Many<HostModel>,
    /// How often a stream that is silent gets a comment, so that a client that has gone is noticed. Default: 15s.
    #[serde(default)]
    pub(crate) heartbeat: Maybe<At<DurationText>>,
    /// How model servers are watched.
    #[serde(default)]
    pub(crate) health: Maybe<Health>,
    /// How calls wait for a model server that is busy.
    #[serde(default)]
    pub(crate) flow: Maybe<Flow>,
    /// What an edge may do to the listeners.
    #[serde(default)]
    pub(crate) connections: Maybe<Connections>,
    /// The key that opens the console, by reference. Default: nobody may use it.
    #[serde(default)]
    pub(crate) admin_key: Maybe<At<Secret>>,
}

/// An edge that may call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisteredEdge {
    /// Its name: `edge.name` in its own file.
    pub(crate) name: At<String>,
    /// Its public key, as `weir key edge` and `weir up` write it: `{ file: PATH }` or `{ hex: DIGITS }`.
    pub(crate) public_key: At<PublicKey>,
    /// Patterns for the tenants for which it may speak. Default: all.
    #[serde(default)]
    pub(crate) tenants: Maybe<At<Many<At<String>>>>,
}

/// A public key, itself or the file that holds it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublicKey {
    /// The file that holds it, relative to this file.
    #[serde(default)]
    pub(crate) file: Maybe<At<String>>,
    /// The key, as 64 hexadecimal digits.
    #[serde(default)]
    pub(crate) hex: Maybe<At<String>>,
}

/// A model that tier two serves.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostModel {
    /// Its name, as tier one asks for it.
    pub(crate) name: At<String>,
    /// Further names of it.
    #[serde(default)]
    pub(crate) aliases: Many<At<String>>,
    /// Its servers. With none, `weir up` starts the simulator for it.
    #[serde(default)]
    pub(crate) endpoints: Many<Endpoint>,
}

/// A model server.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoint {
    /// Where it is, with what its paths begin with, such as `http://10.0.0.7:8000/v1`. Default path: /v1.
    pub(crate) url: At<String>,
    /// The most calls that it gets at once. Default: 256.
    #[serde(default)]
    pub(crate) max_in_flight: Maybe<At<u32>>,
    /// The key that it wants, by reference.
    #[serde(default)]
    pub(crate) key: Maybe<At<Secret>>,
}

/// How model servers are watched.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Health {
    /// How often each is asked. Default: 2s.
    #[serde(default)]
    pub(crate) every: Maybe<At<DurationText>>,
    /// The path that answers 200 when it is well. Default: /health.
    #[serde(default)]
    pub(crate) path: Maybe<At<String>>,
    /// How long it may take to answer. Default: 1s.
    #[serde(default)]
    pub(crate) timeout: Maybe<At<DurationText>>,
}

/// How calls wait for a model server that is busy.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flow {
    /// The most calls that wait for one model. Default: 512.
    #[serde(default)]
    pub(crate) queue: Maybe<At<u32>>,
    /// How long a call waits at most. Default: 10s.
    #[serde(default)]
    pub(crate) wait: Maybe<At<DurationText>>,
}
