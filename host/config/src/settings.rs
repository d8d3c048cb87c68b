//! What the configuration means: plain data, complete and checked, paths made absolute by the file's folder.

mod kubernetes;
mod part;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use weir_core::config::KeyHash;
use weir_core::{Origin, Pattern};

pub use kubernetes::{KubernetesSettings, WorkloadTrust};
pub(crate) use part::sha256;
pub use part::{Foreign, Grants, Part, PartError, Place, Source, TenantChain, TenantPlace};

/// Tier one: how `weir edge` runs.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeSettings {
    /// The name under which tier two knows this edge.
    pub name: String,
    /// Where it listens.
    pub listen: SocketAddr,
    /// The certificate that it shows; plain HTTP without one.
    pub tls: Option<TlsFiles>,
    /// The parts of the chain, outermost first.
    pub chain: Vec<Part>,
    /// The folder of Weir's own components: the parts, and what stands around those of others.
    pub components: PathBuf,
    /// What tenants have of their own, in the order of the file; those that have nothing are not in it.
    pub tenants: Vec<TenantChain>,
    /// The secret that holds the key with which this edge signs, by its name in the [`SecretTable`](crate::SecretTable).
    pub key: Option<String>,
    /// How components are run.
    pub instances: InstanceSettings,
    /// What clients may do to the listener.
    pub connections: ConnectionSettings,
    /// The folder that keeps compiled components.
    pub cache: PathBuf,
    /// The only places that components may call, with the addresses that their names may lead to: each backend's, the
    /// control plane's, and those that `chain` grants to parts of others.
    pub egress: Vec<Egress>,
    /// Those of `egress` that are control planes: calls there go on when a client has left.
    pub control_origins: Vec<Origin>,
}

/// A certificate and its private key, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those between it and the root.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// How components are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceSettings {
    /// Threads that run them. `None`: one for each processor.
    pub workers: Option<u32>,
    /// Instances of the chain that may live at once. 256.
    pub most: u32,
    /// Requests that one instance serves before it is replaced. 128.
    pub requests: u32,
    /// Requests that one instance serves at once. 16.
    pub concurrent: u32,
    /// How long an instance without a request is kept. 1 s.
    pub idle: Duration,
    /// The memory that one instance of the chain may have, all its parts together, in bytes. 256 MiB.
    pub memory_bytes: usize,
    /// How long a part may compute without letting go of its thread. 1 s.
    pub compute: Duration,
}

impl Default for InstanceSettings {
    fn default() -> Self {
        Self {
            workers: None,
            most: 256,
            requests: 128,
            concurrent: 16,
            idle: Duration::from_secs(1),
            memory_bytes: 256 * 1024 * 1024,
            compute: Duration::from_secs(1),
        }
    }
}

/// What clients may do to a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// Connections at once. 10 000.
    pub most: usize,
    /// How long a request's headers may take to arrive. 10 s.
    pub headers: Duration,
    /// How long a connection without a request is kept. 60 s.
    pub keep_alive: Duration,
    /// How long a request's body may pause. 30 s.
    pub body_idle: Duration,
    /// How long a client may take nothing of an answer. 60 s.
    pub write_idle: Duration,
    /// How long open streams may go on when the process is asked to stop. 60 s.
    pub grace: Duration,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self {
            most: 10_000,
            headers: Duration::from_secs(10),
            keep_alive: Duration::from_secs(60),
            body_idle: Duration::from_secs(30),
            write_idle: Duration::from_secs(60),
            grace: Duration::from_secs(60),
        }
    }
}

/// A place that components may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Egress {
    /// The backend's name; `control` for a control plane; `part.<part>` for what a part of others may call.
    pub name: String,
    /// Where it is.
    pub origin: Origin,
    /// Which addresses its name may lead to.
    pub network: Network,
}

/// Which addresses a name may lead to. Checked after the name was resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Addresses of the internet only.
    Public,
    /// Addresses of this machine and of private networks only.
    Private,
    /// Any.
    Any,
}

