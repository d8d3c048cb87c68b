//! The side of a client that speaks messages: requests are read, answers and streams are written.

mod content;
mod request;
mod response;
mod stream;
mod tools;

pub use request::decode_request;
pub use response::encode_response;
pub use stream::Encoder;

#[cfg(test)]
mod tests;
