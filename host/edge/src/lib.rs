//! Tier one on the embedded runtime: a chain of WASI 0.3.0 HTTP components, served by wasmtime inside this process.
//!
//! What other runtimes leave to the components, this one helps with:
//!
//! - **When a client leaves, or is told that its request failed, its backends are told at once.** The guest is not dropped, since it must settle; instead
//!   the host fails the calls that the guest has open *for this client*, and only those to backends, never those to the
//!   control plane. They fail with `internal-error("client-gone")`, pending calls and responses that are being
//!   read alike, and the guest's next write to the client fails. Instances serve many clients at once; how
//!   the host knows whose call it is, is told in `outbound/attribution.rs`.
//! - **One guest cannot hurt the others.** Memory, computing time, request bodies and the size of headers are limited
//!   ([`EdgeLimits`]). A trap ends one instance, its requests, and nothing else; a client whose stream it cuts sees an
//!   abort, never an end that looks whole.
//! - **What a guest prints to its standard error is in the log**, as warnings of the target `weir_guest`: cut, escaped,
//!   and at most 20 lines a second. What it prints to its standard output goes nowhere.
//! - **Calls go only where the configuration says** ([`Destination`]), through one pooled client for all instances.
//!
//! ```no_run
//! use weir_edge::{Chain, Destination, Edge, EdgeConfig, EdgeOptions};
//! use weir_serve::{Listener, Shutdown};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let parts = ["auth", "router", "limiter", "translator"];
//! let files = parts.map(|name| format!("target/components/{name}.wasm").into());
//! let mut config = EdgeConfig::new(std::fs::read_to_string("compiled.json")?);
//! config.destinations.push(Destination::backend("https://api.openai.com".parse()?));
//! config.destinations.push(Destination::control("http://127.0.0.1:3200".parse()?));
//!
//! let edge = Edge::new(EdgeOptions::new(Chain::Files(files.into()), config))?;
//! let (_trigger, shutdown) = Shutdown::new();
//! edge.serve(Listener::bind("127.0.0.1:3000".parse()?)?, None, shutdown).await;
//! # Ok(()) }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cache;
mod call;
mod edge;
mod engine;
mod error;
mod limits;
mod live;
mod options;
mod outbound;
mod record;
mod request;
mod response;
mod settings;
mod state;
mod stats;
mod stderr;
mod worker;

pub use edge::Edge;
pub use error::EdgeError;
pub use limits::EdgeLimits;
pub use options::{Chain, EdgeConfig, EdgeOptions};
pub use outbound::{Destination, Purpose};
pub use settings::{NoSecrets, SecretFuture, Secrets, SecretsError};
pub use stats::EdgeStats;
