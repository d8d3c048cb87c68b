//! OpenAI chat completions (<https://platform.openai.com/docs/api-reference/chat>), and what else lies under OpenAI's
//! paths and passes as it is: completions and embeddings.
//!
//! As a client's dialect: [`decode_request`] reads requests, [`encode_response`] and [`Encoder`] write answers and streams.
//! As both sides' dialect: [`edit`] changes no more of a request than must be, [`ChatTap`] looks on while a stream
//! passes.

mod content;
mod edit;
mod request;
mod response;
mod stream;
mod tap;
mod usage;

pub use edit::edit;
pub use request::decode_request;
pub use response::encode_response;
pub use stream::Encoder;
pub(crate) use tap::text_len;
pub use tap::{ChatTap, tap_answer};
pub use usage::OpenaiUsage;
pub(crate) use usage::count;
