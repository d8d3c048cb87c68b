//! What the head of an answer means.

use std::time::Duration;

use http::HeaderMap;
use weir_core::error::Source;
use weir_core::usage::Failure;
use weir_core::{Ending, ErrorKind, GatewayError, Millis, Secret, UnixMillis, header};

use super::{redact, redact_error};
use crate::said::{Said, is_kserves, shortened};

/// How to go on after an answer's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// A stream of events follows.
    Stream,
    /// A whole answer follows.
    Whole,
    /// An error body follows: read it, up to a bound, and ask [`refusal`].
    Error,
    /// It is compressed, which it was not asked to be.
    Unreadable,
}

/// Reads a head. A backend that answers a whole where a stream was asked for is taken at its word.
#[must_use]
pub fn head(status: u16, headers: &HeaderMap, asked_for_stream: bool) -> Head {
    let content_type = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is = |name: &str| {
        content_type.is_some_and(|value| value.split(';').next().is_some_and(|v| v.trim().eq_ignore_ascii_case(name)))
    };
    let encoded = headers.get(http::header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
    match status {
        200..=203 if encoded => Head::Unreadable,
        200..=203 if is("text/event-stream") => Head::Stream,
        200..=203 if asked_for_stream && !is("application/json") => Head::Stream,
        200..=203 => Head::Whole,
        _ => Head::Error,
    }
}

/// What an error answer means: the error for the client, without any of `secrets` in it, and whether another
/// candidate is to be tried. `from_weir` says whether the backend is a tier two, whose word about that is taken.
#[must_use]
pub fn refusal(
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    from_weir: bool,
    secrets: &[&Secret<String>],
    now: UnixMillis,
) -> (GatewayError, Failure) {
    let said = Said::read(body);
    let own = said.message.clone().filter(|_| from_weir && (status == 429 || status >= 500));
    let mut error = match status {
        // The server has nothing of the kind, and another of them has it no more.
        501 if from_weir => said.with_status(400).with_status(501),
        // A model's own code failed on this very input, as KServe's runtime tells it.
        500 if from_weir && is_kserves(body) => said.with_status(400).with_status(500),
        _ => said.with_status(status),
    };
    if let Some(message) = own {
        // A tier two speaks as the gateway itself: it says what ails the model, in words for the caller.
        error = error.with_message(shortened(&message));
    }
    error = redact_error(error, |text| redact(text, secrets));
    let spilled = from_weir && headers.contains_key(header::SPILL);
    if spilled && !error.kind().may_retry() {
        error = GatewayError::new(ErrorKind::UpstreamOverloaded, "the cluster has no room for the request");
    }
    let after = retry_after(headers, now).filter(|_| error.kind().may_retry());
    if let Some(after) = after {
        error = error.with_retry_after(Duration::from_millis(after.0));
    }
    let retry = error.kind().may_retry();
    // A tier two speaks of one model; to leave it alone would be to leave all of its models alone.
    (error, Failure { retry, retry_after: after.filter(|_| !from_weir) })
}

/// How an attempt ended that `error` ended before its first event.
#[must_use]
pub fn ending_of(error: &GatewayError) -> Ending {
    match error.kind() {
        ErrorKind::ClientGone => Ending::ClientGone,
        ErrorKind::UpstreamRejected => Ending::Refused,
        kind if kind.source() == Source::Client => Ending::Refused,
        _ => Ending::Failed,
    }
}

/// What `Retry-After` asks for: seconds, or a date (RFC 9110, section 10.2.3), or the exact form that OpenAI and
/// Anthropic add. At most an hour is believed.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: UnixMillis) -> Option<Millis> {
    const MOST: u64 = 3_600_000;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0);
    let exact = text("retry-after-ms").and_then(number);
    let millis = exact.or_else(|| text("retry-after").and_then(number).map(|seconds| seconds * 1_000.0));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and saturates")]
    let millis = millis.map(|millis| Millis(millis as u64));
    let asked = millis.or_else(|| text("retry-after").and_then(http_date).map(|until| until.since(now)))?;
    Some(Millis(asked.0.min(MOST)))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that may still be sent.
