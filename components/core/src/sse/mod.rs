//! Server-sent events, as the WHATWG's HTML standard defines them (section 9.2, "Server-sent events").
//!
//! [`Decoder`] is fed bytes in whatever pieces the network gives and says what they hold, block by block. Each
//! [`Item`] carries its raw bytes: put one behind the other they are the stream again, so that whoever only looks on
//! can pass a stream on byte for byte. Nothing is allocated for an event that came in one piece.
//!
//! ```
//! use weir_core::Limits;
//! use weir_core::sse::{Decoder, Item};
//!
//! let mut decoder = Decoder::new(&Limits::default());
//! let mut seen = Vec::new();
//! for piece in [&b"event: greet\nda"[..], b"ta: hello\r\n\r\n: a comment\n\n"] {
//!     decoder.feed(piece, |item| match item {
//!         Item::Event(event) => seen.push(format!("{} {}", event.name(), String::from_utf8_lossy(&event.data()))),
//!         Item::Comment(raw) | Item::Other(raw) => seen.push(format!("{} bytes", raw.len())),
//!     })?;
//! }
//! assert_eq!(seen, ["greet hello", "13 bytes"]);
//! # Ok::<(), weir_core::sse::Fault>(())
//! ```

mod decode;
mod encode;
mod event;
mod fuzz;
#[cfg(test)]
mod tests;

pub use decode::{Decoder, Fault};
pub use encode::{comment, encode};
pub use event::{Event, Item};
pub use fuzz::fuzz;
