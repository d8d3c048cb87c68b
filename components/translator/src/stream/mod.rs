//! The stream machine: a backend's bytes in, the client's events out, and an ending that is never made up.
//!
//! `feed(bytes)` · `poll_output()` · `close(how)`. Its laws, which the tests hold it to for every dialect:
//!
//! - Any split of the input gives the same output.
//! - There is exactly one terminal event: the dialect's own, or an error event; what comes after it is dropped.
//! - A stream that was cut is told as an error event and ends [`Truncated`](weir_core::Ending::Truncated); it is
//!   never closed as if it were complete.
//! - What it holds is bounded by [`Limits`](weir_core::Limits).

mod frames;
mod machine;
mod translation;

pub use frames::Frames;
pub(crate) use machine::estimated_tokens;
pub use machine::{Close, Closed, Machine};
pub(crate) use translation::Pass;
pub use translation::{Cross, Sink, Source, Step, Tap, Tapped, Translation};
