//! What clients of messages send and get.

mod requests;
mod streams;
