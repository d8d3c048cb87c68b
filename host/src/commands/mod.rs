//! One file for each command: reads settings, builds, runs.

pub(crate) mod check;
pub(crate) mod compose;
pub(crate) mod edge;
pub(crate) mod fleet;
pub(crate) mod host;
pub(crate) mod key;
pub(crate) mod schema;
pub(crate) mod sim;
pub(crate) mod up;
