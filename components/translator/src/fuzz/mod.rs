//! What the fuzz targets assert, for every dialect and every pair; a stable test replays their corpora through the
//! same functions.
//!
//! The targets are named by the dialect of the bytes: [`request`] takes what clients write, [`answer`] and [`stream`]
//! what backends write, [`error`] an error body of anyone's. Each goes through all dialects on the other side, and
//! what comes out is read by [`Heard`], the tests' own reader, to whose eyes it must be without fault.

mod answers;
mod heard;
mod pairs;
mod requests;
mod streams;

pub use answers::{answer, error};
pub use heard::{Answer, Call, End, Heard};
pub use pairs::{DIALECTS, backends, call, clients, exchange, least, pairs};
pub use requests::request;
pub use streams::{broken_law, laws, stream};
