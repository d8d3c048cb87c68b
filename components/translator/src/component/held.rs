//! How many bytes of bodies this instance holds: one that runs out of memory traps, and ends every request on it.

use std::cell::Cell;

use http::HeaderMap;
use weir_core::{ErrorKind, GatewayError, Limits};

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// Room for one body, given back when it is dropped.
pub(super) struct Held(usize);

impl Held {
    /// Claims room for a request's body: as much as it states, or as much as one may have.
    pub(super) fn claim(headers: &HeaderMap, sizes: &Limits) -> Result<Self, GatewayError> {
        let stated = headers.get(http::header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let claimed = stated.unwrap_or(sizes.body_bytes).min(sizes.body_bytes);
        HELD.with(|held| {
            let total = held.get().saturating_add(claimed);
            // One body alone always fits, however the limits are set.
            if held.get() > 0 && total > sizes.instance_bytes {
                return Err(GatewayError::new(ErrorKind::Overloaded, "the gateway holds too many bytes of requests"));
            }
            held.set(total);
            Ok(Self(claimed))
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.with(|held| held.set(held.get().saturating_sub(self.0)));
    }
}
