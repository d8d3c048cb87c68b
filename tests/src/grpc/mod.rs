//! A model server that speaks the Open Inference Protocol over gRPC, by a gRPC library that is not Weir's, and does as it is
//! told.

mod messages;
mod server;

pub use messages::{InferRequest, InferResponse, Named, Said, ServerMetadata};
pub use server::{Does, Seen, Server};
