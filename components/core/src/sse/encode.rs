//! Events to bytes.

/// Appends an event to `out`: `data` in as many lines as it has, under `name` where there is one.
///
/// ```
/// let mut out = Vec::new();
/// weir_core::sse::encode(&mut out, Some("greet"), b"hello\nworld");
/// assert_eq!(out, b"event: greet\ndata: hello\ndata: world\n\n");
/// ```
pub fn encode(out: &mut Vec<u8>, name: Option<&str>, data: &[u8]) {
    out.reserve(data.len() + name.map_or(0, str::len) + 16);
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        extend_without_breaks(out, name.as_bytes());
        out.push(b'\n');
    }
    let mut rest = data;
    loop {
        let end = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&rest[..end]);
        out.push(b'\n');
        if end == rest.len() {
            break;
        }
        let crlf = rest[end..].starts_with(b"\r\n");
        rest = &rest[end + 1 + usize::from(crlf)..];
    }
    out.push(b'\n');
}

/// Appends a comment to `out`: a heartbeat, which clients ignore.
///
/// ```
/// let mut out = Vec::new();
/// weir_core::sse::comment(&mut out, "still there");
/// assert_eq!(out, b": still there\n\n");
/// ```
pub fn comment(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b": ");
    extend_without_breaks(out, text.as_bytes());
    out.extend_from_slice(b"\n\n");
}

/// A line break in a name or comment would begin a new field.
fn extend_without_breaks(out: &mut Vec<u8>, text: &[u8]) {
    out.extend(text.iter().map(|&byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
}
