//! The side of backends that speak chat completions: requests to them are written, their answers and streams read.

mod answer;
mod conversation;
mod effort;
mod finish;
mod ids;
mod part;
mod place;
mod request;
mod response;
mod stream;
mod tool_calls;
mod tools;

pub(super) use ids::call_id;
pub use request::encode_request;
pub use response::decode_response;
pub use stream::Decoder;

use serde_json::{Map, Value};

/// An object of these members, which are moved, not copied, into it.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(Map::from_iter(members.map(|(key, value)| (key.to_owned(), value))))
}

#[cfg(test)]
mod tests;
