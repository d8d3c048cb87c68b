//! Headers as a vault keeps them.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Headers: names in lower case, values as they are.
pub type Headers = Vec<(String, Vec<u8>)>;

/// Takes every header that is Weir's own out of `headers`.
pub(crate) fn remove_internal(headers: &mut HeaderMap) -> Headers {
    let internal = copy_internal(headers);
    for (name, _) in &internal {
        headers.remove(name);
    }
    internal
}

/// Every header that is Weir's own.
pub(crate) fn copy_internal(headers: &HeaderMap) -> Headers {
    let internal = headers.iter().filter(|(name, _)| name.as_str().starts_with("x-weir-"));
    internal.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

/// Adds what was kept.
pub(crate) fn append(headers: &mut HeaderMap, kept: Headers) {
    for (name, value) in kept {
        // They were headers when they were taken.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
}
