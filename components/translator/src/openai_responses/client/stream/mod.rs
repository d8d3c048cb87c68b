//! Streams.
//!
//! An answer is a list of items: thoughts, a message, calls. Each is opened, filled and closed by events that say its place;
//! a message's parts and a summary's likewise. The last event holds the whole response, so all that was said is kept
//! until then. Words go into one item at a time; calls may be open beside them, and beside each other.

mod encoder;
mod open;
mod wire;

pub use encoder::Encoder;
