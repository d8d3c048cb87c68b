//! What there is to be served, as plain values: models, their versions, the servers of each.
//!
//! It comes from `weir.yaml` or from the cluster's API server; the data plane is told the whole each time
//! ([`Cluster::reload`](crate::Cluster::reload)) and finds out itself what is new.

use std::borrow::Cow;
use std::sync::Arc;

use weir_core::Origin;
use weir_core::secret::{Credential, Scheme, UnusableKey};

/// A model that callers can ask for.
#[derive(Clone, PartialEq)]
pub struct Model {
    /// The name under which it is listed.
    pub name: String,
    /// Further names that requests may use.
    pub aliases: Vec<String>,
    /// Where it was found.
    pub source: Source,
    /// Whether it can be called, and if not, why.
    pub status: Status,
    /// What its servers speak.
    pub protocols: Protocols,
    /// Its versions; calls are divided by their weights.
    pub versions: Vec<Version>,
    /// Who explains its predictions (V1's `:explain`), where that is not the versions' own servers.
    pub explainers: Vec<EndpointOptions>,
    /// The namespace and name of each object whose paths (`/{namespace}/{name}/v1/…`) lead to it.
    pub paths: Vec<(String, String)>,
    /// What its owner is told of its state, and callers are not: it may name paths and buckets.
    pub detail: Option<String>,
}

/// One version of a model: the servers that run it.
#[derive(Clone, PartialEq)]
pub struct Version {
    /// Its name, unique within the model: a Knative revision, a canary, an `LLMInferenceService`; empty where there is
    /// but one.
    pub name: String,
    /// Its share of the calls, in proportion to the others'. 0: none.
    pub weight: u32,
    /// The name by which its servers know the model, where it is not the model's own: requests are rewritten to it.
    pub served_as: Option<String>,
    /// Its servers.
    pub endpoints: Vec<EndpointOptions>,
}

/// Where a model was found.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// In `weir.yaml`.
    File,
    /// In an object of the cluster.
    Object {
        /// Its kind, such as `InferenceService`.
        kind: &'static str,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// Whether a model can be called. The texts are for callers: they tell what is wrong, and nothing of the inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// It can.
    #[default]
    Ready,
    /// It is known, but not ready.
    NotReady(String),
    /// It is being loaded.
    Loading,
    /// It failed to load.
    Failed(String),
    /// It was stopped by its owner.
    Stopped,
    /// It has no replica now: somebody has to wake it.
    AtZero,
}

/// What a model's servers speak. What they do not is answered with an error that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocols {
    /// OpenAI's paths, and Anthropic's where the engine has them.
    pub openai: bool,
    /// KServe V1 (`:predict`, `:explain`).
    pub v1: bool,
    /// KServe V2, the Open Inference Protocol, over REST.
    pub v2: bool,
    /// The same over gRPC.
    pub grpc: bool,
    /// Any path at the root, as an `InferenceGraph` has it: a V1 call goes there as it is.
    pub graph: bool,
}

impl Protocols {
    /// Nothing.
    pub const NONE: Self = Self { openai: false, v1: false, v2: false, grpc: false, graph: false };
    /// Whatever is asked: the server itself knows what it has.
    pub const ANY: Self = Self { openai: true, v1: true, v2: true, grpc: true, graph: false };
}

/// One model server. Two with the same origin, host and base path are one server, whichever models they stand under.
#[derive(Clone)]
pub struct EndpointOptions {
    /// Where it is.
    pub origin: Origin,
    /// What its OpenAI paths begin with instead of `/v1`, such as `/openai/v1` on KServe; empty, or with a leading and no
    /// trailing `/`. V1 and V2 begin at the root.
    pub base_path: Cow<'static, str>,
    /// Where it speaks gRPC, where that is another port.
    pub grpc: Option<Origin>,
    /// The `Host` that it is asked for, where it is not the origin's: a Knative route behind a shared gateway.
    pub host: Option<String>,
    /// Whom to trust for TLS.
    pub trust: Trust,
    /// Whether it speaks HTTP/2 without TLS.
    pub h2c: bool,
    /// How many requests it gets at once.
    pub max_in_flight: usize,
    /// Its key, if it wants one; bound to its origin.
    pub credential: Option<Arc<Credential>>,
    /// Who says whether it is well.
    pub watched: Watched,
    /// Whether it ends what it has and takes nothing new: its pod is being terminated.
    pub draining: bool,
    /// Its part where prefill and decode are apart.
    pub role: Role,
}

