//! How many bytes of bodies this instance holds: one that runs out of memory traps, and ends every request on it.

use std::cell::Cell;

use http::HeaderMap;
use weir_core::{ErrorKind, GatewayError, Limits};

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
}

/// Room for one body, or for what of it is held at a time, given back when it is dropped.
pub(super) struct Held(usize);

impl Held {
    /// Claims room for a request's body: as much as it states, or as much as one may have.
    pub(super) fn claim(headers: &HeaderMap, sizes: &Limits) -> Result<Self, GatewayError> {
        let stated = headers.get(http::header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let mut held = Self::nothing();
        held.resize_to(stated.unwrap_or(sizes.body_bytes).min(sizes.body_bytes), sizes)?;
        Ok(held)
    }

    /// No room yet.
    pub(super) fn nothing() -> Self {
        Self(0)
    }

    /// Claims room for so many bytes in the place of what it has.
    pub(super) fn resize_to(&mut self, bytes: usize, sizes: &Limits) -> Result<(), GatewayError> {
        HELD.with(|held| {
            let others = held.get().saturating_sub(self.0);
            // One body alone always fits, however the limits are set.
            if bytes > self.0 && others > 0 && others.saturating_add(bytes) > sizes.instance_bytes {
                return Err(GatewayError::new(ErrorKind::Overloaded, "the gateway holds too many bytes of requests"));
            }
            held.set(others.saturating_add(bytes));
            self.0 = bytes;
            Ok(())
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.with(|held| held.set(held.get().saturating_sub(self.0)));
    }
}
