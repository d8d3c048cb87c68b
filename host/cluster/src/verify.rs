//! Who may call: nobody but an edge that signs.

use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use weir_core::signing::Claims;
use weir_core::{ErrorKind, GatewayError, Principal, UnixMillis, header};
use weir_serve::Body;

use crate::admit::now;
use crate::tally::Tally;

/// Says whether a call's head is signed by an edge that may make it. The body is checked by the claims.
///
/// This is the one door of the data plane, so an implementation must check everything that
/// [`weir_core::signing`] has: issuer, signature, audience, time, method, path, the `x-weir-*` headers, that the token
/// was not seen before, and that the edge may speak for the principal's tenant.
pub trait CallVerifier: Send + Sync + 'static {
    /// What the call is, as its edge signed it.
    ///
    /// # Errors
    /// [`CallRefused`]. The caller is told no more than 401.
    fn verify_head(&self, head: &Parts, now: UnixMillis) -> Result<SignedCall, CallRefused>;
}

/// A call whose head is signed.
#[derive(Debug)]
pub struct SignedCall {
    /// The token's claims.
    pub claims: Claims,
    /// Who is calling, where the head says so.
    pub principal: Option<Principal>,
    /// What the answer says to the edge in `x-weir-session`: see [`Sessions`](weir_core::signing::Sessions).
    pub offer: Option<HeaderValue>,
}

impl SignedCall {
    /// What a head says that these claims are for.
    ///
    /// # Errors
    /// [`CallRefused`] where the principal cannot be read.
    pub fn new(claims: Claims, headers: &HeaderMap) -> Result<Self, CallRefused> {
        let principal = header::read_json(headers, header::PRINCIPAL).map_err(|e| CallRefused(e.to_string()))?;
        Ok(Self { claims, principal, offer: None })
    }
}

/// A call that is not to be answered, and why; for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CallRefused(pub String);

impl<V: CallVerifier + ?Sized> CallVerifier for std::sync::Arc<V> {
    fn verify_head(&self, head: &Parts, now: UnixMillis) -> Result<SignedCall, CallRefused> {
        (**self).verify_head(head, now)
    }
}

/// A request that an edge has signed; of its body that is still to be checked.
pub(crate) struct Signed {
    pub(crate) head: Parts,
    pub(crate) body: Body,
    pub(crate) claims: Claims,
    pub(crate) principal: Principal,
}

/// Who signed this head, for whom, and what the answer shall offer the edge.
pub(crate) fn signed(
    head: &Parts,
    verifier: &dyn CallVerifier,
    tally: &mut Tally,
) -> Result<(Claims, Principal, Option<HeaderValue>), GatewayError> {
    let SignedCall { claims, principal, offer } =
        verifier.verify_head(head, now()).map_err(|why| unsigned(&why, tally))?;
    let principal = principal.ok_or_else(|| {
        tracing::warn!(edge = claims.iss, "a signed call without a principal");
        GatewayError::new(ErrorKind::InvalidRequest, "the signed call names no principal")
    })?;
    tally.identify(&head.headers, &principal);
    Ok((claims, principal, offer))
}

/// The error for a call that is not signed as it should be; why, the caller is not told.
pub(crate) fn unsigned(why: &dyn std::fmt::Display, tally: &Tally) -> GatewayError {
    tally.refused_call();
    tracing::debug!(%why, "call refused");
    GatewayError::new(ErrorKind::InvalidKey, "tier two takes only calls that a registered edge has signed")
}
