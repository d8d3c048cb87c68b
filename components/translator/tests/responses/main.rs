//! Responses, on both sides: what is written is read again as it was, whole and in streams, and streams keep the laws of
//! their events.
#![allow(clippy::unwrap_used)]

mod requests;
mod streams;
mod walk;
