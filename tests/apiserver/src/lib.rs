//! A stand-in for a Kubernetes API server, as far as a client sees one that lists and watches.
//!
//! It holds objects, gives them resource versions, lists them in pages, and tells watches what happens to them, in the
//! wire format that a real API server was recorded with; and it fails on request in all the ways that one fails in
//! years. It runs within the process of a test ([`ApiServer::service`]), where time may stand still, on a socket
//! ([`ApiServer::listen`]), or as a program of its own, which is told what to do under `/_test/`.
//!
//! ```
//! use serde_json::json;
//! use weir_apiserver::{ApiServer, Refusal, Verb};
//!
//! let server = ApiServer::new();
//! server.put(json!({
//!     "apiVersion": "v1", "kind": "Pod",
//!     "metadata": { "name": "iris-0", "namespace": "models" },
//! }))?;
//! server.refuse(Refusal::status(503).of("pods", Verb::List).times(2));
//! # Ok::<(), weir_apiserver::Invalid>(())
//! ```
//!
//! What it is not: it has no controllers, converts between versions by name alone, checks no rights but that a token is
//! known, and keeps nothing.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod api;
mod control;
mod discovery;
mod faults;
mod history;
mod kinds;
mod listen;
mod listing;
mod recorded;
mod replay;
mod request;
mod schema;
mod selector;
mod server;
mod watching;

pub use answer::Body;
pub use faults::{Interruption, Refusal, Verb};
pub use kinds::{KINDS, Kind};
pub use listen::{Running, Tls};
pub use recorded::{Recorded, recordings};
pub use replay::Replay;
pub use request::Asked;
pub use schema::{Schemas, SchemasMissing};
pub use server::{ApiServer, Invalid, Service};
