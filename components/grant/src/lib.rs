//! What a part of a chain may see, ask for and call, and nothing else.
//!
//! Every part that is not Weir's own is instantiated over an instance of this component of its own. From it the part
//! gets its configuration, its secrets, its environment and its HTTP client; what stands below (the platform's secrets,
//! environment and client) it cannot name. What it is granted comes from a component of data that `weir compose`
//! writes: the component itself is the same for every part.
//!
//! ```
//! use weir_grant::{is_granted, name_below};
//!
//! let network = ["https://opa.example.com".to_owned()];
//! assert!(is_granted(&network, Some("https"), Some("OPA.example.com:443")));
//! assert!(!is_granted(&network, Some("http"), Some("opa.example.com")));
//!
//! let secrets = [("token".to_owned(), "part.opa.token".to_owned())];
//! assert_eq!(name_below(&secrets, "token"), Some("part.opa.token"));
//! assert_eq!(name_below(&secrets, "edge-key"), None);
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod network;
mod secrets;

#[cfg(target_family = "wasm")]
mod component;

pub use network::is_granted;
pub use secrets::name_below;
