//! What a cluster serves, as its API server says it: objects watched, and what they mean for the data plane.
//!
//! * [`watch`]: lists and watches that survive whatever the API server does.
//! * [`objects`]: the objects, as far as they are used.
//! * [`catalog`]: what they mean, as a pure function: models, with names, versions and servers.
//! * [`Picture`]: a store for each kind that is watched; [`KINDS`] are all of them.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod catalog;
pub mod objects;
mod picture;
pub mod watch;

pub use picture::{KINDS, Picture};
