//! Configuration and secrets for Weir's components, out of environment variables.
//!
//! The component exports `weir:gateway/settings` and is plugged into the parts of a chain on runtimes that pass
//! their environment on, such as `wasmtime serve -S cli -S inherit-env=y`. The configuration is `WEIR_CONFIG`; each
//! secret has a variable of its own.
//!
//! ```
//! use weir_settings_env::{Environment, secret_variable};
//!
//! assert_eq!(secret_variable("openai-key"), "WEIR_SECRET_OPENAI_KEY");
//!
//! let environment = Environment::new([
//!     ("WEIR_CONFIG".to_owned(), "{}".to_owned()),
//!     ("WEIR_SECRET_OPENAI_KEY".to_owned(), "sk-1".to_owned()),
//! ]);
//! assert_eq!(environment.config(), Some("{}"));
//! assert_eq!(environment.secret("openai-key"), Some("sk-1"));
//! assert_eq!(environment.secret("anthropic-key"), None);
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod environment;

#[cfg(all(target_family = "wasm", feature = "component"))]
mod component;

pub use environment::{CONFIG_VARIABLE, Environment, secret_variable};
