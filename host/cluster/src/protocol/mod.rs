//! What is spoken with callers and with model servers: which protocol a model has, under which path and name a server
//! has it, what KServe's servers say when they refuse, and what is asked about the cluster itself.
//!
//! A call is in one protocol from end to end. What differs between servers that speak the same is put right here: the
//! paths ([`place`]), the shapes of errors ([`refused`]), lists and readiness ([`questions`]), which are answered from
//! what is known of the cluster, never by one server for all.

pub(crate) mod named;
pub(crate) mod place;
pub(crate) mod questions;
pub(crate) mod refused;
pub(crate) mod speaks;
