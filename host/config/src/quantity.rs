//! Lengths of time, sizes and dates, as people write them.

use std::time::Duration;

use weir_core::UnixMillis;

/// The longest time that a configuration may state.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// Reads `500ms`, `1.5s`, `2m`, `1h`, `30d`.
///
/// # Errors
/// How to write it.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let millis = match unit {
        "ms" => 1.0,
        "s" => 1_000.0,
        "m" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        "" if !number.is_empty() => return Err(format!("say the unit: `{number}s`, `{number}ms` or `{number}m`")),
        "sec" | "secs" | "second" | "seconds" => return Err(format!("write `{number}s`")),
        "min" | "mins" | "minute" | "minutes" => return Err(format!("write `{number}m`")),
        _ => return Err("write a number and `ms`, `s`, `m`, `h` or `d`, such as `500ms` or `3s`".into()),
    };
    let number = decimal(number).ok_or("write a number and a unit, such as `500ms` or `3s`")?;
    let seconds = number * millis / 1_000.0;
    if seconds > LONGEST.as_secs_f64() {
        return Err("a year is the longest that can be stated".into());
    }
    Ok(Duration::from_millis((seconds * 1_000.0).round() as u64))
}

/// Reads `512B`, `64KiB`, `20MiB`, `1GiB`, in bytes.
///
/// # Errors
/// How to write it.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "" if !number.is_empty() => return Err(format!("say the unit: `{number}B`, `{number}KiB` or `{number}MiB`")),
        "K" | "k" | "KB" | "kB" | "kb" | "Ki" | "kib" => return Err(format!("write `{number}KiB`")),
        "M" | "m" | "MB" | "mb" | "Mi" | "mib" => return Err(format!("write `{number}MiB`")),
        "G" | "g" | "GB" | "gb" | "Gi" | "gib" => return Err(format!("write `{number}GiB`")),
        _ => return Err("write a number and `B`, `KiB`, `MiB` or `GiB`, such as `20MiB`".into()),
    };
    let number: u64 = number.parse().map_err(|_| "write a whole number and a unit, such as `20MiB`")?;
    number
        .checked_mul(factor)
        .filter(|bytes| *bytes <= 1 << 40)
        .ok_or_else(|| "a size of more than 1024GiB cannot be meant".into())
}

/// Reads `2027-01-31T12:00:00Z` (RFC 3339), or `2027-01-31` for its first moment in UTC.
///
/// # Errors
/// How to write it.
pub(crate) fn date(text: &str) -> Result<UnixMillis, String> {
    parse_date(text).ok_or_else(|| "write it as `2027-01-31T12:00:00Z` or `2027-01-31`".into())
}

fn parse_date(text: &str) -> Option<UnixMillis> {
    let (day, rest) = (text.get(..10)?, text.get(10..)?);
    let (year, month, day) = (digits(&day[..4])?, fixed(day, 4, '-')?, fixed(day, 7, '-')?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) || year < 1970 {
        return None;
    }
    let midnight = days_since_1970(year, month, day) * 86_400;
    let seconds = if rest.is_empty() { midnight } else { midnight + time_of_day(rest)? };
    u64::try_from(seconds).ok().map(|seconds| UnixMillis(seconds * 1_000))
}

/// Seconds since midnight in UTC, of `T12:00:00.5+01:00`. Parts of a second are left out.
fn time_of_day(text: &str) -> Option<i64> {
    let text = text.strip_prefix(['T', 't', ' '])?;
    let clock = text.get(..8)?;
    let (hour, minute, second) = (digits(&clock[..2])?, fixed(clock, 2, ':')?, fixed(clock, 5, ':')?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut zone = text.get(8..)?;
    if let Some(fraction) = zone.strip_prefix('.') {
        let end = fraction.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
        zone = &fraction[end..];
    }
    Some(hour * 3_600 + minute * 60 + second - offset(zone)?)
}

/// Seconds east of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let zone = zone.get(1..).filter(|zone| zone.len() == 5)?;
    let (hours, minutes) = (digits(zone.get(..2)?)?, fixed(zone, 2, ':')?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

/// The two digits after `mark`, which stands at `at`.
fn fixed(text: &str, at: usize, mark: char) -> Option<i64> {
    digits(text.get(at..at + 3)?.strip_prefix(mark)?)
}

fn digits(text: &str) -> Option<i64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01, in the Gregorian calendar. The year is counted from March, so that the leap day is its last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    const UNTIL_1970: i64 = 719_468;
    year * 365 + leap_days + day_of_year - UNTIL_1970
}

fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

fn decimal(text: &str) -> Option<f64> {
    let plain =
        text.bytes().filter(|byte| *byte == b'.').count() <= 1 && text.bytes().any(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_a_number_and_a_unit() {
        for (text, millis) in
            [("500ms", 500), ("3s", 3_000), ("1.5s", 1_500), ("2m", 120_000), ("1h", 3_600_000), ("0s", 0)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "3", "s", "3 parsecs", "-1s", "1e3s", "1..2s", "99999999999d", "3sec", "NaNs"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_has_a_whole_number_and_a_binary_unit() {
        for (text, bytes) in [("512B", 512), ("64KiB", 65_536), ("20MiB", 20 << 20), ("1GiB", 1 << 30)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "20", "20MB", "1.5MiB", "-1B", "MiB", "99999999999999999999B", "9999999GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_date_is_rfc_3339() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("1970-01-01T00:00:01Z", 1),
            ("2000-02-29", 951_782_400),
            ("2027-01-01T00:00:00Z", 1_798_761_600),
            ("2027-01-01T01:30:00+01:30", 1_798_761_600),
            ("2026-12-31T19:00:00.25-05:00", 1_798_761_600),
        ] {
            assert_eq!(date(text), Ok(UnixMillis(seconds * 1_000)), "{text}");
        }
        for text in [
            "",
            "2027",
            "2027-13-01",
            "2027-02-29",
            "2027-00-10",
            "01.02.2027",
            "2027-01-01T25:00:00Z",
            "2027-01-01T00:00:00",
            "2027-01-01T00:00:00+1:00",
            "2027-01-01T00:00:00.Z",
            "1969-12-31",
            "2027-01-01ü",
        ] {
            assert!(date(text).is_err(), "{text}");
        }
    }
}
