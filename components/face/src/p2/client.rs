//! Calls to other servers.

use std::future::Future;

use http::HeaderMap;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{FutureIncomingResponse, OutgoingBody, OutgoingRequest, RequestOptions, Scheme};
use wstd::runtime::AsyncPollable;

use super::bytes::{Inflow, Outflow};
use super::message::method_to_wasi;
use super::{ErrorCode, fields};
use crate::TrailersResult;
use crate::call::Call;

/// The body of an answer. Dropping it breaks the call off.
pub(crate) struct Upstream(Inflow);

/// What comes back of a call: the status, the headers and the body of its answer.
type Answered = Result<(u16, HeaderMap, Upstream), ErrorCode>;

/// Makes a call whose body is at hand.
pub(crate) async fn send(mut call: Call) -> Answered {
    let body = std::mem::take(&mut call.body);
    let (answering, mut outflow) = open(&call)?;
    // A body of the size of a prompt does not fit into the host's buffer; an answer may come before it is all sent.
    crate::spawn(async move {
        // What the backend does not take it did not want: it answered early, or left.
        if outflow.write(body).await {
            outflow.finish().await;
        }
    });
    answering.await
}

/// Makes a call whose body is yet to be written.
pub(crate) fn open(call: &Call) -> Result<(impl Future<Output = Answered> + use<>, Outflow), ErrorCode> {
    let (request, body) = request(call)?;
    let options = RequestOptions::new();
    // A host that does not know the option has a limit of its own.
    let _ = options.set_connect_timeout(Some(call.connect.0.saturating_mul(1_000_000)));
    let outflow = Outflow::of(body).ok_or(ErrorCode::InternalError(None))?;
    let pending = outgoing_handler::handle(request, Some(options))?;
    let answering = async move {
        let response = AsyncPollable::new(pending.subscribe());
        response.wait_for().await;
        drop(response);
        answered(&pending)
    };
    Ok((answering, outflow))
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

fn answered(pending: &FutureIncomingResponse) -> Answered {
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
