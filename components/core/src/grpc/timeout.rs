//! `grpc-timeout`: up to eight digits and a unit.

use std::time::Duration;

/// The header's name.
pub const TIMEOUT: &str = "grpc-timeout";

/// What a `grpc-timeout` says; `None` where it says nothing that can be understood.
#[must_use]
pub fn read_timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count = digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Some(match unit {
        b'H' => Duration::from_secs(count * 3600),
        b'M' => Duration::from_secs(count * 60),
        b'S' => Duration::from_secs(count),
        b'm' => Duration::from_millis(count),
        b'u' => Duration::from_micros(count),
        b'n' => Duration::from_nanos(count),
        _ => return None,
    })
}

/// The time left as a `grpc-timeout`: milliseconds, or seconds where they are too many. Rounded up, so that the one who
/// is told does not give up before the one who tells.
#[must_use]
pub fn write_timeout(left: Duration) -> String {
    let millis = left.as_nanos().div_ceil(1_000_000);
    if millis < 100_000_000 { format!("{millis}m") } else { format!("{}S", millis.div_ceil(1000).min(99_999_999)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        assert_eq!(read_timeout(b"1S"), Some(Duration::from_secs(1)));
        assert_eq!(read_timeout(b"99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(read_timeout(b"250m"), Some(Duration::from_millis(250)));
        assert_eq!(read_timeout(b"59999999u"), Some(Duration::from_micros(59_999_999)));
        for wrong in [&b""[..], b"S", b"1", b"1s", b"-1S", b"+1S", b"100000000S", b"1 S", b"1.5S"] {
            assert_eq!(read_timeout(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_timeout_is_written_as_it_is_read() {
        for left in [Duration::ZERO, Duration::from_millis(7), Duration::from_hours(100), Duration::from_hours(9999)] {
            assert_eq!(read_timeout(write_timeout(left).as_bytes()), Some(left));
        }
        assert_eq!(write_timeout(Duration::from_nanos(1)), "1m");
    }
}
