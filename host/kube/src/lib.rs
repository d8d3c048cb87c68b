//! What a cluster serves, as its API server says it: objects watched, and what they mean for the data plane.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod catalog;
pub mod objects;
pub mod watch;
