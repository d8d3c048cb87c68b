//! The way out: what the outermost part of Weir that reads the ending does with a response.

use http::{HeaderMap, HeaderName, HeaderValue};
use weir_core::config::Runtime;
use weir_core::{Ending, Outcome, RequestId, header};

use crate::relay::{Relay, abort};
use crate::{Response, TrailersResult};

/// Passes a response on to the client: with the request's id, with a truncated ending turned into an abort that the
/// client sees, and without Weir's internal headers and trailers; but see [`clean`].
#[must_use]
pub fn to_client(mut relay: Relay, request: RequestId, runtime: Runtime, sent: &HeaderMap) -> Response {
    clean(&mut relay.headers, request, runtime, sent);
    relay.pass_on_with(move |trailers| ending(trailers, runtime))
}

/// Makes the headers of a response fit for the client. Under `weir edge`, which strips internals itself, the response
/// tells for its access log who called, and with which attempt: as the headers `sent` to the next part in say.
pub fn clean(headers: &mut HeaderMap, request: RequestId, runtime: Runtime, sent: &HeaderMap) {
    strip(headers);
    if let Ok(id) = HeaderValue::from_str(&request.to_string()) {
        if sent.contains_key("anthropic-version") {
            headers.insert(HeaderName::from_static(header::ANTHROPIC_REQUEST_ID), id.clone());
        }
        headers.insert(HeaderName::from_static(header::REQUEST_ID), id);
    }
    if runtime == Runtime::Edge {
        for name in [header::PRINCIPAL, header::ATTEMPT] {
            if let Some(value) = sent.get(name) {
                headers.insert(HeaderName::from_static(name), value.clone());
            }
        }
    }
}

async fn ending(trailers: TrailersResult, runtime: Runtime) -> TrailersResult {
    let Ok(Some(mut trailers)) = trailers else {
        return trailers;
    };
    let outcome: Option<Outcome> = header::read_json(&trailers, header::USAGE).unwrap_or_default();
    // gRPC tells by its status that an answer broke off.
    let told = trailers.contains_key(weir_core::grpc::STATUS);
    if !told && outcome.is_some_and(|outcome| outcome.ending == Ending::Truncated) {
        return abort().await;
    }
    if runtime == Runtime::Portable {
        strip(&mut trailers);
    }
    Ok((!trailers.is_empty()).then_some(trailers))
}

fn strip(headers: &mut HeaderMap) {
    let internal: Vec<HeaderName> =
        headers.keys().filter(|name| !header::may_reach_client(name.as_str())).cloned().collect();
    for name in internal {
        headers.remove(name);
    }
}
