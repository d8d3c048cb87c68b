//! The side of a backend that speaks messages: requests are written, answers and streams are read.

mod content;
mod conversation;
mod named;
mod request;
mod response;
mod schema;
mod stream;
mod thinking;
mod tools;

pub use request::encode_request;
pub use response::decode_response;
pub use stream::Decoder;

#[cfg(test)]
mod tests;
