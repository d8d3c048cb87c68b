//! Calls to other servers.

use http::HeaderMap;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{FutureIncomingResponse, OutgoingBody, OutgoingRequest, RequestOptions, Scheme};
use wstd::io::AsyncOutputStream;
use wstd::runtime::AsyncPollable;

use super::bytes::Inflow;
use super::message::method_to_wasi;
use super::{ErrorCode, fields};
use crate::TrailersResult;
use crate::call::Call;

/// The body of an answer. Dropping it breaks the call off.
pub(crate) struct Upstream(Inflow);

/// Makes a call; gives the status, the headers and the body of its answer.
pub(crate) async fn send(call: Call) -> Result<(u16, HeaderMap, Upstream), ErrorCode> {
    let (request, body) = request(&call)?;
    let options = RequestOptions::new();
    // A host that does not know the option has a limit of its own.
    let _ = options.set_connect_timeout(Some(call.connect.0.saturating_mul(1_000_000)));
    let pending = outgoing_handler::handle(request, Some(options))?;
    // A body of the size of a prompt does not fit into the host's buffer; an answer may come before it is all sent.
    crate::spawn(write(body, call.body));
    let response = AsyncPollable::new(pending.subscribe());
    response.wait_for().await;
    drop(response);
    answered(&pending)
}

fn request(call: &Call) -> Result<(OutgoingRequest, OutgoingBody), ErrorCode> {
    let request = OutgoingRequest::new(fields::to_wasi(&call.headers));
    let scheme = if call.origin.is_tls() { Scheme::Https } else { Scheme::Http };
    let refused = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_method(&method_to_wasi(&call.method)).map_err(|()| ErrorCode::HttpRequestMethodInvalid)?;
    request.set_scheme(Some(&scheme)).map_err(refused)?;
    request.set_authority(Some(&call.origin.authority())).map_err(refused)?;
    request.set_path_with_query(Some(&call.target)).map_err(refused)?;
    let body = request.body().map_err(|()| ErrorCode::InternalError(None))?;
    Ok((request, body))
}

/// Writes a request's body and ends it. What the backend does not take it did not want: it answered early, or left.
async fn write(body: OutgoingBody, bytes: Vec<u8>) {
    let Ok(stream) = body.write() else { return };
    let stream = AsyncOutputStream::new(stream);
    let written = stream.write_all(&bytes).await;
    drop(stream);
    if written.is_ok() {
        let _ = OutgoingBody::finish(body, None);
    }
}

fn answered(pending: &FutureIncomingResponse) -> Result<(u16, HeaderMap, Upstream), ErrorCode> {
    let lost = || ErrorCode::InternalError(None);
    let response = pending.get().ok_or_else(lost)?.map_err(|()| lost())??;
    let (status, headers) = (response.status(), fields::from_wasi(&response.headers()));
    let body = response.consume().map_err(|()| lost())?;
    Ok((status, headers, Upstream(Inflow::of(body).ok_or_else(lost)?)))
}

impl Upstream {
    /// The next piece, as long as `room` has capacity for; `false` after the last.
    pub(crate) async fn next(&mut self, room: Vec<u8>) -> (bool, Vec<u8>) {
        self.0.next(room).await
    }

    /// How the body ended.
    pub(crate) async fn end(self) -> TrailersResult {
        self.0.end().await
    }
}
