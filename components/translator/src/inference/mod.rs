//! KServe's inference protocols: what they carry passes as it is, and is looked at for what it used alone.
//!
//! No server of these protocols reports usage, so it is estimated, from the text that is in an answer: numbers are none.

mod tap;
mod text;

pub(crate) use tap::InferenceTap;
pub(crate) use text::usage;
