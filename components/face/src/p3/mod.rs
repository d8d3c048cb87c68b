//! WASI 0.3.0: all that this crate knows of it.

pub mod bindings;
mod bytes;
mod client;
mod fields;
mod message;
mod settings;
mod time;

pub use bindings::wasi::http::types::{ErrorCode, Request, Response};
pub(crate) use bindings::wasi::random::random::{get_random_bytes, get_random_u64};
pub(crate) use bytes::{ByteReader, ByteWriter, Inflow, Outflow, pipe};
pub(crate) use client::{Upstream, open, send};
#[cfg(feature = "middleware")]
pub(crate) use message::close_request;
pub(crate) use message::{Via, open_response};
pub use message::{close_response, open_request};
pub(crate) use settings::{config, secret};
pub(crate) use time::{monotonic_nanos, sleep_nanos, wall_millis};
pub(crate) use wit_bindgen::spawn;
