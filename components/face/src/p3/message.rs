//! Requests and responses between WASI's resources and this crate's types.

use http::{HeaderMap, Method};
use wit_bindgen::FutureReader;

use super::bindings::wasi::http::types::{self, RequestOptions, Scheme};
use super::bindings::{wit_future, wit_stream};
use super::bytes::{ByteReader, Inflow, trailers};
use super::{ErrorCode, Request, Response, fields};
use crate::inlet::Inlet;
use crate::relay::{Body, Relay};
use crate::request::{Incoming, RequestBody};

/// What a request carries besides what the parts know of.
#[derive(Clone, Default)]
#[cfg_attr(not(feature = "middleware"), expect(dead_code, reason = "only a request that is handed on has use for it"))]
pub(crate) struct Via {
    scheme: Option<Scheme>,
}

/// Takes a request apart.
#[must_use]
pub fn open_request(request: Request) -> Incoming {
    let method = method_from_wasi(&request.get_method());
    let target = request.get_path_with_query().unwrap_or_else(|| "/".to_owned());
    let authority = request.get_authority();
    let via = Via { scheme: request.get_scheme() };
    let headers = fields::from_wasi(&request.get_headers());
    // How the reading of the request went is of no use to whoever sent it: dropping the writer says `Ok`.
    let (_, done) = wit_future::new(|| Ok(()));
    let (stream, trailers) = Request::consume_body(request, done);
    let body = RequestBody::Coming(Inlet::of(Inflow { stream, trailers }));
    Incoming { method, target, authority, headers, via, body }
}

/// Puts a request together.
#[cfg(feature = "middleware")]
pub(crate) fn close_request(request: Incoming) -> Request {
    let Incoming { method, target, authority, headers, via: Via { scheme }, body } = request;
    match body {
        RequestBody::Coming(inlet) => {
            let (stream, trailers) = coming(inlet);
            let (request, _sent) = Request::new(fields::to_wasi(&headers), Some(stream), trailers, None);
            set_head(&request, &method, &target, authority.as_deref(), scheme.as_ref());
            request
        }
        RequestBody::Whole(body) => {
            build(&method, &target, authority.as_deref(), scheme.as_ref(), &headers, body, None).0
        }
    }
}

/// A body for the next part in: as the host has it, or, where some of it was read already, carried by a task of its own.
#[cfg(feature = "middleware")]
fn coming(inlet: Inlet) -> (wit_bindgen::StreamReader<u8>, super::bytes::WasiTrailers) {
    match inlet.untouched() {
        Ok(Inflow { stream, trailers }) => (stream, trailers),
        Err(inlet) => {
            let (outflow, stream, trailers) = super::Outflow::open();
            crate::spawn(inlet.carry(outflow));
            (stream, trailers)
        }
    }
}

/// Takes a response apart.
pub(crate) fn open_response(response: Response) -> Relay {
    let status = response.get_status_code();
    let headers = fields::from_wasi(&response.get_headers());
    let (tell, transmitted) = wit_future::new(|| Ok(()));
    let (stream, said) = Response::consume_body(response, transmitted);
    let body = Body::Flow(ByteReader { stream, tell: Some(tell) });
    Relay { status, headers, body, trailers: Box::pin(trailers(said)) }
}

/// Puts a response together. Its trailers are waited for in a task of its own, whatever becomes of the response; those of
/// a body that is at hand before anything is sent, since there are hosts that end an instance with the last byte of a
/// stated length.
pub async fn close_response(response: crate::Response) -> Response {
    let Relay { status, headers, body, mut trailers } = match response.into_kind() {
        crate::relay::Kind::Host(response) => return response,
        crate::relay::Kind::Own(relay) => *relay,
    };
    let (for_client, on_trailers) = wit_future::new(|| Ok(None));
    let (writer, stream, tell) = match body {
        Body::Flow(ByteReader { stream, tell }) => (None, stream, tell),
        Body::Whole(bytes) => {
            trailers = Box::pin(std::future::ready(trailers.await));
            let (writer, stream) = wit_stream::new();
            (Some((writer, bytes)), stream, None)
        }
    };
    let (response, transmitted) = Response::new(fields::to_wasi(&headers), Some(stream), on_trailers);
    let _ = response.set_status_code(status);
    crate::spawn(async move {
        if let Some((mut writer, bytes)) = writer.filter(|(_, bytes)| !bytes.is_empty()) {
            // A client that left needs no body; the trailers go on to the parts further out all the same.
            let _ = writer.write_all(bytes).await;
        }
        let said = trailers.await.map(|map| map.map(|map| fields::to_wasi(&map)));
        // Nobody may be listening any more.
        let _ = for_client.write(said).await;
    });
    if let Some(tell) = tell {
        crate::spawn(async move {
            let _ = tell.write(transmitted.await).await;
        });
    }
    response
}

/// Tells how the sending of a request went.
pub(super) type Sent = FutureReader<Result<(), ErrorCode>>;

/// Builds a request whose body is at hand. Some hosts break the connection off when [`Sent`] is dropped: whoever calls
/// another server keeps it for as long as the answer is read.
pub(super) fn build(
    method: &Method,
    target: &str,
    authority: Option<&str>,
    scheme: Option<&Scheme>,
    headers: &HeaderMap,
    body: Vec<u8>,
    options: Option<RequestOptions>,
) -> (Request, Sent) {
    let (trailers, on_trailers) = wit_future::new(|| Ok(None));
    let contents = (!body.is_empty()).then(|| {
        let (mut writer, reader) = wit_stream::new();
        crate::spawn(async move {
            // What comes back was not wanted: the receiver answered early, or left.
            let _ = writer.write_all(body).await;
            drop(writer);
            drop(trailers);
        });
        reader
    });
    let (request, sent) = Request::new(fields::to_wasi(headers), contents, on_trailers, options);
    set_head(&request, method, target, authority, scheme);
    (request, sent)
}

pub(super) fn set_head(
    request: &Request,
    method: &Method,
    target: &str,
    authority: Option<&str>,
    scheme: Option<&Scheme>,
) {
    // The host refuses only what it would not have let in, either.
    let _ = request.set_method(&method_to_wasi(method));
    let _ = request.set_path_with_query(Some(target));
    let _ = request.set_authority(authority);
    let _ = request.set_scheme(scheme);
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

fn method_to_wasi(method: &Method) -> types::Method {
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
