//! The head of a request: what can be said before its body is read.

use http::{HeaderMap, HeaderValue, Method};
use weir_core::{Dialect, ErrorKind, GatewayError, Principal, RequestId, RequestView, header};

use crate::{destination, media};

/// A request whose head is in order.
#[derive(Clone)]
pub struct Head {
    /// What it asks for: the same that auth saw.
    pub view: RequestView,
    /// Who is calling.
    pub principal: Principal,
    /// Its id.
    pub request: RequestId,
}

/// A request that goes no further: why, and how the client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The dialect of the answer.
    pub dialect: Dialect,
    /// Why.
    pub error: GatewayError,
    /// The request's id, where it has one.
    pub request: Option<RequestId>,
}

impl Head {
    /// Reads a request's head, as auth passed it on.
    ///
    /// # Errors
    /// [`Refusal`]: auth's headers are missing, the path is not one for this part, or the body is not JSON.
    pub fn read(method: &Method, target: &str, headers: &HeaderMap) -> Result<Self, Refusal> {
        let id = headers.get(header::REQUEST).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
        let refusal = |dialect, error| Refusal { dialect, error, request: id };
        let view = RequestView::parse(method, target, headers.contains_key("anthropic-version"))
            .map_err(|(dialect, error)| refusal(dialect, error))?;
        let refuse = |error| refusal(view.dialect, error);

        let principal = header::require_json(headers, header::PRINCIPAL).map_err(|fault| refuse(no_auth(&fault)))?;
        let request = id.ok_or_else(|| {
            refuse(no_auth(&header::InternalHeaderError { name: header::REQUEST, fault: "is missing".to_owned() }))
        })?;
        let media = if view.endpoint.method() == Method::GET { Ok(()) } else { media::check(&view.endpoint, headers) };
        media.and_then(|()| destination::check_query(&view.query)).map_err(refuse)?;
        Ok(Self { view, principal, request })
    }

    /// A refusal of this request.
    #[must_use]
    pub fn refuse(&self, error: GatewayError) -> Refusal {
        Refusal { dialect: self.view.dialect, error, request: Some(self.request) }
    }
}

/// The length of the body, where the head says it.
#[must_use]
pub fn stated_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(http::header::CONTENT_LENGTH).and_then(|value: &HeaderValue| value.to_str().ok()?.parse().ok())
}

/// A request's body is longer than the limit.
#[must_use]
pub fn too_large(limit: usize) -> GatewayError {
    GatewayError::new(ErrorKind::BodyTooLarge, format!("the body is longer than {limit} bytes, the most that is taken"))
}

/// A request's body broke off; most likely nobody reads this.
#[must_use]
pub fn broken_off() -> GatewayError {
    GatewayError::new(ErrorKind::ClientTimeout, "the body broke off before its end")
}

/// A request came without what auth adds: the chain is wrong, and whoever calls cannot mend it.
fn no_auth(fault: &header::InternalHeaderError) -> GatewayError {
    GatewayError::new(ErrorKind::Misconfigured, fault.to_string())
}
