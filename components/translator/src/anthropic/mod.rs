//! Anthropic messages (<https://docs.anthropic.com/en/api/messages>).
//!
//! As a client's dialect ([`client`]): [`decode_request`] reads requests, [`encode_response`] and [`Encoder`] write
//! answers and streams. As a backend's ([`backend`]): [`encode_request`] writes requests, [`decode_response`] and
//! [`Decoder`] read answers and streams. As both sides' dialect: [`edit`] changes no more of a request than must be,
//! [`MessagesTap`] looks on while a stream passes.

mod backend;
mod cache;
mod citation;
mod client;
mod edit;
mod ids;
mod stop;
mod tap;
mod usage;

pub use backend::{Decoder, decode_response, encode_request};
pub use client::{Encoder, decode_request, encode_response};
pub use edit::edit;
pub use tap::{MessagesTap, tap_answer};
pub use usage::AnthropicUsage;

#[cfg(test)]
mod laws;
