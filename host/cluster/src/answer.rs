//! Answers that are not a model server's: errors in the caller's dialect; and what is taken from those that are.

use std::time::Duration;

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, SERVER, SET_COOKIE};
use http::{HeaderValue, Response, StatusCode};
use weir_core::{Dialect, ErrorKind, GatewayError, error, header};
use weir_serve::{Body, full};

use crate::model::Status;
use crate::pool::NoRoom;
use crate::tally::Tally;

/// When to come again for a model that is being loaded: it takes a while, but how long, nobody knows.
const LOADING: Duration = Duration::from_secs(5);

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

/// No room here: tier one is told to take its next candidate. Where the model is not ready at all, its status is why.
pub(crate) fn no_room(dialect: Dialect, why: NoRoom, status: &Status, retry_after: Duration) -> Response<Body> {
    let (word, error) = match why {
        NoRoom::Saturated => {
            let message = "every server of this model has all the requests it can take; try again shortly";
            ("saturated", GatewayError::new(ErrorKind::Overloaded, message).with_retry_after(retry_after))
        }
        NoRoom::Held(left) => {
            let message = "every server of this model has asked for no more requests for a while";
            ("saturated", GatewayError::new(ErrorKind::UpstreamRateLimited, message).with_retry_after(left))
        }
        NoRoom::Unavailable => why_not_ready(status, retry_after),
    };
    let mut response = refusal(dialect, &error);
    response.headers_mut().insert(header::SPILL, HeaderValue::from_static(word));
    response
}

/// The answer to the question whether a model is ready that is not.
pub(crate) fn not_ready(dialect: Dialect, status: &Status) -> Response<Body> {
    refusal(dialect, &why_not_ready(status, LOADING).1)
}

/// Why a model cannot be called that has no server which is well: the word for tier one, and the error.
fn why_not_ready(status: &Status, retry_after: Duration) -> (&'static str, GatewayError) {
    let error = |message: String| GatewayError::new(ErrorKind::BackendsUnavailable, message);
    let told = |text: &str| if text.is_empty() { String::new() } else { format!(": {text}") };
    match status {
        Status::Ready => {
            let message = "no server of this model is well at the moment; try again shortly";
            ("unavailable", error(message.into()).with_retry_after(retry_after))
        }
        Status::NotReady(text) => {
            ("unavailable", error(format!("the model is not ready{}", told(text))).with_retry_after(retry_after))
        }
        Status::Loading => {
            ("unavailable", error("the model is being loaded; try again shortly".into()).with_retry_after(LOADING))
        }
        Status::Failed(text) => ("unavailable", error(format!("the model could not be loaded{}", told(text)))),
        Status::Stopped => ("unavailable", error("the model was stopped by its owner".into())),
        Status::AtZero => ("asleep", error("the model has no replica at the moment".into())),
    }
}

/// Gives an answer the request's id, by which it is known everywhere.
pub(crate) fn identify(answer: &mut HeaderMap, request: &HeaderMap) {
    if let Some(id) = request.get(header::REQUEST) {
        answer.insert(header::REQUEST_ID, id.clone());
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
    fn a_model_that_is_not_ready_says_so_and_when_to_come_again() {
        let told = |status: Status| {
            let why = NoRoom::Unavailable;
            let response = no_room(Dialect::OpenaiChat, why, &status, Duration::from_secs(1));
            let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            (response.status().as_u16(), header("retry-after"), header("x-weir-spill").unwrap())
        };
        let word = |text: &str| text.to_owned();
        assert_eq!(told(Status::Ready), (503, Some(word("1")), word("unavailable")));
        assert_eq!(told(Status::NotReady("no node".into())), (503, Some(word("1")), word("unavailable")));
        assert_eq!(told(Status::Loading), (503, Some(word("5")), word("unavailable")));
        assert_eq!(told(Status::Failed("no file".into())), (503, None, word("unavailable")));
        assert_eq!(told(Status::Stopped), (503, None, word("unavailable")));
        assert_eq!(told(Status::AtZero), (503, None, word("asleep")));
    }

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