/// Whom to trust for an endpoint's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Trust {
    /// Whom the data plane's client trusts.
    #[default]
    Client,
    /// These authorities alone, as PEM; and the name that the certificate must have, where it is not the origin's host:
    /// pods are called by their address.
    Authorities {
        /// The certificates.
        pem: Arc<[u8]>,
        /// The name.
        server_name: Option<String>,
    },
}

/// Who says whether an endpoint is up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Watched {
    /// Our own health checks.
    #[default]
    Here,
    /// The cluster, by the endpoint's being listed; requests that fail put it aside all the same.
    Elsewhere,
}

/// An endpoint's part where a prompt is read on one server and the answer made on another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It does both, or decodes and knows how to have the prompt read elsewhere: it is called.
    #[default]
    Whole,
    /// It reads prompts for others: it is listed, and never called itself.
    Prefill,
}

impl Model {
    /// A model of the configuration file with one version, whose servers speak whatever they speak.
    #[must_use]
    pub fn new(name: impl Into<String>, endpoints: Vec<EndpointOptions>) -> Self {
        let version = Version { name: String::new(), weight: 1, served_as: None, endpoints };
        Self {
            name: name.into(),
            aliases: Vec::new(),
            source: Source::File,
            status: Status::Ready,
            protocols: Protocols::ANY,
            versions: vec![version],
            explainers: Vec::new(),
            paths: Vec::new(),
            detail: None,
        }
    }

    /// The servers of all versions.
    pub fn endpoints(&self) -> impl Iterator<Item = &EndpointOptions> {
        self.versions.iter().flat_map(|version| &version.endpoints)
    }
}

/// Keys are not looked into: two are the same if they are one value, so that one that is resolved anew counts as new.
impl PartialEq for EndpointOptions {
    fn eq(&self, other: &Self) -> bool {
        let Self { origin, base_path, grpc, host, trust, h2c, max_in_flight, credential, watched, draining, role } =
            self;
        let same_key = match (credential, &other.credential) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (None, None) => true,
            _ => false,
        };
        same_key
            && *origin == other.origin
            && *base_path == other.base_path
            && *grpc == other.grpc
            && *host == other.host
            && *trust == other.trust
            && *h2c == other.h2c
            && *max_in_flight == other.max_in_flight
            && *watched == other.watched
            && *draining == other.draining
            && *role == other.role
    }
}

impl EndpointOptions {
    /// An endpoint that wants no key, with room for 256 requests, and with health checks of our own.
    #[must_use]
    pub fn new(origin: Origin, base_path: impl Into<Cow<'static, str>>) -> Self {
        Self {
            origin,
            base_path: base_path.into(),
            grpc: None,
            host: None,
            trust: Trust::default(),
            h2c: false,
            max_in_flight: 256,
            credential: None,
            watched: Watched::default(),
            draining: false,
            role: Role::default(),
        }
    }

    /// Has the endpoint shown this key, as `authorization: Bearer …`.
    ///
    /// # Errors
    /// [`UnusableKey`] when the key cannot stand in a header.
    pub fn with_key(mut self, key: &weir_core::Secret<String>) -> Result<Self, UnusableKey> {
        let credential = Credential::new(self.origin.clone(), &Scheme::Bearer, key)?;
        self.credential = Some(Arc::new(credential));
        Ok(self)
    }
}
