//! Configuration and secrets for Weir's components, out of Spin variables.
//!
//! The component exports `weir:gateway/settings` and is plugged into each part of a chain that runs under Spin: Spin
//! composes a component's dependencies into a trigger's primary component only, never into its middleware, so a part
//! brings its settings along. The configuration is the variable [`CONFIG_VARIABLE`]; each secret has a variable of its
//! own. Both are *component* variables, which a manifest fills from application variables.
//!
//! ```
//! use weir_settings_spin::{Found, secret_variable};
//!
//! assert_eq!(secret_variable("backend-claude-key"), "weir_secret_backend_claude_key");
//!
//! assert!(Found::Value("sk-1".to_owned()).value() == Ok(Some("sk-1".to_owned())));
//! assert!(Found::Undefined.value() == Ok(None));
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod variable;

#[cfg(target_family = "wasm")]
mod component;

pub use variable::{CONFIG_VARIABLE, Found, is_variable_name, secret_variable};
