//! Who is calling: the outermost part of Weir's chain.
//!
//! Whatever comes from outside is untrusted until it has been here. [`Auth::decide`] reads the request target once,
//! throws away the headers that nobody outside may set, and finds the caller by its key. What it hands on bears a
//! principal that every further part believes, so nothing else may write that header. It never reads a body.
//!
//! The crate is pure: a request's head, the time and ten random bytes go in, a [`Decision`] comes out.
//!
//! ```
//! use http::{HeaderMap, HeaderValue, Method};
//! use weir_auth::{Arrival, Auth, Decision};
//! use weir_core::{Config, UnixMillis};
//!
//! # let config = Config::from_json(r#"{"version": 1, "policy": "p1", "chain": ["auth", "router"],
//! #     "tenants": [{"name": "demo", "models": ["*"], "keys": [{"name": "laptop", "user": null, "models": ["*"], "expires": null,
//! #         "sha256": "7e95b57c5c71145a7bd9f2ca50f2b15de22f34d38a4e2af38ce8c9a2fc68434c"}]}],
//! #     "backends": {}, "routes": [], "limits": [], "control": null,
//! #     "retry": {"attempts": 3, "percent": 20, "per_second": 10}, "sizes": {}}"#).unwrap();
//! let auth = Auth::new(&config);
//! let mut headers = HeaderMap::new();
//! headers.insert("authorization", HeaderValue::from_static("Bearer weir-nobody-knows-this"));
//! let arrival = Arrival {
//!     method: Method::POST,
//!     target: "/v1/chat/completions".to_owned(),
//!     authority: Some("gateway.example".to_owned()),
//!     headers,
//! };
//! let Decision::Answer(refused) = auth.decide(arrival, UnixMillis(1_790_000_000_000), [7; 10]) else {
//!     panic!("nobody has this key");
//! };
//! assert_eq!(refused.status, 401);
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod answer;
pub mod authority;
pub mod decide;
pub mod key;
pub mod table;

#[cfg(target_family = "wasm")]
pub mod component;

pub use answer::Answer;
pub use decide::{Arrival, Auth, Decision, Pass};
pub use key::PresentedKey;
pub use table::{Caller, KeyTable};
