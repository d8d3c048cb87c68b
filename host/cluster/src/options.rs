//! What the data plane is told: plain values, checked when they are made into a [`Cluster`](crate::Cluster).

use std::time::Duration;

use weir_core::{Limits, Pattern};
use weir_serve::{AccessLog, ClientOptions, TargetError};

use crate::model::Model;

/// Everything the data plane is told at its start. Only `models` can change later, by
/// [`Cluster::reload`](crate::Cluster::reload).
#[derive(Clone)]
pub struct ClusterOptions {
    /// What is served, and where.
    pub models: Vec<Model>,
    /// After how much silence on an event stream a comment is sent. 15 s.
    pub heartbeat: Duration,
    /// How endpoints are watched.
    pub health: Health,
    /// How long an endpoint may take.
    pub timeouts: Timeouts,
    /// How large a request may be.
    pub limits: Limits,
    /// What holds for gRPC alone.
    pub grpc: Grpc,
    /// How many requests wait for room.
    pub queue: Queue,
    /// How often another endpoint is tried.
    pub retry: Retry,
    /// Which calls are asked of a second endpoint. None.
    pub hedge: Option<Hedge>,
    /// How endpoints are connected to: TLS roots, network policy, pool. The client's defaults, but for idle connections,
    /// which are kept for 4 s: uvicorn, which most model servers stand on, closes them after 5 s, and a request that is
    /// sent just then is lost.
    pub client: ClientOptions,
    /// Where each request is written down. Nowhere.
    pub access_log: AccessLog,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            models: Vec::new(),
            heartbeat: Duration::from_secs(15),
            health: Health::default(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            grpc: Grpc::default(),
            queue: Queue::default(),
            retry: Retry::default(),
            hedge: None,
            client: ClientOptions { pool_idle_timeout: Duration::from_secs(4), ..ClientOptions::default() },
            access_log: AccessLog::off(),
        }
    }
}

/// How endpoints are watched, put aside and taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// How often each endpoint is asked. 2 s.
    pub every: Duration,
    /// Under which path, from the origin's root. `/health`.
    pub path: String,
    /// How long it may take to answer. 1 s.
    pub timeout: Duration,
    /// After how many wrong answers in a row it counts as down. 2.
    pub down_after: u32,
    /// After how many failed requests in a row it is put aside. 3.
    pub eject_after: u32,
    /// For how long, the first time; twice as long each time after. 2 s.
    pub eject_for: Duration,
    /// For how long at most. 15 s.
    pub eject_for_max: Duration,
    /// How long it takes until an endpoint that came back has its full share. 10 s.
    pub slow_start: Duration,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(2),
            path: "/health".into(),
            timeout: Duration::from_secs(1),
            down_after: 2,
            eject_after: 3,
            eject_for: Duration::from_secs(2),
            eject_for_max: Duration::from_secs(15),
            slow_start: Duration::from_secs(10),
        }
    }
}

/// How long an endpoint may take. The time to connect is in [`ClientOptions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the sending of a request, each attempt anew, to the first byte of its answer's body. The caller's deadline
    /// (`x-weir-deadline`) holds for all attempts together, up to the answer's head. 120 s.
    pub first_byte: Duration,
    /// From one byte of the body to the next. 60 s.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { first_byte: Duration::from_secs(120), idle: Duration::from_secs(60) }
    }
}

/// What holds for gRPC alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grpc {
    /// One message of a stream, in bytes; a call that is no stream is bounded as all requests are. 8 MiB, as KServe's
    /// servers have it.
    pub message_bytes: usize,
}

impl Default for Grpc {
    fn default() -> Self {
        Self { message_bytes: 8 * 1024 * 1024 }
    }
}

/// How many requests wait for room on a saturated model, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Requests that wait for one model; one more is sent away. 64.
    pub length: usize,
    /// How long one waits at most; its own deadline may be shorter. 5 s.
    pub wait: Duration,
    /// After how long a request that was sent away should come again. 1 s.
    pub retry_after: Duration,
}

impl Default for Queue {
    fn default() -> Self {
        Self { length: 64, wait: Duration::from_secs(5), retry_after: Duration::from_secs(1) }
    }
}

/// How often another endpoint is tried, before the first byte of an answer only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The most attempts that one request gets, the first included. 2.
    pub attempts: u32,
    /// Further attempts for each hundred requests, over all requests. 20.
    pub percent: u32,
    /// Further attempts each second beside those. 10.
    pub per_second: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 2, percent: 20, per_second: 10 }
    }
}

/// Calls that are asked of a second endpoint when the first takes long. The first good answer counts, and the other call
/// is cancelled. Only calls whose answers come as a whole, since a stream shows soon whether it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Hedge {
    /// The models whose calls may be asked twice.
    pub models: Vec<Pattern>,
    /// After how long.
    pub after: HedgeAfter,
    /// No sooner than this, whatever the latest calls took. 5 ms.
    pub floor: Duration,
    /// So many calls must have been answered before a percentile of them says something. 20.
    pub least: usize,
    /// The most second calls for each hundred calls. 5.
    pub percent: u32,
    /// The longest body that is sent twice, in bytes. 64 KiB.
    pub body: usize,
}

/// After how long a second endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HedgeAfter {
    /// When so many of a hundred of the model's latest calls had been answered.
    Percentile(u8),
    /// After this time.
    Time(Duration),
}

impl Hedge {
    /// For these models: after the 95th percentile.
    #[must_use]
    pub fn of(models: Vec<Pattern>) -> Self {
        let floor = Duration::from_millis(5);
        Self { models, after: HedgeAfter::Percentile(95), floor, least: 20, percent: 5, body: 64 * 1024 }
    }
}

/// Options that do not make sense together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// Two models answer to one name.
    #[error("two models are called `{0}`: names and aliases must differ")]
    NameTwice(String),
    /// A model without a name.
    #[error("a model has an empty name or alias")]
    EmptyName,
    /// One server is listed twice, with different caps or places for gRPC, or with a key and without.
    #[error(
        "the endpoint {0} is listed twice, with another `max_in_flight` or `grpc`, or once with a key and once without"
    )]
    EndpointTwice(String),
    /// A path that does not join.
    #[error(
        "`{0}` is no path to begin with: leave it empty, or write it with a leading and no trailing `/`, and no query"
    )]
    Path(String),
    /// An endpoint that may take nothing.
    #[error("the endpoint {0} has `max_in_flight: 0`: it could never be called")]
    NoRoom(String),
    /// An endpoint with a name that cannot be asked for.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The client for the endpoints cannot be made.
    #[error("the client for the endpoints cannot be made: {0}")]
    Client(String),
}
