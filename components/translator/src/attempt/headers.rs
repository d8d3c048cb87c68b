//! Which headers go through, by allow-list in both directions.

use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use weir_core::config::{Backend, BackendKind};
use weir_core::{Dialect, header};

use crate::unsupported::Unsupported;

/// What the client may send to any backend. No `idempotency-key`: tenants share the provider's account, where the key
/// of one could meet the answer to another.
const UPSTREAM: [&str; 3] = ["accept", "traceparent", "tracestate"];

/// What tier one tells tier two. The plan says which name the caller used: a model may be called otherwise there.
const INTERNAL: [&str; 8] = [
    header::PLAN,
    header::PRINCIPAL,
    header::REQUEST,
    header::ATTEMPT,
    header::DEADLINE,
    header::ESTIMATE,
    header::RESERVATION,
    header::BACKEND,
];

/// Which version of Anthropic's API a request is written for.
pub(super) const VERSION: &str = "anthropic-version";

/// Features of Anthropic's API that the client asks for ahead of their time.
const BETA: &str = "anthropic-beta";

/// The version of Anthropic's API that translated requests are written for.
const ANTHROPIC_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

/// The headers of a call: `client` is the dialect that it came in, `dialect` the one that it leaves in.
pub(super) fn upstream_headers(
    from: &HeaderMap,
    backend: &Backend,
    client: Dialect,
    dialect: Dialect,
    unsupported: &mut Unsupported,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    copy(from, &mut headers, &UPSTREAM);
    if dialect == Dialect::AnthropicMessages {
        let version = from.get(VERSION).filter(|_| client == dialect).cloned();
        headers.insert(VERSION, version.unwrap_or(ANTHROPIC_VERSION));
    }
    if client == Dialect::AnthropicMessages {
        betas(from, &mut headers, backend, client == dialect, unsupported);
    }
    if matches!(backend.kind, BackendKind::Weir { .. }) {
        copy(from, &mut headers, &INTERNAL);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("weir/", env!("CARGO_PKG_VERSION"))));
    backend.headers.apply(from, &mut headers);
    headers
}

/// What a body is that passes as it is: its type, and where its JSON ends. KServe's runtime gives no type to what has
/// tensors behind its JSON.
pub(super) fn as_it_is(from: &HeaderMap, to: &mut HeaderMap) {
    to.remove(CONTENT_TYPE);
    copy(from, to, &["content-type", header::INFERENCE_LENGTH]);
    let plain = if to.contains_key(header::INFERENCE_LENGTH) { "application/octet-stream" } else { "application/json" };
    to.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(plain));
}

/// Passes on the features that the client asks for ahead of their time and the backend may be asked for; names the
/// others.
fn betas(from: &HeaderMap, to: &mut HeaderMap, backend: &Backend, same: bool, unsupported: &mut Unsupported) {
    let values = from.get_all(BETA).iter().filter_map(|value| value.to_str().ok());
    let (mut allowed, mut other) = (Vec::new(), false);
    for beta in values.flat_map(|value| value.split(',')).map(str::trim).filter(|beta| !beta.is_empty()) {
        if same && backend.takes_beta(beta) {
            allowed.push(beta);
        } else {
            other = true;
        }
    }
    if other {
        unsupported.note(BETA);
    }
    if let Some(value) = Some(allowed.join(",")).filter(|value| !value.is_empty())
        && let Ok(value) = HeaderValue::try_from(value)
    {
        to.insert(BETA, value);
    }
}

pub(super) fn copy(from: &HeaderMap, to: &mut HeaderMap, names: &'static [&'static str]) {
    for &name in names {
        for value in from.get_all(name) {
            to.append(HeaderName::from_static(name), value.clone());
        }
    }
}

/// The headers of the answer to the client. From the backend's come only its content type, which `stream` replaces,
/// and its request id under another name; `dropped` are the fields that it did not get.
#[must_use]
pub fn answer_headers(from: &HeaderMap, stream: bool, dropped: &[String]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if stream {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
        headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        // Proxies in front that buffer would hold events back.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    } else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(id) = from.get(header::REQUEST_ID).or_else(|| from.get("request-id")) {
        headers.insert("x-upstream-request-id", id.clone());
    }
    if !dropped.is_empty() {
        // A field's name comes out of the body and may hold anything.
        let plain = |c: char| if c.is_ascii_graphic() { c } else { '?' };
        let names = dropped.join(",").chars().map(plain).take(4_096).collect::<String>();
        if let Ok(names) = HeaderValue::try_from(names) {
            headers.insert(header::DROPPED, names);
        }
    }
    headers
}
