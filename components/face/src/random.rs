//! Randomness, from the host's cryptographically secure source.

use crate::platform;

/// `N` random bytes.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    for (to, from) in bytes.iter_mut().zip(platform::get_random_bytes(N as u64)) {
        *to = from;
    }
    bytes
}

/// A random number.
#[must_use]
pub fn number() -> u64 {
    platform::get_random_u64()
}
