//! What the API server says, kept up to date.
//!
//! For each kind of object and each namespace (or all of them at once) there is one *scope*: a task that lists the
//! objects in pages, then watches from where the list was, and writes into the kind's [`Store`]. A store is the last
//! good picture: nothing that goes wrong on the way to the API server empties it, and [`Watches::age`] says how old it
//! is.
//!
//! What can go wrong, and what is done:
//!
//! | what | what is done |
//! |---|---|
//! | a stream ends, breaks, or holds what is no JSON | watched again from the last resource version |
//! | a stream is silent for [`WatchLimits::silence`], bookmarks and all | the same, at once |
//! | 410, as a status or as an event | listed again; what is gone is removed, in one step with what is new |
//! | the same resource version gives nothing three times | listed again: the server may have lost its memory |
//! | 429, 5xx, no connection, 401, 403 | tried again, with back-off, or when `Retry-After` says |
//! | 404: the kind is not installed | looked for again now and then; its objects go when it stays so |
//! | an object that cannot be read | skipped, counted and logged; what was known of it stays |
//!
//! A better version of a kind that comes to be served is noticed within minutes. Nothing here knows what the objects
//! mean.
//!
//! ```no_run
//! use weir_kube::objects::{InferenceService, Pod};
//! use weir_kube::watch::{ConnectOptions, Kube, Need, Watches, WatchesOptions};
//!
//! # async fn example() -> Result<(), weir_kube::watch::ConnectError> {
//! let kube = Kube::connect(&ConnectOptions::default()).await?;
//! let mut watches = Watches::new(&kube, WatchesOptions::default());
//! let services = watches.add::<InferenceService>(Need::Required, Some("team=search"));
//! let pods = watches.add::<Pod>(Need::Required, None);
//! let mut changes = watches.changes();
//! while changes.next().await {
//!     println!("{} services, {} pods, heard {:?} ago", services.len(), pods.len(), watches.age());
//! }
//! # Ok(())
//! # }
//! ```

mod address;
mod backoff;
mod bearer;
mod changes;
mod connect;
mod failure;
mod frames;
pub mod fuzz;
mod kind;
mod limits;
mod list;
mod scope;
mod served;
mod server;
mod status;
mod store;
mod stream;
mod watches;

pub use changes::Changes;
pub use connect::{ConnectError, ConnectOptions, Kube};
pub use failure::FailureKind;
pub use kind::Kind;
pub use limits::WatchLimits;
pub use status::{WatchState, WatchStatus};
pub use store::Store;
pub use watches::{Need, Watches, WatchesOptions};
