//! The headers that Weir's parts speak with, and those that must not pass.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Serialize, de::DeserializeOwned};

/// Who is calling: [`Principal`](crate::Principal) as JSON. From auth to all.
pub const PRINCIPAL: &str = "x-weir-principal";
/// The request's id. From auth to all.
pub const REQUEST: &str = "x-weir-request";
/// The ordered candidates: [`Plan`](crate::Plan) as JSON. From router to limiter and translator.
pub const PLAN: &str = "x-weir-plan";
/// Which try this is, counted from 1. From router to limiter and translator.
pub const ATTEMPT: &str = "x-weir-attempt";
/// Until when the first event must have come, in milliseconds since 1970. From router to translator.
pub const DEADLINE: &str = "x-weir-deadline";
/// What the request may cost: [`Estimate`](crate::Estimate) as JSON. From router to limiter.
pub const ESTIMATE: &str = "x-weir-estimate";
/// The chosen [`Candidate`](crate::Candidate) as JSON. From limiter to translator.
pub const BACKEND: &str = "x-weir-backend";
/// The reservation's id. From limiter to translator and tier two.
pub const RESERVATION: &str = "x-weir-reservation";
/// Whose limit is used up: `caller` or `backends`. From limiter to router.
pub const DENIED: &str = "x-weir-denied";
/// Whether another candidate should be tried: [`Failure`](crate::usage::Failure) as JSON. From translator to router.
pub const FAILED: &str = "x-weir-failed";
/// A trailer: [`Outcome`](crate::Outcome) as JSON. From translator to limiter and router.
pub const USAGE: &str = "x-weir-usage";
/// Saturated or asleep: go to the next candidate. From tier two to router.
pub const SPILL: &str = "x-weir-spill";
/// Fields that the target could not have, separated by commas. To the client.
pub const DROPPED: &str = "x-weir-dropped";
/// A policy that runs degraded, such as `limiter`. To the client.
pub const DEGRADED: &str = "x-weir-degraded";
/// The signature of a call from tier one to tier two: see [`signing`](crate::signing).
pub const TOKEN: &str = "x-weir-token";
/// The public key of a process of tier two: see [`Sessions`](crate::signing::Sessions). From tier two to edges.
pub const SESSION: &str = "x-weir-session";
/// The request's id as the client sees it.
pub const REQUEST_ID: &str = "x-request-id";
/// The same, where Anthropic's SDKs look for it.
pub const ANTHROPIC_REQUEST_ID: &str = "request-id";

/// How many bytes of a body of V2 are JSON; the tensors' own bytes follow. On requests and on answers.
pub const INFERENCE_LENGTH: &str = "inference-header-content-length";
/// The model, where gateways in front of KServe have found it.
pub const GATEWAY_MODEL: &str = "x-gateway-model-name";

/// Headers that concern one connection only, or that name the host: stripped whenever a request or response is
/// built anew. Some runtimes answer an empty 500 when one is set.
pub const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "host",
    "http2-settings",
];

/// The headers in which callers send their key.
pub const KEYS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// Whether a header of this name must not come from outside: Weir's own, Spin's, hop-by-hop ones, and those by
/// which proxies vouch for an identity.
#[must_use]
pub fn is_forbidden_from_outside(name: &str) -> bool {
    name.starts_with("x-weir-")
        || name.starts_with("spin-")
        || HOP_BY_HOP.contains(&name)
        || matches!(name, "te" | "trailer" | "forwarded")
        || name.starts_with("x-forwarded-")
        || name.starts_with("x-real-")
        || name.contains('_')
}

/// Whether a header of this name may leave Weir towards the client.
#[must_use]
pub fn may_reach_client(name: &str) -> bool {
    matches!(name, DROPPED | DEGRADED) || !(name.starts_with("x-weir-") || HOP_BY_HOP.contains(&name))
}

/// `value` as JSON that fits into a header: everything beyond ASCII is escaped.
///
/// # Panics
/// Never for the types of this crate: they serialize without fail.
#[must_use]
pub fn to_json<T: Serialize>(value: &T) -> String {
    let json = serde_json::to_string(value).expect("a value of this crate serializes");
    if json.is_ascii() {
        return json;
    }
    let mut ascii = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if c.is_ascii() {
            ascii.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}

/// `value` as a header's value: see [`to_json`].
///
/// # Panics
/// Never: escaped JSON is a valid header value.
#[must_use]
pub fn json_value<T: Serialize>(value: &T) -> HeaderValue {
    HeaderValue::try_from(to_json(value)).expect("escaped JSON is a header value")
}

/// An internal header that is missing, or that does not hold what it should: a part is missing from the chain, or
/// stands in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the internal header {name} {fault}: is the chain in the order auth, router, limiter, translator?")]
pub struct InternalHeaderError {
    /// The header's name.
    pub name: &'static str,
    /// What is wrong with it.
    pub fault: String,
}

/// Reads an internal header that holds JSON; `None` where it is absent.
///
/// # Errors
/// [`InternalHeaderError`] when it does not hold what it should.
pub fn read_json<T: DeserializeOwned>(
    headers: &HeaderMap,
    name: &'static str,
) -> Result<Option<T>, InternalHeaderError> {
    headers
        .get(name)
        .map(|value| serde_json::from_slice(value.as_bytes()))
        .transpose()
        .map_err(|e| InternalHeaderError { name, fault: format!("is not what it should be ({e})") })
}

/// Reads an internal header that must be there.
///
/// # Errors
/// [`InternalHeaderError`] when it is absent or does not hold what it should.
pub fn require_json<T: DeserializeOwned>(headers: &HeaderMap, name: &'static str) -> Result<T, InternalHeaderError> {
    read_json(headers, name)?.ok_or_else(|| InternalHeaderError { name, fault: "is missing".to_owned() })
}

/// Removes every header that must not come from outside, and those that `Connection` names (RFC 9110, section 7.6.1).
pub fn strip_from_outside(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(http::header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let forbidden: Vec<HeaderName> =
        headers.keys().filter(|name| is_forbidden_from_outside(name.as_str())).cloned().collect();
    for name in named.iter().chain(&forbidden) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Candidate;

    #[test]
    fn json_in_headers_is_ascii_and_reads_back() {
        let candidate = Candidate { backend: "b".into(), model: "modèle-🦀".into() };
        let mut headers = HeaderMap::new();
        headers.insert(BACKEND, json_value(&candidate));
        assert!(headers[BACKEND].to_str().is_ok());
        assert_eq!(require_json::<Candidate>(&headers, BACKEND), Ok(candidate));
        assert!(require_json::<Candidate>(&headers, PLAN).is_err());
    }

    #[test]
    fn w12_what_must_not_come_from_outside_is_stripped() {
        let mut headers = HeaderMap::new();
        for name in [
            "x-weir-principal",
            "spin-path-info",
            "connection",
            "x-internal-auth",
            "x_weir_principal",
            "x-forwarded-user",
            "accept",
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("x-internal-auth"));
        }
        strip_from_outside(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    }
}
