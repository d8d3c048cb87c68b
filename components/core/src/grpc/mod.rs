//! gRPC as a gateway needs it: what frames messages, how a call ends, and which model a message names.
//!
//! A gRPC call is an HTTP/2 request whose body is messages, each behind a flag and its length, and whose end is told in
//! trailers ([the protocol](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)). KServe's servers speak the
//! Open Inference Protocol over it: one service, `inference.GRPCInferenceService`, whose requests have the model's name
//! in their first field. That field is all that is read here: tensors pass as they are, and no generated code is needed.
//!
//! A name is read in one way or not at all. Protocol Buffers let a field be written twice and take the last; a reader
//! that takes the first would let a caller past what it may use, so two are refused.
//!
//! ```
//! use weir_core::grpc::{self, Message};
//!
//! let body = grpc::framed(b"\x0a\x05llama");
//! let message = Message::only(&body, 1024)?;
//! let name = message.name(256)?.expect("it names a model");
//! assert_eq!(name.text(), "llama");
//! assert_eq!(message.renamed(&name, "llama-3"), grpc::framed(b"\x0a\x07llama-3"));
//! # Ok::<(), grpc::Fault>(())
//! ```

mod fault;
mod frame;
#[doc(hidden)]
pub mod fuzz;
mod name;
mod status;
mod tensors;
mod timeout;
pub mod wire;

pub use fault::Fault;
pub use frame::{Deframer, Message, PREFIX, framed};
pub use name::Name;
pub use status::{Code, MESSAGE, PUSHBACK, STATUS, STATUS_DETAILS, Status, escaped};
pub use tensors::{answered_texts, streamed_texts, texts};
pub use timeout::{TIMEOUT, read_timeout, write_timeout};

/// Whether a `content-type` is gRPC's with Protocol Buffers: `application/grpc`, `application/grpc+proto`, either with
/// parameters.
#[must_use]
pub fn is_grpc(content_type: &[u8]) -> bool {
    let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/grpc") || essence.eq_ignore_ascii_case(b"application/grpc+proto")
}
