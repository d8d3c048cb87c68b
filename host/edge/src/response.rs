//! A guest's response on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::oneshot;
use wasmtime_wasi_http::{Error, WasiBody};
use weir_serve::{Body, BoxError, Ending};

use crate::call::Cut;
use crate::error::Failure;
use crate::record::Visit;
use crate::stats::up;
use crate::worker::{Head, Opened};

/// How long a response's trailers are waited for once the client has all of its body.
const TAIL: Duration = Duration::from_secs(2);

/// What of a request decides how it may be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// The client sees no body.
    head_only: bool,
    /// The client takes trailers.
    trailers: bool,
}

impl Asked {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let te = request.headers().get_all(header::TE).iter();
        let asks = |value: &HeaderValue| {
            value.to_str().is_ok_and(|te| te.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("trailers")))
        };
        let trailers = request.version() == Version::HTTP_2 || te.into_iter().any(asks);
        Self { head_only: request.method() == Method::HEAD, trailers }
    }
}

/// The client's response, from what the guest answered.
pub(crate) fn from_guest(head: Head, asked: Asked, mut visit: Visit) -> Response<Body> {
    let Head { response, transmitted, opened } = head;
    let (mut parts, inner) = response.into_parts();
    visit.head(parts.status, &parts.headers);
    strip(&mut parts.headers);
    let bodiless = asked.head_only || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    // gRPC's answer without a message is a head that ends its stream.
    let alone = parts.headers.contains_key(weir_core::grpc::STATUS);
    if alone {
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    let left = if bodiless || alone { Some(0) } else { inner.size_hint().exact() };
    let open = Open { inner, visit, transmitted, opened, left };
    let body = ResponseBody { open: Some(open), trailers: asked.trailers, alone, breaking: None };
    Response::from_parts(parts, body.boxed_unsync())
}

/// The client's response where there is no guest's. What the guest still has open for the client is cancelled.
pub(crate) fn from_failure(failure: &Failure, retry_after: Duration, mut visit: Visit) -> Response<Body> {
    // As for a client that left: its backends should stop now, and the guest settles.
    visit.call.cut(Cut::ClientGone);
    let (status, kind, message) = failure.describe();
    if let Failure::Guest(code) = failure {
        tracing::warn!(%code, "a guest answered with an error of its own");
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        up(&visit.stats.overloaded);
    }
    let body = serde_json::json!({ "error": { "message": message, "type": kind, "code": status.as_u16() } });
    let body = Bytes::from(body.to_string());
    visit.sent(body.len());
    let mut response = Response::new(weir_serve::full(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
    }
    visit.head(status, response.headers());
    visit.end(Ending::Failed);
    response
}

/// Removes what is Weir's own from headers or trailers, but for the two that are meant for clients.
fn strip(headers: &mut HeaderMap) {
    let internal: Vec<HeaderName> =
        headers.keys().filter(|name| !weir_core::header::may_reach_client(name.as_str())).cloned().collect();
    for name in internal {
        headers.remove(name);
    }
}

/// The body of a guest's response. Each chunk that the guest writes is a frame of its own, which hyper flushes as soon
/// as the next one is not there yet.
///
/// Dropped before its end, the client has left: then the guest's writes fail, and what it called for this client is
/// cancelled.
struct ResponseBody {
    /// Until the end.
    open: Option<Open>,
    trailers: bool,
    /// The head is all that there is for the client.
    alone: bool,
    /// The body failed, and what was written before is being flushed.
    breaking: Option<BoxError>,
}

struct Open {
    inner: WasiBody,
    visit: Visit,
    transmitted: oneshot::Sender<Result<(), Error>>,
    opened: Opened,
    /// Bytes that the client still waits for, where their number was told in advance.
    left: Option<u64>,
}

/// A guest's response was broken off: by the guest, to tell the client, or since its instance ended.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the response was broken off")]
    ByGuest(#[source] Error),
    #[error("the instance that wrote the response ended")]
    InstanceEnded,
}

impl ResponseBody {
    /// Ends the response with an error, which hyper turns into a closed connection or a reset stream. The client should
    /// have what came before it: so hyper gets a chance to flush first.
    fn break_off(&mut self, error: Broken, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(Open { visit, .. }) = self.open.take() {
            up(&visit.stats.aborted);
            visit.end(Ending::Truncated);
        }
        self.breaking = Some(error.into());
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn complete(&mut self) {
        if let Some(open) = self.open.take() {
            open.complete();
        }
    }
}

impl Open {
    fn complete(self) {
        // The guest may no longer care how it went.
        drop(self.transmitted.send(Ok(())));
        self.visit.end(Ending::Complete);
    }

    /// Whether the client has all that it will ever read.
    fn is_delivered(&self) -> bool {
        self.left == Some(0) || (self.inner.is_end_stream() && !self.opened.instance().is_dead())
    }

    /// Waits for the trailers of a response that the client already has.
    async fn finish(mut self) {
        let rest = async {
            while let Some(Ok(frame)) = self.inner.frame().await {
                if let Some(trailers) = frame.trailers_ref() {
                    self.visit.trailers(trailers);
                }
            }
        };
        drop(tokio::time::timeout(TAIL, rest).await);
        self.complete();
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Some(error) = this.breaking.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let Some(open) = &mut this.open else { return Poll::Ready(None) };
        match std::task::ready!(Pin::new(&mut open.inner).poll_frame(cx)) {
            Some(Ok(frame)) => match frame.into_trailers() {
                Ok(mut trailers) => {
                    open.visit.trailers(&trailers);
                    strip(&mut trailers);
                    let wanted = this.trailers && !trailers.is_empty();
                    this.complete();
                    Poll::Ready(wanted.then(|| Ok(Frame::trailers(trailers))))
                }
                Err(frame) => {
                    let bytes = frame.data_ref().map_or(0, Bytes::len);
                    open.visit.sent(bytes);
                    open.left = open.left.map(|left| left.saturating_sub(bytes as u64));
                    Poll::Ready(Some(Ok(frame)))
                }
            },
            Some(Err(error)) => this.break_off(Broken::ByGuest(error), cx),
            // A guest's body ends the same way whether it was finished or died with its instance.
            None if open.opened.instance().is_dead() => this.break_off(Broken::InstanceEnded, cx),
            None => {
                this.complete();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.open {
            Some(_) if self.alone => true,
            Some(open) => open.inner.is_end_stream() && !open.opened.instance().is_dead(),
            None => self.breaking.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.open.as_ref().map_or_else(SizeHint::default, |open| open.inner.size_hint())
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let Some(open) = self.open.take() else { return };
        if !open.is_delivered() {
            // Dropping what is open tells the guest and cancels its calls.
            return;
        }
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(open.finish())),
            Err(_) => open.complete(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h1_internal_headers_do_not_reach_the_client() {
        let mut headers = HeaderMap::new();
        for name in ["x-weir-principal", "x-weir-usage", "x-weir-dropped", "x-weir-degraded", "x-request-id"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("v"));
        }
        strip(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["x-request-id", "x-weir-degraded", "x-weir-dropped"]);
    }

    #[test]
    fn trailers_are_for_those_who_ask_or_speak_http_2() {
        let asked = |version: Version, te: &str| {
            let request = Request::builder().version(version).header("te", te).body(()).unwrap();
            Asked::of(&request).trailers
        };
        assert!(!asked(Version::HTTP_11, "gzip"));
        assert!(asked(Version::HTTP_11, "gzip, Trailers"));
        assert!(asked(Version::HTTP_2, ""));
    }
}