/// Tier two: how `weir host` runs.
#[derive(Clone, Debug, PartialEq)]
pub struct HostSettings {
    /// Its name: the audience of the calls that edges sign.
    pub name: String,
    /// Where it takes calls to models.
    pub listen: SocketAddr,
    /// Where the control plane listens.
    pub control: SocketAddr,
    /// The certificate that both listeners show; plain HTTP without one.
    pub tls: Option<TlsFiles>,
    /// The edges that may call.
    pub edges: Vec<EdgeIdentity>,
    /// The models that it serves.
    pub models: Vec<HostedModel>,
    /// The cluster in which further models are found.
    pub kubernetes: Option<KubernetesSettings>,
    /// How often a stream that is silent gets a comment. 15 s.
    pub heartbeat: Duration,
    /// How the servers of `models` are watched. `None`: calls alone find out.
    pub health: Option<HealthSettings>,
    /// Which calls are asked twice. `None`: none are.
    pub hedge: Option<HedgeSettings>,
    /// How calls wait for a model server that is busy.
    pub flow: FlowSettings,
    /// What edges may do to the listeners.
    pub connections: ConnectionSettings,
    /// The SHA-256 of the key of the console; nobody may use it without one.
    pub admin: Option<KeyHash>,
}

/// An edge that may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeIdentity {
    /// Its name.
    pub name: String,
    /// Its Ed25519 public key, 64 hexadecimal digits in lower case; a point of the curve.
    pub public_key: String,
    /// Patterns for the tenants for which it may speak.
    pub tenants: Vec<Pattern>,
}

/// A model that tier two serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedModel {
    /// Its name.
    pub name: String,
    /// Further names of it.
    pub aliases: Vec<String>,
    /// Its servers. Empty: `weir up` starts the simulator for it, and `weir host` answers that it has none.
    pub endpoints: Vec<ModelServer>,
}

/// A model server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelServer {
    /// Where it is.
    pub origin: Origin,
    /// What its paths begin with, such as `/v1`; empty, or with a leading and no trailing `/`.
    pub base_path: String,
    /// The most calls that it gets at once. 256.
    pub max_in_flight: u32,
    /// The secret that holds its key, by its name in the [`SecretTable`](crate::SecretTable). It goes as a bearer token.
    pub key: Option<String>,
    /// Whom alone to trust for its certificate; those that this machine trusts where nothing is said.
    pub trust: Option<ServerTrust>,
    /// The `Host` that it is asked for, where it is not the origin's.
    pub host: Option<String>,
    /// Whether it speaks HTTP/2 in the clear.
    pub h2c: bool,
    /// Where it speaks gRPC, where that is not `origin`.
    pub grpc: Option<Origin>,
}

impl ModelServer {
    /// A server of which nothing but its place is said.
    #[must_use]
    pub fn new(origin: Origin, base_path: impl Into<String>) -> Self {
        Self {
            origin,
            base_path: base_path.into(),
            max_in_flight: 256,
            key: None,
            trust: None,
            host: None,
            h2c: false,
            grpc: None,
        }
    }
}

/// Whom alone to trust for a model server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTrust {
    /// The authorities, as PEM.
    pub pem: Arc<[u8]>,
    /// The name that the certificate must have, where it is not the origin's host.
    pub server_name: Option<String>,
}

/// How model servers are watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthSettings {
    /// How often each is asked. 2 s.
    pub every: Duration,
    /// The path that answers 200 when it is well. `/health`.
    pub path: String,
    /// How long it may take to answer. 1 s.
    pub timeout: Duration,
}

impl Default for HealthSettings {
    fn default() -> Self {
        Self { every: Duration::from_secs(2), path: "/health".into(), timeout: Duration::from_secs(1) }
    }
}

/// How calls wait for a model server that is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowSettings {
    /// The most calls that wait for one model. 512.
    pub queue: u32,
    /// How long a call waits at most. 10 s.
    pub wait: Duration,
}

impl Default for FlowSettings {
    fn default() -> Self {
        Self { queue: 512, wait: Duration::from_secs(10) }
    }
}

/// Which calls are asked of a second server when the first takes long.
#[derive(Clone, Debug, PartialEq)]
pub struct HedgeSettings {
    /// After how long. The 95th percentile.
    pub after: HedgeAfter,
    /// The most second calls for each hundred calls. 5.
    pub percent: u32,
    /// The models whose calls may be asked twice.
    pub models: Vec<Pattern>,
}

/// After how long a second server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HedgeAfter {
    /// When so many of a hundred of the model's latest calls had been answered: 50 to 99.
    Percentile(u8),
    /// After this time.
    Time(Duration),
}

/// Where the access log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// To standard output.
    #[default]
    Stdout,
    /// To this file, at its end.
    File(PathBuf),
    /// Nowhere.
    Off,
}
