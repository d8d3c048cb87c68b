//! The side of backends: requests are written, their answers and streams read.

mod content;
mod items;
mod request;
mod response;
mod stream;
mod tools;

pub use request::encode_request;
pub use response::decode_response;
pub use stream::Decoder;

#[cfg(test)]
mod tests;
