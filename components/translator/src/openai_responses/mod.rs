//! OpenAI responses (<https://platform.openai.com/docs/api-reference/responses>).
//!
//! As a client's dialect: [`decode_request`] reads requests, [`encode_response`] and [`Encoder`] write answers and streams,
//! [`echo`] picks what they repeat of the request. As a backend's dialect: [`encode_request`] writes requests,
//! [`decode_response`] and [`Decoder`] read answers and streams. As both sides' dialect: [`edit`] takes
//! out of a request what OpenAI refuses, [`ResponsesTap`] looks on while a stream passes.
//!
//! Nothing is stored: a conversation comes whole with each request, and reasoning travels in it encrypted.

mod annotation;
mod backend;
mod client;
mod edit;
mod failed;
mod short;
mod tap;
mod usage;

pub use backend::{Decoder, decode_response, encode_request};
pub use client::{Encoder, decode_request, echo, encode_response};
pub use edit::edit;
use failed::failed;
pub use tap::{ResponsesTap, tap_answer};
