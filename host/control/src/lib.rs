//! The control plane of tier two: what the edge cannot remember.
//!
//! Tier one keeps nothing from one request to the next, and there may be many of it. So what must hold over time and
//! over all of them sits here: the [`Quota`](weir_limiter::Quota), of which room is reserved before a call and which
//! is settled after it, and the ledger, one [`Record`] an attempt.
//!
//! Nobody is trusted for where they call from. Every `POST` is signed by an edge's key (see [`weir_core::signing`]),
//! for this tier two, this path and this body, within the last minute, and each token is accepted once. A registered
//! edge speaks for its own tenants only, and touches only reservations that it made. [`Verifier`] says all that for
//! the data plane, too. Who is refused learns no more than that.
//!
//! ```
//! use std::sync::Arc;
//! use prometheus_client::registry::Registry;
//! use weir_control::{ControlOptions, ControlPlane};
//! use weir_core::{Config, Limits};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Config {
//!     version: Config::VERSION,
//!     policy: "000000000000".into(),
//!     base_path: String::new(),
//!     chain: vec![],
//!     tenants: vec![],
//!     backends: Default::default(),
//!     routes: vec![],
//!     limits: vec![],
//!     control: None,
//!     retry: Default::default(),
//!     sizes: Limits::default(),
//!     runtime: Default::default(),
//! };
//! let options = ControlOptions { config: Arc::new(config), name: "quickstart".into(), edges: vec![], admin: None };
//! let mut registry = Registry::default();
//! let plane = ControlPlane::start(options, &mut registry)?;
//! plane.expose(registry);
//!
//! let listener = weir_serve::Listener::bind("127.0.0.1:0".parse()?)?;
//! let (stop, shutdown) = weir_serve::Shutdown::new();
//! let served = tokio::spawn(weir_serve::serve(listener, None, plane.service(), Default::default(), shutdown));
//! stop.drain(std::time::Duration::ZERO);
//! served.await?;
//! # Ok(())
//! # }
//! ```
//!
//! | path | who | what |
//! |---|---|---|
//! | `POST /control/v1/reserve` | edges | [`Reserve`](weir_core::control::Reserve), [`Reserved`](weir_core::control::Reserved) |
//! | `POST /control/v1/renew` | the edge that reserved | [`Renew`](weir_core::control::Renew), [`Renewed`](weir_core::control::Renewed); 404 when it is over |
//! | `POST /control/v1/settle` | the edge that reserved | [`Settle`](weir_core::control::Settle), [`Settled`](weir_core::control::Settled) |
//! | `GET /control/v1/usage?tenant=&request=&limit=` | who has the console's key | the latest records |
//! | `GET /control/v1/fleet?model=&after=&wait=` | who has the console's key | what is served, see [`Fleet`](weir_fleet::Fleet) |
//! | `GET /healthz`, `/readyz`, `/metrics` | all | |
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod books;
mod fleet;
mod ledger;
mod metrics;
mod options;
mod plane;
mod replay;
mod routes;
pub mod verify;

pub use ledger::Record;
pub use options::{Clock, ControlError, ControlOptions};
pub use plane::ControlPlane;
pub use verify::Verifier;
