//! What a cluster's objects mean: what a real API server said of them, KServe's own samples, each rule, and whatever else
//! may come.

#![allow(missing_docs, clippy::unwrap_used)]

mod adapters;
mod groups;
mod names;
mod properties;
mod recorded;
mod rewrites;
mod samples;
mod services;
mod shown;
mod world;
