//! Streams, written as messages: one block after the other.
//!
//! A block stays open until something else begins, since what a backend says of words (citations, proofs) may come
//! after their end. Of several calls whose arguments come in between each other one is written at a time; the others
//! wait, and what comes after them with them, so that the order stays.

mod encoder;
mod waiting;
mod wire;

pub use encoder::Encoder;
