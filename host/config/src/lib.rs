//! `weir.yaml`: from what people type to settings that are checked.
//!
//! A file is read in two steps, with a type for each. What was *typed* is a tree of plain fields, each with its place in
//! the file; what it *means* is [`Config`](weir_core::Config) for the components, [`EdgeSettings`] and [`HostSettings`]
//! for the two tiers, and a [`SecretTable`] that says where secrets are. The second step refuses whatever cannot be
//! meant: a value of those types is a good one, and nothing has to be validated later.
//!
//! Whoever writes such a file should need one run to learn of all that is wrong with it. So neither step stops at the
//! first mistake; each mistake has its place, the lines around it, and a way out:
//!
//! ```
//! let text = b"
//! backends:
//!   claude: { type: antropic, url: api.anthropic.com, key: sk-ant-1 }
//! ";
//! let Err(report) = weir_config::load_bytes("weir.yaml", text, "/etc/weir".as_ref(), &weir_config::Machine) else {
//!     panic!("this is not a good one")
//! };
//! let shown = report.to_string();
//! assert!(shown.contains("weir.yaml:3:19: error: `antropic` cannot stand here (did you mean `anthropic`?)"), "{shown}");
//! assert!(!report.render(false).contains("sk-ant-1"), "a report never repeats a secret");
//! ```
//!
//! Secrets stand in the file by reference. [`load`] reads only those that it has to compare (keys of tenants, of which
//! the configuration holds the hash); those that are sent are read by [`SecretTable::resolve`], when a process starts
//! that needs them.
//!
//! * [`load`], [`load_bytes`], [`Loaded`]: loading. [`create_missing`] makes the keys that a file asks for.
//! * [`watch`](watch()): loading again when the file changes.
//! * [`keys`]: API keys and signing keys.
//! * [`settings`]: what the two tiers are told. [`for_tenant`], [`secrets_of`]: what one tenant and one part need of it.
//! * [`schema`](schema()): the JSON schema, for editors.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod compile;
mod file;
pub mod fuzz;
pub mod keys;
mod load;
mod narrow;
mod oci;
mod profiles;
mod quantity;
mod read;
mod report;
mod schema;
mod secrets;
mod selector;
pub mod settings;
mod watch;
mod world;

pub use load::{EXIT_CODE, Loaded, create_missing, load, load_bytes};
pub use narrow::{for_tenant, secrets_of};
pub use oci::OciError;
pub use report::{ConfigReport, Mistake};
pub use schema::schema;
pub use secrets::{SecretRef, SecretTable, Secrets};
pub use settings::{AccessLog, EdgeSettings, HostSettings};
pub use watch::{Watch, watch};
pub use world::{Machine, World};
