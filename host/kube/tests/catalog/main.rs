//! What a cluster's objects mean: what a real API server said of them, KServe's own samples, each rule, and whatever else
//! may come.

// Objects are written where they are used.
#![allow(missing_docs, clippy::unwrap_used, clippy::needless_pass_by_value)]

mod adapters;
mod groups;
mod hostile;
mod names;
mod properties;
mod recorded;
mod rewrites;
mod samples;
mod services;
mod shown;
mod world;
