//! What all sides of Weir share: the vocabulary in which components and host talk about a request.
//!
//! Everything here is pure: no I/O, no clock, no environment, no randomness. Time, random bytes and file contents
//! are arguments; decisions are data that can be printed, compared, stored and carried in a header.
//!
//! ```
//! use weir_core::{Dialect, ErrorKind, GatewayError, error};
//!
//! let refused = GatewayError::new(ErrorKind::ModelNotFound, "no model is called `gpt-5x`; did you mean `gpt-5`?")
//!     .with_param("model");
//! let answer = error::render(Dialect::AnthropicMessages, &refused);
//! assert_eq!(answer.status, 404);
//! assert!(String::from_utf8_lossy(&answer.body).contains("not_found_error"));
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod config;
pub mod control;
pub mod dialect;
pub mod error;
pub mod grpc;
pub mod header;
pub mod json;
pub mod limits;
pub mod listing;
pub mod origin;
pub mod pattern;
pub mod plan;
pub mod principal;
pub mod request_id;
pub mod secret;
pub mod signing;
pub mod sse;
pub mod target;
pub mod tensors;
pub mod units;
pub mod usage;

pub use config::Config;
pub use dialect::Dialect;
pub use error::{ErrorKind, GatewayError};
pub use limits::Limits;
pub use origin::Origin;
pub use pattern::Pattern;
pub use plan::{Candidate, Estimate, Plan};
pub use principal::Principal;
pub use request_id::RequestId;
pub use secret::Secret;
pub use target::{Endpoint, RequestView, Rpc, Service};
pub use units::{MicroUsd, Millis, Tokens, UnixMillis};
pub use usage::{Ending, Outcome, Usage};
