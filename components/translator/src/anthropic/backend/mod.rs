//! The side of a backend that speaks messages: requests are written, answers and streams are read.

mod conversation;
mod request;
mod response;
mod stream;

pub use request::encode_request;
pub use response::decode_response;
pub use stream::Decoder;
