//! Attempts, by name.

use std::fmt;
use std::str::FromStr;

use weir_core::RequestId;

/// One attempt of one request. Written as `<request>.<attempt>` it is the id of the attempt's reservation: asking
/// twice for the same attempt finds the same reservation, and a store that lost its memory cannot give the id to
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptId {
    /// The request.
    pub request: RequestId,
    /// Which try it is, counted from 1.
    pub attempt: u32,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.request, self.attempt)
    }
}

/// A text that is not the id of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a reservation's id: `<request>.<attempt>` is expected")]
pub struct NotAnAttemptId;

impl FromStr for AttemptId {
    type Err = NotAnAttemptId;

    fn from_str(text: &str) -> Result<Self, NotAnAttemptId> {
        let (request, attempt) = text.split_once('.').ok_or(NotAnAttemptId)?;
        Ok(Self {
            request: request.parse().map_err(|_| NotAnAttemptId)?,
            attempt: attempt.parse().map_err(|_| NotAnAttemptId)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use weir_core::UnixMillis;

    use super::*;

    #[test]
    fn ids_read_back() {
        let id = AttemptId { request: RequestId::new(UnixMillis(1_790_000_000_000), [3; 10]), attempt: 2 };
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", ".", "x.1", "1", &format!("{}.", id.request), &format!("{}.-1", id.request)] {
            assert_eq!(text.parse::<AttemptId>(), Err(NotAnAttemptId), "{text}");
        }
    }
}
