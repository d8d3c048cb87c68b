//! Who may call: nobody but an edge that signs.

use http::request::Parts;
use weir_core::UnixMillis;
use weir_core::signing::Claims;

/// Says whether a call's head is signed by an edge that may make it. The body is checked by the claims.
///
/// This is the one door of the data plane, so an implementation must check everything that
/// [`weir_core::signing`] has: issuer, signature, audience, time, method, path, the `x-weir-*` headers, that the token
/// was not seen before, and that the edge may speak for the principal's tenant.
pub trait CallVerifier: Send + Sync + 'static {
    /// The token's claims.
    ///
    /// # Errors
    /// [`CallRefused`]. The caller is told no more than 401.
    fn verify_head(&self, head: &Parts, now: UnixMillis) -> Result<Claims, CallRefused>;
}

/// A call that is not to be answered, and why; for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CallRefused(pub String);

impl<V: CallVerifier + ?Sized> CallVerifier for std::sync::Arc<V> {
    fn verify_head(&self, head: &Parts, now: UnixMillis) -> Result<Claims, CallRefused> {
        (**self).verify_head(head, now)
    }
}