fn http_date(text: &str) -> Option<UnixMillis> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let mut words = text.strip_suffix(" GMT")?.split_once(", ")?.1.split([' ', ':']);
    let mut next = || words.next();
    let day: i64 = next()?.parse().ok()?;
    let month = next().filter(|name| name.len() == 3).and_then(|name| MONTHS.find(name))? / 3 + 1;
    let year: i64 = next()?.parse().ok().filter(|year| (1970..10_000).contains(year))?;
    let mut time = [0; 3];
    for part in &mut time {
        *part = next()?.parse::<u64>().ok().filter(|part| *part <= 60)?;
    }
    // Days since 1970 in the calendar whose years begin in March, so that leap days come last.
    let month = i64::try_from(month).ok()?;
    let (year, shifted) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * shifted + 2) / 5 + day - 1 - 719_468;
    let seconds = u64::try_from(days).ok()? * 86_400 + time[0] * 3_600 + time[1] * 60 + time[2];
    Some(UnixMillis(seconds * 1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    const NOW: UnixMillis = UnixMillis(784_111_777_000);

    #[test]
    fn r3_retry_after_is_read_in_its_three_forms() {
        for (name, value, expected) in [
            ("retry-after", "7", Some(7_000)),
            ("retry-after", "0.5", Some(500)),
            ("retry-after-ms", "1500", Some(1_500)),
            ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT", Some(10_000)),
            ("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("retry-after", "Wed, 29 Feb 2040 00:00:00 GMT", Some(3_600_000)),
            ("retry-after", "-1", None),
            ("retry-after", "soon", None),
            ("retry-after", "NaN", None),
        ] {
            assert_eq!(retry_after(&headers(&[(name, value)]), NOW).map(|m| m.0), expected, "{value}");
        }
    }

    #[test]
    fn heads_say_what_follows() {
        let sse = headers(&[("content-type", "text/event-stream; charset=utf-8")]);
        let json = headers(&[("content-type", "application/json")]);
        assert_eq!(head(200, &sse, true), Head::Stream);
        assert_eq!(head(200, &HeaderMap::new(), true), Head::Stream);
        assert_eq!(head(200, &json, true), Head::Whole);
        assert_eq!(head(200, &HeaderMap::new(), false), Head::Whole);
        assert_eq!(head(307, &json, false), Head::Error);
        assert_eq!(head(204, &json, false), Head::Error);
    }

    #[test]
    fn a_spill_is_believed_from_tier_two_alone() {
        let spill = headers(&[("x-weir-spill", "1")]);
        assert!(refusal(404, &spill, b"", true, &[], NOW).1.retry);
        assert!(!refusal(404, &spill, b"", false, &[], NOW).1.retry);
    }

    #[test]
    fn r3_a_model_that_is_to_be_left_alone_does_not_take_the_whole_tier_two_with_it() {
        let headers = headers(&[("x-weir-spill", "unavailable"), ("retry-after", "5")]);
        let (error, failure) = refusal(503, &headers, b"{}", true, &[], NOW);
        assert_eq!((error.retry_after(), failure.retry_after), (Some(Duration::from_secs(5)), None));
        let (_, failure) = refusal(503, &headers, b"{}", false, &[], NOW);
        assert_eq!(failure.retry_after, Some(Millis(5_000)));
    }

    #[test]
    fn what_tier_two_says_of_a_model_is_told_in_its_words() {
        let (error, failure) = refusal(503, &HeaderMap::new(), br#"{"error":"it is loading"}"#, true, &[], NOW);
        assert_eq!((error.message(), error.status(), failure.retry), ("it is loading", 503, true));
        let (error, failure) = refusal(501, &HeaderMap::new(), br#"{"error":"no versions"}"#, true, &[], NOW);
        assert_eq!((error.message(), error.status(), failure.retry), ("no versions", 501, false));
        let (error, failure) = refusal(500, &HeaderMap::new(), br#"{"error":"ValueError : x"}"#, true, &[], NOW);
        assert_eq!((error.message(), error.status(), failure.retry), ("ValueError : x", 500, false));
        let (error, failure) = refusal(500, &HeaderMap::new(), br#"{"error":{"message":"x"}}"#, true, &[], NOW);
        assert_eq!((error.status(), failure.retry), (502, true));
        let (error, _) = refusal(401, &HeaderMap::new(), br#"{"error":"not signed"}"#, true, &[], NOW);
        assert!(!error.message().contains("signed"));
        let (error, failure) = refusal(501, &HeaderMap::new(), b"{}", false, &[], NOW);
        assert_eq!((error.status(), failure.retry), (502, true));
    }

    #[test]
    fn h2_a_credential_that_the_backend_echoes_is_not_passed_on() {
        let secret = Secret::new("canary-1234567890".to_owned());
        let body = br#"{"error":{"message":"what is canary-1234567890?"}}"#;
        for status in [400, 401, 429, 500] {
            let (error, failure) = refusal(status, &HeaderMap::new(), body, false, &[&secret], NOW);
            assert!(!error.message().contains("canary"), "{error}");
            assert_eq!(failure.retry, status != 400);
        }
        let body = br#"{"error":{"message":"m","param":"keys.canary-1234567890"}}"#;
        let (error, _) = refusal(400, &HeaderMap::new(), body, false, &[&secret], NOW);
        assert_eq!(error.param(), Some("keys.[redacted]"));
    }
}
