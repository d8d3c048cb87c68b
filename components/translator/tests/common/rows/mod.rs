//! What a conversation can carry, row by row: each a probe that puts one thing into a request or an answer, and a way
//! to read it out of whatever became of it.
//!
//! A probe is written once, in the canonical conversation. What a client of a dialect writes for it comes out of the
//! dialect's own encoder; what a backend of another dialect was sent is read by that dialect's own decoder. So a row
//! says nothing of dialects, and a new dialect needs no new row.

pub(crate) mod answers;
pub(crate) mod requests;
mod through;

#[allow(unused_imports, reason = "each test uses its part")]
pub(crate) use through::{Cell, answer, fold, nothing, request, stream};
