//! What a request can carry.

mod conversation;
mod make;
mod raw;
mod read;
mod settings;
mod tools;

use serde_json::Value;
use weir_core::{Dialect, Tokens};
use weir_translator::canonical::{Message, Request, Role};

/// A thing that a request can carry.
pub(crate) struct Row {
    /// Its name on the page.
    pub(crate) name: &'static str,
    /// Puts it into a request.
    pub(crate) put: fn(&mut Request),
    /// Reads it out of one.
    pub(crate) read: fn(&Request) -> Value,
    /// The request as clients write it, where the canonical one has no place for the thing.
    pub(crate) raw: Option<fn(Dialect) -> Option<String>>,
    /// Whether it holds a proof of reasoning that the backend's family made.
    pub(crate) proof: bool,
}

const fn row(name: &'static str, put: fn(&mut Request), read: fn(&Request) -> Value) -> Row {
    Row { name, put, read, raw: None, proof: false }
}

/// Every row.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    [conversation::ROWS, tools::ROWS, settings::ROWS, raw::ROWS].into_iter().flatten()
}

/// A request that says no more than it must.
pub(crate) fn base() -> Request {
    let model = "m".to_owned();
    let messages = vec![Message::new(Role::User, vec![make::text("hi")], "messages[0]")];
    Request { model, messages, max_output: Some(Tokens(64)), ..Request::default() }
}
