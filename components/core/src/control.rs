//! What tier one and the control plane say to each other: HTTP with JSON, under `/control/v1/`.
//!
//! Every call is signed: see [`signing`](crate::signing). A reservation belongs to the edge that made it; only it
//! can renew or settle it.

use serde::{Deserialize, Serialize};

use crate::{Candidate, Estimate, Millis, Outcome, Principal, RequestId};

/// `POST /control/v1/reserve`: takes a [`Reserve`], answers with a [`Reserved`] (200).
pub const RESERVE: &str = "/control/v1/reserve";
/// `POST /control/v1/renew`: takes a [`Renew`], answers with a [`Renewed`] (200), or 404 for a reservation that is over.
pub const RENEW: &str = "/control/v1/renew";
/// `POST /control/v1/settle`: takes a [`Settle`], answers with a [`Settled`] (200). Idempotent by request and attempt.
pub const SETTLE: &str = "/control/v1/settle";

/// Asks for room for one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reserve {
    /// The request.
    pub request: RequestId,
    /// Which try this is, counted from 1. A caller's limit on requests is charged for the first alone.
    pub attempt: u32,
    /// Who is calling.
    pub principal: Principal,
    /// The model as the caller named it.
    pub model: String,
    /// Where the request may go, in this order.
    pub candidates: Vec<Candidate>,
    /// What it may cost.
    pub estimate: Estimate,
}

/// The answer to [`Reserve`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Reserved {
    /// There is room.
    Granted(Grant),
    /// There is none.
    Denied(Deny),
}

/// Room for one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The reservation's id; without one nothing is to be renewed (no limit applies), but the attempt is still settled.
    pub reservation: Option<String>,
    /// The first of the candidates that fits, counted from 0.
    pub candidate: usize,
    /// How long the reservation lives unless it is renewed.
    pub lease: Millis,
    /// What is left of the caller's limits, the tightest first.
    pub limits: Vec<LimitState>,
}

/// No room, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deny {
    /// Whose limit is used up.
    pub scope: DenyScope,
    /// The limit's name in the configuration.
    pub limit: String,
    /// When there may be room again.
    pub retry_after: Millis,
    /// Whether the request could never fit, however long the caller waits: it is larger than the limit itself.
    #[serde(default)]
    pub never: bool,
    /// What is left of the caller's limits, the tightest first.
    pub limits: Vec<LimitState>,
}

/// Whose limit is used up; stands in `x-weir-denied`, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DenyScope {
    /// The caller's own.
    Caller,
    /// That of every candidate.
    Backends,
}

impl DenyScope {
    /// The word that stands in the header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Backends => "backends",
        }
    }
}

/// The state of one of the caller's limits: what `x-ratelimit-*` is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitState {
    /// The limit's name.
    pub name: String,
    /// What it counts.
    pub unit: crate::config::LimitUnit,
    /// How much is allowed in a window.
    pub limit: u64,
    /// How much is left.
    pub remaining: u64,
    /// When it is whole again.
    pub reset: Millis,
}

/// Keeps a reservation alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renew {
    /// The reservation.
    pub reservation: String,
}

/// The answer to [`Renew`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Renewed {
    /// How long the reservation lives from now.
    pub lease: Millis,
}

/// Says what became of an attempt: the usage record, one an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    /// The request.
    pub request: RequestId,
    /// Which try it was.
    pub attempt: u32,
    /// The reservation, where one was made.
    pub reservation: Option<String>,
    /// Who called.
    pub principal: Principal,
    /// The model as the caller named it.
    pub model: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// The answer to [`Settle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settled {
    /// Whether this settlement was the first for the attempt; a repeated one changes nothing.
    pub first: bool,
}
