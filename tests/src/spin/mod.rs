//! What Spin 4 does with a manifest, as far as an HTTP trigger goes: it composes the primary component's dependencies
//! into it, then the middleware in front of it, and gives the whole the component variables.
//!
//! [`SpinManifest`] reads one, [`compose`] follows its loader step by step and with a composition graph of its own (so
//! that nothing of `weir compose` is taken for granted), and [`SpinServer`] serves the result with the real
//! `wasmtime serve`, where a small component stands in for `spin:variables`.

mod compose;
mod manifest;
mod serve;

pub use compose::{compose, imports};
pub use manifest::{Component, Dependency, Inherits, SpinManifest, Trigger};
pub use serve::SpinServer;
