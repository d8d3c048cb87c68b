//! The Open Inference Protocol over gRPC, with a gRPC library of others on both sides.
#![allow(clippy::unwrap_used)]
#![allow(clippy::result_large_err, reason = "tonic's status is what it is")]

mod calls;
#[path = "../common/mod.rs"]
mod common;
mod faults;
mod health;
mod streams;
mod tier;
