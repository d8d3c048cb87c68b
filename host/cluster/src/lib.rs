//! Tier two's data plane: a reverse proxy in front of model servers that speak OpenAI's HTTP.
//!
//! It knows which models there are and which servers have them, sends each request to the server that has the least to
//! do, puts servers aside that fail and takes them back with care, lets requests wait where there is no room, and says
//! so with `x-weir-spill` where waiting is of no use. It takes calls from tier one alone: each is signed
//! ([`weir_core::signing`]), and [`CallVerifier`] says whether by whom it should be.
//!
//! What it promises of streams:
//!
//! - A frame is passed on when it comes, and the next is read when the caller has taken it.
//! - When the caller leaves, waiting or in mid-stream, the server's connection is closed at once.
//! - Another server is tried only before the first byte of an answer, and never after.
//! - A server that breaks off, or is silent for too long, ends the caller's transfer as broken, never as whole.
//! - An event stream that is silent gets a comment now and then, between two events.
//!
//! The decisions are pure and have the time as an argument: [`balance`] is the condition of one endpoint, [`fleet`] who
//! gets which and who waits.
//!
//! ```
//! use prometheus_client::registry::Registry;
//! use weir_cluster::{CallRefused, CallVerifier, Cluster, ClusterOptions, EndpointOptions, Model, SignedCall};
//! use weir_core::{UnixMillis, signing};
//! use weir_serve::{Listener, ServeLimits, Shutdown, serve};
//!
//! /// One edge, whose key is known.
//! struct OneEdge(ed25519_dalek::VerifyingKey);
//!
//! impl CallVerifier for OneEdge {
//!     fn verify_head(&self, head: &http::request::Parts, now: UnixMillis) -> Result<SignedCall, CallRefused> {
//!         let refused = |why: signing::SignatureFault| CallRefused(why.to_string());
//!         let token = head.headers.get("x-weir-token").and_then(|token| token.to_str().ok()).unwrap_or_default();
//!         let claims = signing::verify(token, |name| (name == "edge").then_some(&self.0), "here", now).map_err(refused)?;
//!         claims.check_head(head.method.as_str(), head.uri.path(), &head.headers).map_err(refused)?;
//!         SignedCall::new(claims, &head.headers)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = signing::SigningKey::from_hex(&weir_core::Secret::new("07".repeat(32)))?;
//! let server = EndpointOptions::new("http://127.0.0.1:9000".parse()?, "/v1");
//! let model = Model::new("llama", vec![server]);
//! let options = ClusterOptions { models: vec![model], ..ClusterOptions::default() };
//! let cluster = Cluster::new(options, OneEdge(signing::public_key(&key.public_hex())?), &mut Registry::default())?;
//!
//! let listener = Listener::bind("127.0.0.1:0".parse()?)?;
//! let address = listener.local_addr();
//! let (trigger, shutdown) = Shutdown::new();
//! let server = tokio::spawn(serve(listener, None, cluster.service(), ServeLimits::default(), shutdown));
//!
//! let client = weir_serve::Client::new(Default::default())?;
//! let unsigned = http::Request::get(format!("http://{address}/v1/models")).body(weir_serve::empty())?;
//! assert_eq!(client.send(unsigned).await?.status(), 401);
//! # drop(client);
//!
//! cluster.drain();
//! trigger.drain(std::time::Duration::from_secs(1));
//! server.await?;
//! # Ok(())
//! # }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod admit;
mod answer;
mod attempt;
pub mod balance;
mod boundary;
mod budget;
mod cluster;
mod dialers;
mod directory;
mod endpoint;
pub mod fleet;
mod forward;
mod grpc;
mod health;
mod hedge;
mod metrics;
mod model;
mod options;
mod pace;
mod pool;
mod protocol;
mod race;
mod read;
mod relay;
mod request;
mod roster;
mod settings;
mod snapshot;
mod tally;
mod usage;
mod verify;

pub use cluster::{Answering, Cluster};
pub use model::{EndpointOptions, Model, Protocols, Role, Source, Status, Trust, Version, Watched};
pub use options::{ClusterOptions, Grpc, Health, Hedge, HedgeAfter, OptionsError, Queue, Retry, Timeouts};
pub use pace::Timed;
pub use settings::KeyError;
pub use snapshot::{EndpointState, ModelState, Snapshot, SourceState, Standing, VersionState};
pub use verify::{CallRefused, CallVerifier, SignedCall};
