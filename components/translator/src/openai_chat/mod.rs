//! OpenAI chat completions (<https://platform.openai.com/docs/api-reference/chat>), and what else lies under OpenAI's
//! paths and passes as it is: completions and embeddings.
//!
//! As a client's dialect: [`decode_request`] reads requests, [`encode_response`] and [`Encoder`] write answers and streams.
//! As a backend's: [`encode_request`] writes requests, [`decode_response`] and [`Decoder`] read answers and streams.
//! As both sides' dialect: [`edit`] and [`fit`] change no more of a request than must be, [`ChatTap`] looks on while a
//! stream passes.
//!
//! A dozen servers speak this dialect, each a little otherwise. What is known of a server before it is called is data,
//! [`Quirks`](weir_core::config::Quirks); what its answers look like is read leniently, whoever it is.

mod backend;
mod client;
mod edit;
#[cfg(test)]
mod laws;
mod proof;
mod tap;
mod thoughts;
mod usage;

pub use backend::{Decoder, decode_response, encode_request};
pub use client::{Encoder, decode_request, echo, encode_response};
pub use edit::{edit, fit, has_custom_tools};
pub(crate) use tap::text_len;
pub use tap::{ChatTap, tap_answer};
pub use usage::OpenaiUsage;
pub(crate) use usage::count;
