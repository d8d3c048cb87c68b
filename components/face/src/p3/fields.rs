//! Headers between WASI's resource and the `http` crate's map.

use http::{HeaderMap, HeaderName, HeaderValue};
use weir_core::header::HOP_BY_HOP;

use super::bindings::wasi::http::types::Fields;

/// The headers of a message. What is not a header by the `http` crate's rules is left out: no host lets such a one in.
#[must_use]
pub(super) fn from_wasi(fields: &Fields) -> HeaderMap {
    let entries = fields.copy_all();
    let mut headers = HeaderMap::with_capacity(entries.len());
    for (name, value) in entries {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    headers
}

/// Headers for a message that is built anew, without the hop-by-hop ones: some hosts answer an empty 500 when one
/// is set. A header that the host refuses is left out and named in the log.
#[must_use]
pub(super) fn to_wasi(headers: &HeaderMap) -> Fields {
    let passed = || headers.iter().filter(|(name, _)| !HOP_BY_HOP.contains(&name.as_str()));
    let entries: Vec<_> = passed().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    // All in one call into the host, which is most of what headers cost.
    Fields::from_list(&entries).unwrap_or_else(|_| {
        let fields = Fields::new();
        for (name, value) in passed() {
            if let Err(fault) = fields.append(name.as_str(), value.as_bytes()) {
                eprintln!("the host refuses the header {name}: {fault:?}");
            }
        }
        fields
    })
}
