//! Anthropic messages (<https://docs.anthropic.com/en/api/messages>).
//!
//! As a backend's dialect: [`encode_request`] writes requests, [`decode_response`] and [`Decoder`] read answers and
//! streams. As both sides' dialect: [`MessagesTap`] looks on while a stream passes.

mod content;
mod request;
mod response;
mod stream;
mod tap;
mod usage;

pub use request::encode_request;
pub use response::decode_response;
pub use stream::Decoder;
pub use tap::{MessagesTap, tap_answer};
pub use usage::AnthropicUsage;
