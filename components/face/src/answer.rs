//! Responses that a component makes itself: whole ones, and streams that it writes event by event.

use futures::channel::oneshot;
use http::{HeaderMap, HeaderName, HeaderValue};
use weir_core::error::render;
use weir_core::{Dialect, GatewayError, RequestId, header};

use crate::Response;
use crate::platform::{self, ByteWriter};
use crate::relay::{Body, Relay};

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
        let id = text(&request.to_string());
        if dialect == Dialect::AnthropicMessages {
            headers.insert(HeaderName::from_static(header::ANTHROPIC_REQUEST_ID), id.clone());
        }
        headers.insert(HeaderName::from_static(header::REQUEST_ID), id);
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
    let trailers = Box::pin(std::future::ready(Ok(trailers)));
    Relay { status, headers, body: Body::Whole(body), trailers }.pass_on()
}

/// A response whose body is written piece by piece.
#[must_use]
pub fn stream(status: u16, headers: HeaderMap) -> (Response, Outlet) {
    let (writer, reader) = platform::pipe();
    let (trailers, said) = oneshot::channel();
    // An outlet that was dropped unfinished has no trailers to say.
    let trailers_said = Box::pin(async { Ok(said.await.unwrap_or_default()) });
    let response = Relay { status, headers, body: Body::Flow(reader), trailers: trailers_said };
    (response.pass_on(), Outlet { body: writer, trailers })
}

/// Where the body of a response is written.
pub struct Outlet {
    body: ByteWriter,
    trailers: oneshot::Sender<Option<HeaderMap>>,
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
        if self.body.write(bytes).await { Ok(()) } else { Err(Gone) }
    }

    /// Ends the body, then says the trailers.
    pub fn finish(self, trailers: Option<HeaderMap>) {
        drop(self.body);
        // Nobody may be listening any more.
        let _ = self.trailers.send(trailers);
    }
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static("?"))
}
