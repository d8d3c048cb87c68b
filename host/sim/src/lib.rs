//! A model server that makes up its answers: OpenAI's API on the outside, a model of vLLM's engine on the inside.
//!
//! A gateway is only as good as what it was tried against. Real model servers need accelerators, are slow to start and hard
//! to make fail; this one starts at once, costs next to nothing, and fails on request. What a gateway depends on is real:
//! the queue and the batch, the pace of the tokens, KV blocks that run out, a prefix cache that rewards sending the same
//! beginning to the same replica, vLLM's metric names, tool calls that satisfy their schemas, streams that break in the
//! middle. What it says is not, and it says so: in `system_fingerprint`, in `owned_by`, and often in the answer itself.
//!
//! Everything it says follows from its seed and the request: the same request has the same answer, on every replica with
//! the same seed. One request asks for a behaviour of its own by directives in its last user message, such as
//! `[[sim:cut=3]]`; [`directive`] and `weir sim --help` list them.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use weir_sim::{Sim, SimOptions};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = SimOptions { models: vec!["llama".into()], max_num_seqs: NonZeroUsize::new(8).unwrap(), ..SimOptions::default() };
//! let (addr, sim) = Sim::bind("127.0.0.1:0".parse()?, options).await?;
//!
//! let client = weir_serve::Client::new(weir_serve::ClientOptions::default())?;
//! let request = http::Request::post(format!("http://{addr}/v1/chat/completions"))
//!     .body(weir_serve::full(r#"{"model": "llama", "messages": [{"role": "user", "content": "Hi"}]}"#))?;
//! assert_eq!(client.send(request).await?.status(), 200);
//!
//! sim.stop(std::time::Duration::ZERO).await;
//! # Ok(())
//! # }
//! ```
//!
//! From the inside out: [`tokens`] measures text, [`engine`] decides when each token comes (no clock, no I/O), [`answer`]
//! which ones, [`tools`] when tools are called; `driver` gives the engine a clock, `chat`, `completion` and `embedding` read
//! requests, `shape` and `reply` write answers, `metrics` counts and `http` routes.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod answer;
mod blocks;
mod chat;
mod completion;
pub mod directive;
mod driver;
mod embedding;
pub mod engine;
mod error;
mod http;
mod job;
mod metrics;
mod options;
mod reply;
mod request;
mod schema;
mod shape;
mod sim;
pub mod tokens;
pub mod tools;
mod words;

pub use error::ApiError;
pub use options::{Fraction, NotAFraction, NotATime, OptionsError, SimOptions, parse_time};
pub use sim::{Sim, SimError, SimHandle, run};
