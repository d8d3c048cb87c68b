//! Makes one component out of a chain of them.
//!
//! A tier-one chain is a row of WASI 0.3.0 HTTP components, outermost first: every part but the last is a
//! `wasi:http/middleware`, which imports the handler that it calls, and the last is a `wasi:http/service`. They are
//! wired by the literal name [`HANDLER`], as Spin wires them, so that the same files behave the same everywhere.
//! What a part imports beyond that (`wasi:*`, [`SETTINGS`]) stays open, for the host to give; or a provider of settings
//! is plugged into a part first, where the host has none.
//!
//! The same parts always give the same bytes: a composed chain can be named by its digest.
//!
//! ```no_run
//! use weir_compose::{Part, compose};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let parts = ["auth", "router", "limiter", "translator"]
//!     .map(|name| std::fs::read(format!("target/components/{name}.wasm")).map(|bytes| Part::new(name, bytes)))
//!     .into_iter()
//!     .collect::<Result<Vec<_>, _>>()?;
//! std::fs::write("chain.wasm", compose(&parts)?)?;
//! # Ok(()) }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod chain;
mod error;
mod part;
mod plug;

pub use chain::compose;
pub use error::ComposeError;
pub use part::{HANDLER, Part, SETTINGS};
pub use plug::plug;
