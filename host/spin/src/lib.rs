//! Writes the Spin manifest of a tier one.
//!
//! Spin (4.1 or newer) runs a chain as one HTTP trigger: the innermost part is the trigger's *primary component*, and
//! the others are its *middleware*, outermost first, wired by the literal name `wasi:http/handler@0.3.0`. Three things
//! about it shape a manifest, and are not what one would guess:
//!
//! - **Everything is granted to the primary component.** Middleware has no variables and no hosts of its own; it
//!   inherits those of the primary component, one capability by its name at a time ([`Capability`]), or nothing at all.
//!   So each of Weir's own parts inherits what it needs, and a part of somebody else's inherits nothing unless it is
//!   fenced in otherwise.
//! - **Routes are paths.** A trigger has no host, and what it runs sees the whole path. A tenant under `/research` has
//!   [`Config::base_path`](weir_core::Config::base_path) in its configuration, which `auth` cuts off.
//! - **Application variables are one level above component variables.** The configuration and each secret are an
//!   application variable, which a deployment can set, and each primary component names those that are its own. A
//!   secret's value is in no manifest.
//!
//! ```
//! use weir_spin::{Application, Capability, Chain, Configuration, Part, Route};
//!
//! let chain = Chain {
//!     tenant: None,
//!     route: Route::everything(),
//!     configuration: Configuration::Default("{}".to_owned()),
//!     secrets: vec!["backend-claude-key".to_owned()],
//!     origins: vec!["https://api.anthropic.com".parse()?],
//!     parts: vec![
//!         Part::new("auth", "target/components/spin/auth.wasm").inherits(&[Capability::Variables]),
//!         Part::new("translator", "target/components/spin/translator.wasm"),
//!     ],
//! };
//! let application = Application { name: "edge".to_owned(), version: "0.1.0".to_owned(), chains: vec![chain] };
//! let manifest = application.manifest()?.to_string();
//! assert!(manifest.contains(r#"{ component = "auth", inherit_configuration = ["variables"] }"#));
//! assert!(manifest.contains("weir_secret_backend_claude_key = { required = true, secret = true }"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod application;
mod error;
mod manifest;
mod name;
mod plan;

pub use application::{Application, Capability, Chain, Configuration, MAX_CONFIG_BYTES, Part, Route};
pub use error::SpinError;
pub use manifest::Manifest;
