//! Headers between WASI's resource and the `http` crate's map.

use http::{HeaderMap, HeaderName, HeaderValue};
use wasip2::http::types::Fields;
use weir_core::header::HOP_BY_HOP;

/// The headers of a message. What is not a header by the `http` crate's rules is left out: no host lets such a one in.
pub(super) fn from_wasi(fields: &Fields) -> HeaderMap {
    let entries = fields.entries();
    let mut headers = HeaderMap::with_capacity(entries.len());
    for (name, value) in entries {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    headers
}

/// Headers for a message that is built anew, without the hop-by-hop ones. A header that the host refuses is left out
/// and named in the log.
pub(super) fn to_wasi(headers: &HeaderMap) -> Fields {
    let fields = Fields::new();
    for (name, value) in headers.iter().filter(|(name, _)| !HOP_BY_HOP.contains(&name.as_str())) {
        if let Err(fault) = fields.append(name.as_str(), value.as_bytes()) {
            eprintln!("the host refuses the header {name}: {fault:?}");
        }
    }
    fields
}
