//! Answers that are not a model server's: errors in the caller's dialect; and what is taken from those that are.

use std::time::Duration;

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, SERVER, SET_COOKIE};
use http::{HeaderValue, Response, StatusCode};
use weir_core::{Dialect, ErrorKind, GatewayError, error, header};
use weir_serve::{Body, full};

use crate::pool::NoRoom;
use crate::tally::Tally;

/// An error as the caller's dialect has it.
pub(crate) fn refusal(dialect: Dialect, refused: &GatewayError) -> Response<Body> {
    let rendered = error::render(dialect, refused);
    let mut response = Response::new(full(rendered.body));
    *response.status_mut() = StatusCode::from_u16(rendered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in rendered.headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// No room here: tier one is told to take its next candidate.
pub(crate) fn spill(dialect: Dialect, why: NoRoom, retry_after: Duration) -> Response<Body> {
    let mut response = refusal(dialect, &why.error(retry_after));
    response.headers_mut().insert(header::SPILL, HeaderValue::from_static(why.word()));
    response
}

impl NoRoom {
    /// The word for tier one.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Saturated => "saturated",
            Self::Unavailable => "unavailable",
        }
    }

    /// What the caller is told.
    pub(crate) fn error(self, retry_after: Duration) -> GatewayError {
        let (kind, message) = match self {
            Self::Saturated => (
                ErrorKind::Overloaded,
                "every server of this model has all the requests it can take; try again shortly",
            ),
            Self::Unavailable => {
                (ErrorKind::BackendsUnavailable, "no server of this model is well at the moment; try again shortly")
            }
        };
        GatewayError::new(kind, message).with_retry_after(retry_after)
    }
}

/// JSON that is made here.
pub(crate) fn json(body: String) -> Response<Body> {
    let mut response = Response::new(full(body));
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Writes an answer down that was made here, and is handed over as a whole.
pub(crate) fn close(response: Response<Body>, tally: Tally) -> Response<Body> {
    let bytes = http_body::Body::size_hint(response.body()).lower();
    tally.close(response.status(), bytes);
    response
}

/// Takes out of a model server's headers what is not for the caller: what concerns the connection, what could pass for
/// Weir's own word, cookies, and what it runs on.
pub(crate) fn clean(headers: &mut HeaderMap) {
    let taken: Vec<HeaderName> = headers.keys().filter(|name| !may_pass(name)).cloned().collect();
    for name in taken {
        headers.remove(name);
    }
}

/// The length of a stream is not kept: comments may be put into it.
pub(crate) fn without_length(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
}

fn may_pass(name: &HeaderName) -> bool {
    let text = name.as_str();
    let own = text.starts_with("x-weir-") || text.starts_with("spin-");
    !own && *name != SET_COOKIE && *name != SERVER && !header::HOP_BY_HOP.contains(&text) && text != "trailer"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w12_an_answer_keeps_only_what_is_for_the_caller() {
        let mut headers = HeaderMap::new();
        for name in
            ["content-type", "x-weir-usage", "x-weir-spill", "set-cookie", "server", "connection", "retry-after"]
        {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("x"));
        }
        clean(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-type", "retry-after"]);
    }
}
