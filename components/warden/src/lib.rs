//! What must not change in the hands of a foreign part.
//!
//! A part of a chain that is not Weir's own may see who is calling, and must not be able to change it. So it stands
//! between two wardens: `warden-outer` before it, `warden-inner` behind it. They share a vault that the foreign part has
//! no way to (`weir-vault`).
//!
//! - **On the way in** the outer warden takes every internal header away ([`deposit`]), keeps them in the vault, and
//!   sends on a copy of those that a foreign part may read ([`READABLE`]) with a token. The inner warden throws away
//!   what the foreign part made of them and restores the deposit ([`restore_request`]). A call without a token, or with one
//!   that is spent, goes no further ([`no_deposit`]).
//! - **On the way out** it is the same for the answer's internal headers ([`take_answer`], [`restore_answer`]) and for
//!   its trailers ([`ending`], [`restore_trailers`]): a foreign part may swallow them, and what was used and how it ended
//!   is known all the same.
//!
//! A foreign part that never calls on has answered by itself; then there is nothing to restore.
//!
//! ```
//! use http::{HeaderMap, HeaderValue};
//! use weir_warden::{deposit, restore_request};
//!
//! let mut headers = HeaderMap::new();
//! headers.insert("x-weir-principal", HeaderValue::from_static("alice"));
//! headers.insert("x-weir-plan", HeaderValue::from_static("{}"));
//! let kept = deposit(&mut headers);
//!
//! // The foreign part saw the principal, but not the plan, and would like to be somebody else.
//! assert!(!headers.contains_key("x-weir-plan"));
//! headers.insert("x-weir-principal", HeaderValue::from_static("mallory"));
//! headers.insert("x-seen-by", HeaderValue::from_static("a foreign part"));
//!
//! restore_request(&mut headers, kept);
//! assert_eq!(headers["x-weir-principal"], "alice");
//! assert_eq!(headers["x-weir-plan"], "{}");
//! assert_eq!(headers["x-seen-by"], "a foreign part");
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
mod error;
mod kept;
mod request;

pub use answer::{ending, restore_answer, restore_trailers, take_answer};
pub use error::{dialect, no_deposit, no_room};
pub use kept::Headers;
pub use request::{READABLE, TOKEN, deposit, restore_request, token};
