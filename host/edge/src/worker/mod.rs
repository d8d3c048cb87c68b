//! The instances that serve requests, and how requests come to them.
//!
//! A [`Pool`] has one queue and any number of workers. A worker is one task with one instance of the chain in it; it
//! takes requests off the queue as long as it has room, and drives all of them. Requests go to the worker that was busy
//! last, so that the others run out of work and are dropped. One more worker is made when a request waits and there
//! are fewer with room than threads to run them, or when nobody has taken it for a few milliseconds (a guest that
//! computes keeps its worker from looking).

mod busy;
mod pool;
mod queue;
mod run;
mod shared;

pub(crate) use busy::Busy;
pub(crate) use pool::Pool;
pub(crate) use queue::QueueFull;
pub(crate) use shared::{End, Opened, Shared};

use std::sync::Arc;

use tokio::sync::oneshot;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::call::Call;
use crate::error::Failure;

/// A request for a guest.
pub(crate) struct Job {
    pub(crate) request: http::Request<weir_serve::Body>,
    pub(crate) call: Arc<Call>,
    pub(crate) reply: oneshot::Sender<Result<Head, Failure>>,
}

/// What a guest answered, its body still to come.
pub(crate) struct Head {
    pub(crate) response: http::Response<WasiBody>,
    /// Told, at the end, whether the client got everything. Dropping it says that it did not.
    pub(crate) transmitted: oneshot::Sender<Result<(), Error>>,
    /// Keeps the request's place in its instance.
    pub(crate) opened: Opened,
}
