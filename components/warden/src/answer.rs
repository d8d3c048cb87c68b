//! The way out.

use http::{HeaderMap, HeaderName};
use weir_core::header::{self, may_reach_client};

use crate::kept::{Headers, append, copy_internal, remove_internal};

/// Takes the internal headers out of an answer on its way to a foreign part. A copy of those that are for the client
/// stays.
pub fn take_answer(headers: &mut HeaderMap) -> Headers {
    let kept = remove_internal(headers);
    append(headers, kept.iter().filter(|(name, _)| may_reach_client(name)).cloned().collect());
    kept
}

/// Restores the internal headers of an answer that comes from a foreign part; none, where it answered by itself.
/// Those that the foreign part set are dropped.
pub fn restore_answer(headers: &mut HeaderMap, kept: Headers) {
    remove_internal(headers);
    append(headers, kept);
}

/// How an answer ends, for the vault; and its trailers for the foreign part, which may read what was used.
pub fn ending(trailers: Option<HeaderMap>) -> (Headers, Option<HeaderMap>) {
    let Some(mut trailers) = trailers else { return (Headers::new(), None) };
    let kept = copy_internal(&trailers);
    let hidden: Vec<HeaderName> = trailers
        .keys()
        .filter(|name| name.as_str().starts_with("x-weir-") && name.as_str() != header::USAGE)
        .cloned()
        .collect();
    for name in hidden {
        trailers.remove(name);
    }
    (kept, Some(trailers))
}

/// The trailers of an answer that comes from a foreign part, with the true internal ones in the place of what the
/// foreign part said.
#[must_use]
pub fn restore_trailers(trailers: Option<HeaderMap>, kept: Headers) -> Option<HeaderMap> {
    let mut trailers = trailers.unwrap_or_default();
    restore_answer(&mut trailers, kept);
    (!trailers.is_empty()).then_some(trailers)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(entries: &[(&'static str, &'static str)]) -> HeaderMap {
        entries.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn an_answers_internal_headers_go_past_the_foreign_part() {
        let mut answer =
            headers(&[("x-weir-failed", "{}"), ("x-weir-dropped", "seed"), ("content-type", "text/plain")]);
        let kept = take_answer(&mut answer);
        assert_eq!(answer, headers(&[("x-weir-dropped", "seed"), ("content-type", "text/plain")]));
        answer.insert("x-weir-denied", HeaderValue::from_static("forged"));
        answer.insert("x-weir-dropped", HeaderValue::from_static("forged"));
        answer.insert("x-added", HeaderValue::from_static("kept"));
        restore_answer(&mut answer, kept);
        let whole =
            [("x-weir-failed", "{}"), ("x-weir-dropped", "seed"), ("content-type", "text/plain"), ("x-added", "kept")];
        assert_eq!(answer, headers(&whole));
    }

    #[test]
    fn an_answer_of_the_foreign_parts_own_has_no_internal_headers() {
        let mut answer = headers(&[("x-weir-failed", "forged"), ("x-weir-principal", "forged"), ("retry-after", "1")]);
        restore_answer(&mut answer, Headers::new());
        assert_eq!(answer, headers(&[("retry-after", "1")]));
    }

    #[test]
    fn swallowed_trailers_are_restored() {
        let (kept, seen) = ending(Some(headers(&[("x-weir-usage", "true"), ("x-weir-own", "1"), ("x-note", "n")])));
        assert_eq!(seen, Some(headers(&[("x-weir-usage", "true"), ("x-note", "n")])));
        let whole = headers(&[("x-weir-usage", "true"), ("x-weir-own", "1")]);
        assert_eq!(restore_trailers(None, kept.clone()), Some(whole.clone()));
        assert_eq!(restore_trailers(Some(headers(&[("x-weir-usage", "forged")])), kept), Some(whole));
    }

    #[test]
    fn forged_trailers_are_dropped() {
        assert_eq!(ending(None), (Headers::new(), None));
        assert_eq!(restore_trailers(Some(headers(&[("x-weir-usage", "forged")])), Headers::new()), None);
        assert_eq!(restore_trailers(None, Headers::new()), None);
        let note = headers(&[("x-note", "n")]);
        assert_eq!(restore_trailers(Some(note.clone()), Headers::new()), Some(note));
    }
}
