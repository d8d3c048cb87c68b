//! One HTTP/1 request head, read strictly (RFC 9112, without what it lets a recipient tolerate).

use super::Refusal;

/// What a head says about the bytes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) framing: Framing,
    /// It asks for another protocol: what follows before the answer may not be HTTP.
    pub(super) upgrade: bool,
}

/// How the end of the body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    NoBody,
    Length(u64),
    Chunked,
}

/// Reads a head: `bytes` ends with the empty line, and each line with CR LF.
pub(super) fn read_head(bytes: &[u8], max_headers: usize) -> Result<Head, Refusal> {
    let mut lines = lines(bytes);
    let http_11 = read_request_line(lines.next().unwrap_or_default())?;
    let mut length = None;
    let mut chunked = false;
    let mut upgrade = false;
    for (index, line) in lines.take_while(|line| !line.is_empty()).enumerate() {
        if index >= max_headers {
            return Err(Refusal::HeadTooLarge);
        }
        let (name, value) = read_field(line)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            if length.replace(read_length(value)?).is_some() {
                return Err(Refusal::Malformed("more than one Content-Length"));
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") || chunked {
                return Err(Refusal::Malformed("Transfer-Encoding is not `chunked`"));
            }
            chunked = true;
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            upgrade = true;
        }
    }
    let framing = match (chunked, length) {
        (true, Some(_)) => {
            return Err(Refusal::Malformed("both Content-Length and Transfer-Encoding"));
        }
        (true, None) if !http_11 => {
            return Err(Refusal::Malformed("Transfer-Encoding in HTTP/1.0"));
        }
        (true, None) => Framing::Chunked,
        (false, Some(length)) if length > 0 => Framing::Length(length),
        (false, _) => Framing::NoBody,
    };
    Ok(Head { framing, upgrade })
}

/// One header or trailer field: a name right before its colon, a value without control characters
/// and without the white space around it.
pub(super) fn read_field(line: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    if line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
        return Err(Refusal::Malformed("a folded header line"));
    }
    let colon = memchr::memchr(b':', line).ok_or(Refusal::Malformed("a header without a colon"))?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
        return Err(Refusal::Malformed("a header name with an invalid character"));
    }
    if value.iter().any(|&byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f) {
        return Err(Refusal::Malformed("a header value with a control character"));
    }
    Ok((name, trim(value)))
}

/// A character of RFC 9110's `token`: methods and field names are made of it.
pub(super) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether the version is HTTP/1.1, rather than HTTP/1.0.
fn read_request_line(line: &[u8]) -> Result<bool, Refusal> {
    let mut words = line.split(|&byte| byte == b' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    let (Some(method), Some(target), Some(version), None) = (method, target, version, words.next()) else {
        return Err(Refusal::Malformed("the request line is not three words"));
    };
    if method.is_empty() || !method.iter().all(|&byte| is_token(byte)) {
        return Err(Refusal::Malformed("the method has an invalid character"));
    }
    // A fragment is never sent; a parser that drops it in silence would hide what others route by.
    if target.is_empty() || !target.iter().all(|&byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(Refusal::Malformed("the request target has an invalid character"));
    }
    match version {
        b"HTTP/1.1" => Ok(true),
        b"HTTP/1.0" => Ok(false),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            Err(Refusal::Version)
        }
        _ => Err(Refusal::Malformed("the request line has no HTTP version")),
    }
}

fn read_length(value: &[u8]) -> Result<u64, Refusal> {
    // 18 digits cannot overflow, and are a million terabytes.
    if value.is_empty() || value.len() > 18 || !value.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::Malformed("Content-Length is not a number"));
    }
    Ok(value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
