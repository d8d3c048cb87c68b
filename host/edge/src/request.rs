//! A client's request on its way to a guest.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Request, Uri, header};
use http_body::{Frame, SizeHint};
use wasmtime_wasi_http::Error;
use weir_core::Rpc;
use weir_core::grpc::is_grpc;
use weir_serve::Body;

use crate::EdgeStats;
use crate::call::Call;
use crate::outbound::of_request_body;

/// The absolute form of a request's URI, which a guest sees as scheme, authority and path. In HTTP/1.1 the authority is
/// in the `Host` header, which guests do not get.
pub(crate) fn absolute(uri: &Uri, headers: &HeaderMap, tls: bool) -> Uri {
    let mut parts = uri.clone().into_parts();
    if parts.authority.is_none() {
        let host = headers.get(header::HOST).and_then(|host| Authority::try_from(host.as_bytes()).ok());
        parts.authority = Some(host.unwrap_or_else(|| Authority::from_static("localhost")));
    }
    parts.scheme = Some(if tls { Scheme::HTTPS } else { Scheme::HTTP });
    parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

/// The body of a client's request, as it is handed to a guest: counted against the budget of its instance. One that goes
/// on while it is answered is not: nobody holds it, and it may be of any length.
pub(crate) struct RequestBody {
    inner: Body,
    call: Arc<Call>,
    budget: Option<u64>,
    stats: Arc<EdgeStats>,
    refused: bool,
}

impl RequestBody {
    /// The body of `request`.
    pub(crate) fn of(request: Request<Body>, call: Arc<Call>, budget: u64, stats: Arc<EdgeStats>) -> Request<Self> {
        let budget = (!goes_on(&request)).then_some(budget);
        request.map(|inner| Self { inner, call, budget, stats, refused: false })
    }
}

/// Whether a client sends messages while it is answered.
fn goes_on(request: &Request<Body>) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    request.uri().path() == Rpc::ModelStreamInfer.path() && kind.is_some_and(|kind| is_grpc(kind.as_bytes()))
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.refused {
            return Poll::Ready(None);
        }
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(of_request_body(&error)))),
            None => return Poll::Ready(None),
        };
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        self.stats.bytes_in.fetch_add(bytes, Ordering::Relaxed);
        match self.budget {
            Some(budget) if !self.call.hold(bytes, budget) => {
                self.refused = true;
                self.inner = weir_serve::empty();
                Poll::Ready(Some(Err(Error::HttpRequestBodySize(Some(budget)))))
            }
            _ => Poll::Ready(Some(Ok(frame))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.refused || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_of_an_origin_form_is_the_host() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "gateway.example:3000".parse().unwrap());
        let plain = absolute(&"/v1/chat?x=1".parse().unwrap(), &headers, false);
        assert_eq!(plain, "http://gateway.example:3000/v1/chat?x=1");
        let whole = absolute(&"https://other.example/v1".parse().unwrap(), &headers, true);
        assert_eq!(whole, "https://other.example/v1");
        headers.insert(header::HOST, "not a host".parse().unwrap());
        assert_eq!(absolute(&"/".parse().unwrap(), &headers, false), "http://localhost/");
    }
}
