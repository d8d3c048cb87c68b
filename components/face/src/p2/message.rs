//! Requests and responses between WASI's resources and this crate's types.

use std::convert::Infallible;

use http::Method;
use wasip2::http::types::{self, Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wstd::io::AsyncOutputStream;

use super::bytes::Inflow;
use super::{ErrorCode, Request, fields};
use crate::inlet::Inlet;
use crate::relay::{Body, Kind, Relay};
use crate::request::{Incoming, RequestBody};

/// What a request carries besides what the parts know of: it is never handed on, so nothing.
#[derive(Clone, Default)]
pub(crate) struct Via;

/// A response that the host gives: there is none, since there is no part that is another component.
pub(crate) type Response = Infallible;

/// Takes a response apart.
pub(crate) fn open_response(response: Response) -> Relay {
    match response {}
}

/// Takes a request apart.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "its body can be taken once")]
pub fn open_request(request: Request) -> Incoming {
    let method = method_from_wasi(&request.method());
    let target = request.path_with_query().unwrap_or_else(|| "/".to_owned());
    let (authority, headers) = (request.authority(), fields::from_wasi(&request.headers()));
    let body = request.consume().ok().and_then(Inflow::of);
    let body = body.map_or_else(|| RequestBody::Whole(Vec::new()), |inflow| RequestBody::Coming(Inlet::of(inflow)));
    Incoming { method, target, authority, headers, via: Via, body }
}

/// Puts a response together and writes it, to its end. The trailers of a body that is at hand are waited for before
/// anything is sent, since there are hosts that end an instance with the last byte of a stated length.
pub async fn close_response(response: Result<crate::Response, ErrorCode>, out: ResponseOutparam) {
    let Relay { status, headers, body, mut trailers } = match response.map(crate::Response::into_kind) {
        Ok(Kind::Own(relay)) => *relay,
        Ok(Kind::Host(response)) => match response {},
        Err(code) => return ResponseOutparam::set(out, Err(code)),
    };
    if matches!(body, Body::Whole(_)) {
        trailers = Box::pin(std::future::ready(trailers.await));
    }
    let response = OutgoingResponse::new(fields::to_wasi(&headers));
    let _ = response.set_status_code(status);
    let Ok(outgoing) = response.body() else { return };
    ResponseOutparam::set(out, Ok(response));
    // A client that left needs no body; the trailers are waited for all the same, since they settle what was used.
    write(&outgoing, body).await;
    match trailers.await {
        Ok(said) => {
            let said: Option<Fields> = said.as_ref().map(fields::to_wasi);
            let _ = OutgoingBody::finish(outgoing, said);
        }
        // A body that is dropped unfinished is one that broke off.
        Err(_) => drop(outgoing),
    }
}

/// Writes a body piece by piece. When this returns, whoever wrote it finds that nobody reads any more.
async fn write(outgoing: &OutgoingBody, body: Body) {
    let Ok(stream) = outgoing.write() else { return };
    let stream = AsyncOutputStream::new(stream);
    match body {
        Body::Whole(bytes) => drop(stream.write_all(&bytes).await),
        Body::Flow(mut reader) => {
            while let (true, piece) = reader.next(Vec::new()).await {
                if stream.write_all(&piece).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
        }
    }
}

fn method_from_wasi(method: &types::Method) -> Method {
    match method {
        types::Method::Get => Method::GET,
        types::Method::Head => Method::HEAD,
        types::Method::Post => Method::POST,
        types::Method::Put => Method::PUT,
        types::Method::Delete => Method::DELETE,
        types::Method::Connect => Method::CONNECT,
        types::Method::Options => Method::OPTIONS,
        types::Method::Trace => Method::TRACE,
        types::Method::Patch => Method::PATCH,
        // A method that is no token cannot have come over HTTP; OPTIONS is served nowhere.
        types::Method::Other(name) => Method::from_bytes(name.as_bytes()).unwrap_or(Method::OPTIONS),
    }
}

pub(super) fn method_to_wasi(method: &Method) -> types::Method {
    match *method {
        Method::GET => types::Method::Get,
        Method::HEAD => types::Method::Head,
        Method::POST => types::Method::Post,
        Method::PUT => types::Method::Put,
        Method::DELETE => types::Method::Delete,
        Method::CONNECT => types::Method::Connect,
        Method::OPTIONS => types::Method::Options,
        Method::TRACE => types::Method::Trace,
        Method::PATCH => types::Method::Patch,
        _ => types::Method::Other(method.as_str().to_owned()),
    }
}
