//! The side of clients that speak chat completions: their requests are read, their answers and streams written.

mod content;
mod request;
mod response;
mod stream;

pub use request::decode_request;
pub use response::encode_response;
pub use stream::Encoder;
