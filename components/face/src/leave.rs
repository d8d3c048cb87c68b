//! The way out: what the outermost part of Weir that reads the ending does with a response.

use http::{HeaderMap, HeaderName, HeaderValue};
use weir_core::{Ending, Outcome, RequestId, header};

use crate::relay::{Relay, abort};
use crate::{Response, TrailersResult};

/// Passes a response on to the client: without Weir's internal headers and trailers, with the request's id, and
/// with a truncated ending turned into an abort that the client sees.
#[must_use]
pub fn to_client(mut relay: Relay, request: RequestId) -> Response {
    clean(&mut relay.headers, request);
    relay.pass_on_with(ending)
}

/// Makes the headers of a response fit for the client.
pub fn clean(headers: &mut HeaderMap, request: RequestId) {
    strip(headers);
    if let Ok(id) = HeaderValue::from_str(&request.to_string()) {
        headers.insert(HeaderName::from_static(header::REQUEST_ID), id);
    }
}

async fn ending(trailers: TrailersResult) -> TrailersResult {
    let Ok(Some(mut trailers)) = trailers else {
        return trailers;
    };
    let outcome: Option<Outcome> = header::read_json(&trailers, header::USAGE).unwrap_or_default();
    if outcome.is_some_and(|outcome| outcome.ending == Ending::Truncated) {
        return abort().await;
    }
    strip(&mut trailers);
    Ok((!trailers.is_empty()).then_some(trailers))
}

fn strip(headers: &mut HeaderMap) {
    let internal: Vec<HeaderName> =
        headers.keys().filter(|name| !header::may_reach_client(name.as_str())).cloned().collect();
    for name in internal {
        headers.remove(name);
    }
}
