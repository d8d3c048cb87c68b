//! WASI 0.2: all that this crate knows of it, for hosts that have no 0.3.
//!
//! A 0.2 handler is not asynchronous: the host calls it and has its thread of control until it returns. So it runs an
//! event loop of its own (`wstd`'s) until the response is written and all that was spawned meanwhile has ended. An
//! instance serves one request at a time, and the settings are environment variables: `weir:gateway/settings` is
//! asynchronous, which WASI 0.2 has no notion of.

mod bytes;
mod client;
mod fields;
mod message;
mod settings;
mod time;

use std::future::Future;

pub use wasip2;
pub use wasip2::http::types::{ErrorCode, IncomingRequest as Request};
pub(crate) use wasip2::random::random::{get_random_bytes, get_random_u64};

pub(crate) use bytes::{ByteReader, ByteWriter, Inflow, Outflow, pipe};
pub(crate) use client::{Upstream, open, send};
pub(crate) use message::{Response, Via, open_response};
pub use message::{close_response, open_request};
pub(crate) use settings::{config, secret};
pub(crate) use time::{monotonic_nanos, sleep_nanos, wall_millis};

/// Runs `task` beside the one at hand.
pub(crate) fn spawn(task: impl Future<Output = ()> + 'static) {
    wstd::runtime::spawn(task).detach();
}

/// Runs a handler, and all that it spawns, to the end.
pub fn run(handling: impl Future<Output = ()>) {
    wstd::runtime::block_on(handling);
}
