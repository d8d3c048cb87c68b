//! The side of clients: their requests are read, their answers and streams written.

mod content;
mod echo;
mod input;
mod item;
mod request;
mod response;
mod stream;
mod tools;

pub use echo::echo;
pub use request::decode_request;
pub use response::encode_response;
pub use stream::Encoder;

#[cfg(test)]
mod tests;
