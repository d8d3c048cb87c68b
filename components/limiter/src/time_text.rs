//! Times as providers write them in headers.

use weir_core::{Millis, UnixMillis};

/// A length of time as OpenAI writes it (and Go): `0s`, `20ms`, `8.64s`, `6m0s`, `1h2m3.5s`.
pub(crate) fn go_duration(length: Millis) -> String {
    let Millis(millis) = length;
    if millis == 0 {
        return "0s".to_owned();
    }
    if millis < 1_000 {
        return format!("{millis}ms");
    }
    let (seconds, rest) = (millis / 1_000, millis % 1_000);
    let fraction = match rest {
        0 => String::new(),
        _ => format!(".{}", format!("{rest:03}").trim_end_matches('0')),
    };
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}{fraction}s"),
        (0, _) => format!("{minutes}m{seconds}{fraction}s"),
        _ => format!("{hours}h{minutes}m{seconds}{fraction}s"),
    }
}

/// A point in time in whole seconds, rounded up (RFC 3339, in UTC). Times beyond the year 9999 are written as its end.
pub(crate) fn rfc3339(at: UnixMillis) -> String {
    const END_OF_9999: u64 = 253_402_300_799;
    let seconds = at.0.div_ceil(1_000).min(END_OF_9999);
    let (days, seconds) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The date that lies so many days after 1970-01-01, in the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = |year: u64| if is_leap(year) { 366 } else { 365 };
    let (mut year, mut left) = (1970, days);
    // 400 years have 146 097 days, so that at most 400 steps are left.
    year += left / 146_097 * 400;
    left %= 146_097;
    while left >= length(year) {
        left -= length(year);
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < days {
            break;
        }
        left -= days;
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_openai_writes_them() {
        let cases = [
            (0, "0s"),
            (20, "20ms"),
            (1_000, "1s"),
            (8_640, "8.64s"),
            (8_007, "8.007s"),
            (360_000, "6m0s"),
            (3_600_000, "1h0m0s"),
            (86_400_500, "24h0m0.5s"),
        ];
        for (millis, text) in cases {
            assert_eq!(go_duration(Millis(millis)), text);
        }
    }

    #[test]
    fn dates_are_right_on_both_sides_of_leap_days() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_790_000_000, "2026-09-21T14:13:20Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ];
        for (seconds, text) in cases {
            assert_eq!(rfc3339(UnixMillis(seconds * 1_000)), text);
        }
        assert_eq!(rfc3339(UnixMillis(1)), "1970-01-01T00:00:01Z");
        assert_eq!(rfc3339(UnixMillis(u64::MAX)), "9999-12-31T23:59:59Z");
    }
}
