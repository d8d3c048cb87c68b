//! Responses that a component makes itself: whole ones, and streams that it writes event by event.

use http::{HeaderMap, HeaderName, HeaderValue};
use weir_core::error::render;
use weir_core::{Dialect, GatewayError, RequestId, header};
use wit_bindgen::{FutureWriter, StreamWriter};

use crate::bindings::wasi::http::types::Fields;
use crate::bindings::{wit_future, wit_stream};
use crate::{ErrorCode, Response, fields};

/// A response with a body at hand. `content-length` is set.
#[must_use]
pub fn whole(status: u16, headers: HeaderMap, body: Vec<u8>) -> Response {
    whole_with_trailers(status, headers, body, None)
}

/// An error in the client's dialect, with the request's id if it has one yet.
#[must_use]
pub fn error(dialect: Dialect, error: &GatewayError, request: Option<RequestId>) -> Response {
    let rendered = render(dialect, error);
    let mut headers = rendered_headers(&rendered);
    if let Some(request) = request {
        headers.insert(HeaderName::from_static(header::REQUEST_ID), text(&request.to_string()));
    }
    whole(rendered.status, headers, rendered.body)
}

/// The headers of a rendered error.
#[must_use]
pub fn rendered_headers(rendered: &weir_core::error::Rendered) -> HeaderMap {
    rendered.headers.iter().map(|(name, value)| (HeaderName::from_static(name), text(value))).collect()
}

/// A response with a body at hand and trailers after it.
#[must_use]
pub fn whole_with_trailers(
    status: u16,
    mut headers: HeaderMap,
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
) -> Response {
    headers.insert(http::header::CONTENT_LENGTH, body.len().into());
    let (response, mut outlet) = stream(status, &headers);
    crate::spawn(async move {
        if !body.is_empty() {
            // A client that left needs no body; the trailers go on to the parts further out all the same.
            let _ = outlet.write(body).await;
        }
        outlet.finish(trailers).await;
    });
    response
}

/// A response whose body is written piece by piece.
#[must_use]
pub fn stream(status: u16, headers: &HeaderMap) -> (Response, Outlet) {
    let (trailers, on_trailers) = wit_future::new(|| Ok(None));
    let (body, on_body) = wit_stream::new();
    let (response, _transmitted) = Response::new(fields::to_wasi(headers), Some(on_body), on_trailers);
    let _ = response.set_status_code(status);
    (response, Outlet { body, trailers })
}

/// Where the body of a response is written.
pub struct Outlet {
    body: StreamWriter<u8>,
    trailers: FutureWriter<Result<Option<Fields>, ErrorCode>>,
}

/// The client left: what was written last did not reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl Outlet {
    /// Writes `bytes` as one piece, and waits until it is taken: this is where back-pressure is felt.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Gone> {
        if self.body.write_all(bytes).await.is_empty() { Ok(()) } else { Err(Gone) }
    }

    /// Ends the body, then says the trailers.
    pub async fn finish(self, trailers: Option<HeaderMap>) {
        drop(self.body);
        let trailers = trailers.map(|map| fields::to_wasi(&map));
        // Nobody may be listening any more.
        let _ = self.trailers.write(Ok(trailers)).await;
    }
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static("?"))
}
