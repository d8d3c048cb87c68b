//! The side of a client that speaks messages: requests are read, answers and streams are written.

mod content;
mod count;
mod request;
mod response;
mod stream;
mod tools;

pub use count::{decode_count_request, encode_count};
pub use request::decode_request;
pub use response::encode_response;
pub use stream::Encoder;

#[cfg(test)]
mod tests;
