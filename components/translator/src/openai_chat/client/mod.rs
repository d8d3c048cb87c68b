//! The side of clients that speak chat completions: their requests are read, their answers and streams written.

mod cache;
mod content;
mod message;
mod request;
mod response;
mod stream;
mod tools;

pub use request::{decode_request, echo};
pub use response::encode_response;
pub use stream::Encoder;

#[cfg(test)]
mod tests;
