//! The canonical conversation: what all dialects say, in one shape.
//!
//! A dialect is a folder: a decoder for requests and an encoder for answers where it is a client's, an encoder for
//! requests and a decoder for answers where it is a backend's. Each of them knows this shape and its own dialect,
//! and none knows another. Each type says how the dialects call it; where a dialect is not named, it has no such thing.
//!
//! Short names: *chat* for OpenAI chat completions, *responses* for OpenAI responses, *messages* for Anthropic
//! messages, *Gemini*, *Converse* for Bedrock Converse, *Cohere* for Cohere chat v2.

mod event;
mod field;
mod message;
mod request;
mod response;
mod signature;
mod unfold;

pub use event::Event;
pub use field::Field;
pub use message::{
    Audio, CacheMark, CacheTtl, Document, Foreign, Image, Message, Part, Reasoning, Role, Source, Text, ToolCall,
    ToolResult,
};
pub use request::{
    Custom, Effort, Function, Loading, Request, ResponseFormat, Sampling, ServiceTier, Shown, Thinking, ThinkingMode,
    Tool, ToolChoice, Unplaced, Verbosity, WebSearch,
};
pub use response::{Candidate, Citation, Finish, Response, TokenLogprob, TopLogprob};
pub use signature::Signature;
