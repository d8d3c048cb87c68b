use schemars::JsonSchema;
use serde::Deserialize;

use super::{AfterText, Connections, DurationText, Kubernetes, PercentText, Secret, Tls, Watching};
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
    /// Further models: those that KServe serves in a cluster, as its API server says. `{}` takes the cluster that this
    /// process runs in, all namespaces. Default: none are looked for.
    #[serde(default)]
    pub(crate) kubernetes: Maybe<At<Kubernetes>>,
    /// How often a stream that is silent gets a comment, so that a client that has gone is noticed. Default: 15s.
    #[serde(default)]
    pub(crate) heartbeat: Maybe<At<DurationText>>,
    /// How the model servers of this file are watched, or `off`: then it is found out by calls alone. Those that
    /// `kubernetes` finds are watched by the cluster.
    #[serde(default)]
    pub(crate) health: Maybe<At<Watching>>,
    /// How calls wait for a model server that is busy.
    #[serde(default)]
    pub(crate) flow: Maybe<Flow>,
    /// Short calls that take long are asked of a second server, too, and the first answer counts. Default: none are.
    #[serde(default)]
    pub(crate) hedge: Maybe<At<Hedge>>,
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
    /// The PEM file of the authorities that its certificate must be from, relative to this file. Default: those that this
    /// machine trusts.
    #[serde(default)]
    pub(crate) ca: Maybe<At<String>>,
    /// The name that its certificate must have, where it is not the URL's host. Needs `ca`.
    #[serde(default)]
    pub(crate) server_name: Maybe<At<String>>,
    /// The host that it is asked for, where it is not the URL's: a route behind a gateway that many share.
    #[serde(default)]
    pub(crate) host: Maybe<At<String>>,
    /// Whether it speaks HTTP/2 in the clear. Over TLS, client and server find out by themselves. Default: false.
    #[serde(default)]
    pub(crate) http2: Maybe<At<bool>>,
    /// Where it speaks gRPC, such as `http://10.0.0.7:9000`. Default: where it speaks everything else.
    #[serde(default)]
    pub(crate) grpc: Maybe<At<String>>,
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

/// Short calls that take long are asked of a second server, too. The first answer counts, the other call is cancelled,
/// and both are accounted for. Only calls that are not streamed, have small bodies and name a model of `models`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hedge {
    /// After how long: a share of the model's latest calls, such as `p95`, or a length of time, such as `200ms`. Default:
    /// p95.
    #[serde(default)]
    pub(crate) after: Maybe<At<AfterText>>,
    /// The most second calls, as a share of all calls. Default: 5%.
    #[serde(default)]
    pub(crate) most: Maybe<At<PercentText>>,
    /// The models whose calls may be asked twice, by name, in which `*` stands for any run of characters. Needed: a call
    /// that is made twice costs twice.
    pub(crate) models: At<Many<At<String>>>,
}
