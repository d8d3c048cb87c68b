//! Calls to the control plane, as values: how they are signed, and how their answers are read.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use weir_core::config::Control;
use weir_core::header::{TOKEN, to_json};
use weir_core::signing::{Call, SigningKey, sign};
use weir_core::{Millis, UnixMillis};

/// How long to wait before each further try to settle. What is still not settled after the last is charged as
/// estimated, once its lease has run out.
pub const SETTLE_AGAIN: [Millis; 4] = [Millis(100), Millis(400), Millis(1_600), Millis(6_400)];

/// A `POST` that is ready to be sent to any of the control plane's origins.
#[derive(Debug)]
pub struct ControlCall {
    /// The path.
    pub path: &'static str,
    /// The headers, the token among them.
    pub headers: HeaderMap,
    /// The body: JSON.
    pub body: Vec<u8>,
}

impl ControlCall {
    /// A signed call. `random` is the token's id: each call, a repeated one too, needs a new one.
    ///
    /// # Panics
    /// Never: what it puts into headers is ASCII.
    #[must_use]
    pub fn new(
        path: &'static str,
        body: &impl Serialize,
        key: &SigningKey,
        control: &Control,
        now: UnixMillis,
        random: [u8; 16],
    ) -> Self {
        let body = to_json(body).into_bytes();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        let call = Call { method: "POST", path, headers: &headers, body: &body };
        let token = sign(key, &control.edge, &control.audience, call, now, random);
        headers.insert(TOKEN, HeaderValue::try_from(token).expect("base64url is a header's value"));
        Self { path, headers, body }
    }
}

/// Why a call to the control plane gave no answer. For the log; the client learns only that limits run degraded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlFault {
    /// It could not be reached, or did not answer in time.
    #[error("the control plane cannot be reached: {0}")]
    Unreachable(String),
    /// It failed before, and is left alone for a while.
    #[error("the control plane failed before and is left alone for a while")]
    LeftAlone,
    /// It did not accept the signature.
    #[error("the control plane refuses this edge: are its name, its key and its tenants registered there?")]
    Refused,
    /// It knows no such reservation.
    #[error("the control plane knows no such reservation")]
    Unknown,
    /// It answered with a status that is not expected.
    #[error("the control plane answered with status {0}")]
    Status(u16),
    /// Its answer is not what it should be.
    #[error("the control plane's answer is not what it should be: {0}")]
    Malformed(String),
}

impl ControlFault {
    /// Whether the control plane itself is at fault, so that it should be left alone. One that refuses is not: what
    /// it refuses one tenant's calls for must not cost the others.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Malformed(_) => true,
            Self::Status(status) => *status >= 500,
            Self::LeftAlone | Self::Refused | Self::Unknown => false,
        }
    }

    /// Whether the same call may be answered later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.is_outage() || *self == Self::LeftAlone
    }
}

/// Reads the control plane's answer.
///
/// # Errors
/// [`ControlFault`] for everything but a 200 with the right JSON.
pub fn read_answer<T: DeserializeOwned>(status: u16, body: &[u8]) -> Result<T, ControlFault> {
    match StatusCode::from_u16(status) {
        Ok(StatusCode::OK) => serde_json::from_slice(body).map_err(|error| ControlFault::Malformed(error.to_string())),
        Ok(StatusCode::UNAUTHORIZED) => Err(ControlFault::Refused),
        Ok(StatusCode::NOT_FOUND) => Err(ControlFault::Unknown),
        _ => Err(ControlFault::Status(status)),
    }
}

#[cfg(test)]
mod tests {
    use weir_core::control::{RENEW, Renew, Renewed};
    use weir_core::{Secret, signing};

    use super::*;

    #[test]
    fn a_call_is_signed_for_itself() {
        let key = SigningKey::from_hex(&Secret::new("07".repeat(32))).unwrap();
        let control = Control {
            origins: vec!["http://127.0.0.1:3200".parse().unwrap()],
            audience: "host".into(),
            edge: "edge".into(),
            secret: "edge-key".into(),
            timeout: Millis(1_000),
        };
        let now = UnixMillis(1_790_000_000_000);
        let call = ControlCall::new(RENEW, &Renew { reservation: "r".into() }, &key, &control, now, [1; 16]);
        let public = signing::public_key(&key.public_hex()).unwrap();
        let token = call.headers[TOKEN].to_str().unwrap();
        let claims = signing::verify(token, |name| (name == "edge").then_some(&public), "host", now).unwrap();
        assert_eq!(claims.check_head("POST", RENEW, &call.headers), Ok(()));
        assert_eq!(claims.check_body(&call.body), Ok(()));
    }

    #[test]
    fn only_the_right_answer_is_one() {
        assert_eq!(read_answer(200, br#"{"lease":90000}"#), Ok(Renewed { lease: Millis(90_000) }));
        let fault = |status, body: &[u8]| read_answer::<Renewed>(status, body).unwrap_err();
        assert!(matches!(fault(200, b"<html>"), ControlFault::Malformed(_)));
        assert_eq!(fault(401, b"{}"), ControlFault::Refused);
        assert_eq!(fault(404, b"{}"), ControlFault::Unknown);
        assert_eq!(fault(503, br#"{"lease":90000}"#), ControlFault::Status(503));
        assert!(fault(503, b"").is_outage() && fault(200, b"").is_outage());
        assert!(!fault(401, b"").is_outage() && !fault(413, b"").may_pass());
        assert!(ControlFault::LeftAlone.may_pass() && !ControlFault::LeftAlone.is_outage());
    }
}
