//! What providers really said, where the recordings lie beside the workspace; skipped elsewhere.
//!
//! - [`requests`]: each request is understood, and its own dialect's encoder writes it again, the same in meaning.
//! - [`answers`] and [`streams`]: each passes byte for byte while the tap reads the usage that was stated; each decodes
//!   without losing anything known, and reaches clients of every dialect with every word, in the shape that they expect.
//! - [`refusals`]: each error keeps its status and its words.
//!
//! What comes out for clients of other dialects is written to `target/report/translated`, where `tests/sdk` has the
//! providers' own SDKs read it.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "tests read files; the library does not")]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod load;
mod meaning;
mod refusals;
mod refused;
mod report;
mod requests;
mod streams;
