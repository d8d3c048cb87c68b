//! The Open Inference Protocol over gRPC, on the same port as everything else, told by its content type.
//!
//! - A call is signed as any other. One that streams cannot be signed as a whole: its token is for the first message
//!   ([`weir_core::signing`]), and each later one must name the same model.
//! - The model's name is read from the message and, where its servers know it by another, written anew. Tensors pass as they
//!   are.
//! - Whether the gateway lives, is ready and what it is, it says itself; so it does for gRPC's health protocol, for
//!   itself and for each model. Everything about a model is asked of a server of that model.
//! - Another server is tried where none was reached or one says `UNAVAILABLE`, and only before the first message of an
//!   answer. Of a server's trailers the caller sees status, message and details.
//! - A stream is passed on message by message in both directions; each side is read as the other takes, and one message at
//!   most is held.

mod admit;
mod answer;
mod forward;
mod health;
mod relay;
mod request;
mod upload;

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Response};
use weir_serve::Body;

use self::admit::Asked;
use self::health::Look;
use crate::directory::Directory;
use crate::forward::Forwarder;
use crate::options::ClusterOptions;
use crate::tally::Tally;
use crate::verify::Signed;

/// What of the data plane a call needs.
pub(crate) struct Plane<'p> {
    pub(crate) directory: &'p Directory,
    pub(crate) options: &'p ClusterOptions,
    pub(crate) forwarder: &'p Forwarder,
    /// Looks at the state as it is at any later time.
    pub(crate) look: Arc<Look>,
}

pub(crate) use self::answer::refused;
pub(crate) use self::health::Serving;

/// Whether a request is a call over gRPC, by its content type; or is for a method of gRPC, and has to be told that it is
/// none.
pub(crate) fn is_call(head: &Parts) -> bool {
    let path = head.uri.path();
    is_grpc(&head.headers) || path.starts_with("/inference.GRPCInferenceService/") || path.starts_with("/grpc.")
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| weir_core::grpc::is_grpc(value.as_bytes()))
}

/// The answer to a call.
pub(crate) async fn answer(plane: Plane<'_>, signed: Signed, mut tally: Tally) -> Response<Body> {
    match admit::admit(&plane, signed, &mut tally).await {
        Ok(Asked::Here(reply)) => answer::whole(&reply, tally),
        Ok(Asked::Watch(model)) => health::watch(model, plane.look, tally),
        Ok(Asked::Call(call)) => forward::forward(plane.forwarder, *call, tally).await,
        Err(error) => refused(&error, tally),
    }
}
