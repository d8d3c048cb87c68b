//! Makes one component out of a chain of them.
//!
//! A tier-one chain is a row of WASI 0.3.0 HTTP components, outermost first: every part but the last is a
//! `wasi:http/middleware`, which imports the handler that it calls, and the last is a `wasi:http/service`. They are
//! wired by the literal name [`HANDLER`], as Spin wires them, so that the same files behave the same everywhere.
//! What a part imports beyond that (`wasi:*`, [`SETTINGS`]) stays open, for the host to give; or a provider of settings
//! is plugged into a part first, where the host has none.
//!
//! Two kinds of parts stand in a chain. Weir's own are trusted. Somebody else's are not: each is instantiated over a
//! component of its own, `grant`, from which it gets its configuration, secrets, environment and HTTP client, as far as
//! they are granted by name ([`Grants`]); what else it imports is harmless, or refused by name. Behind `auth` it stands
//! between two wardens, so that it can read who calls and cannot change it.
//!
//! The same chain always gives the same bytes, so that a composed file can be named by its digest; and it says in itself
//! what it is made of ([`inspect`]). Secrets are in it by name only.
//!
//! ```no_run
//! use weir_compose::{Access, Around, Chain, Grants, Part};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = std::path::Path::new("target/components");
//! let read = |name: &str| std::fs::read(folder.join(format!("{name}.wasm")));
//! let filter = Grants { network: Some(vec!["https://opa.example.com".into()]), ..Grants::default() };
//! let chain = Chain {
//!     tenant: None,
//!     parts: vec![
//!         Part::new("auth", read("auth")?),
//!         Part::new("opa", std::fs::read("filters/opa.wasm")?).with(Access::Granted(filter)),
//!         Part::new("router", read("router")?),
//!         Part::new("limiter", read("limiter")?),
//!         Part::new("translator", read("translator")?),
//!     ],
//!     around: Around::from_folder(folder)?,
//! };
//! let composed = chain.compose()?;
//! print!("{}", composed.description);
//! std::fs::write("chain.wasm", composed.bytes)?;
//! # Ok(()) }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod around;
mod bracket;
mod chain;
mod data;
mod describe;
mod error;
mod fence;
mod imports;
mod part;
mod picture;
mod plug;

pub use around::Around;
pub use chain::{Chain, compose};
pub use describe::{
    Composed, Description, Digested, GrantDescription, InspectError, PartDescription, SECTION, inspect, sha256,
};
pub use error::ComposeError;
pub use fence::fence;
pub use part::{Access, Grants, HANDLER, Part, SETTINGS};
pub use plug::plug;
