//! The innermost part of the chain: puts the request into the backend's dialect, and the answer back.
//!
//! Everything here but `component.rs` is pure: a request goes in and a call comes out as a value ([`attempt`]), bytes
//! go in and events come out ([`stream`]). Between dialects stands one [canonical](crate::canonical) conversation;
//! where both sides speak the same, nothing is taken apart and bytes pass as they are.
//!
//! ```
//! use weir_core::sse::{Decoder, Item};
//! use weir_core::{Dialect, Estimate, Limits, UnixMillis};
//! use weir_translator::codec::Asked;
//! use weir_translator::stream::{Close, Cross, Machine};
//! use weir_translator::{anthropic, openai_chat};
//!
//! // Anthropic's stream for a client that speaks chat completions, in pieces that cut through its events.
//! let translation = Cross::new(
//!     Box::new(anthropic::Decoder::default()),
//!     Box::new(openai_chat::Encoder::new(&Asked::default(), UnixMillis(0))),
//! );
//! let limits = Limits::default();
//! let mut machine = Machine::new(Box::new(translation), Dialect::OpenaiChat, Estimate::default(), &limits);
//! machine.feed(b"data: {\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"model\":\"claude\"}}\n");
//! machine.feed(b"\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"Hi\"}}\n\n");
//! let closed = machine.close(Close::End);
//! assert_eq!(closed.ending, weir_core::Ending::Truncated);
//! assert!(String::from_utf8_lossy(&closed.tail).contains("\"code\":\"upstream_truncated\""));
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod anthropic;
pub mod attempt;
pub mod canonical;
pub mod codec;
mod fields;
pub mod fuzz;
mod inference;
pub mod openai_chat;
pub mod openai_responses;
pub mod said;
pub mod stream;
pub mod tools;
pub mod unsupported;

#[cfg(target_family = "wasm")]
pub mod component;
