//! Request ids.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::UnixMillis;

/// A request's id: a UUIDv7 (RFC 9562), so ids sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(Uuid);

impl RequestId {
    /// An id for a request that came at `now`, from ten random bytes.
    #[must_use]
    pub fn new(now: UnixMillis, random: [u8; 10]) -> Self {
        Self(Builder::from_unix_timestamp_millis(now.0, &random).into_uuid())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is not a request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a request id: a UUID is expected")]
pub struct NotARequestId;

impl FromStr for RequestId {
    type Err = NotARequestId;

    fn from_str(text: &str) -> Result<Self, NotARequestId> {
        Uuid::try_parse(text).map(Self).map_err(|_| NotARequestId)
    }
}

impl Serialize for RequestId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_and_sort_by_time() {
        let a = RequestId::new(UnixMillis(1_790_000_000_000), [0xff; 10]);
        let b = RequestId::new(UnixMillis(1_790_000_000_001), [0; 10]);
        assert!(a < b);
        assert_eq!(a.to_string().as_bytes()[14], b'7');
        assert_eq!(a.to_string().parse(), Ok(a));
    }
}
