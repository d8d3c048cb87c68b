//! The side of backends: requests are written, their answers and streams read.

mod content;
mod count;
mod items;
mod request;
mod response;
mod stream;
mod tools;

pub use count::{decode_count, encode_count_request};
pub use request::encode_request;
pub use response::decode_response;
pub use stream::Decoder;
