//! The source as it may be shown: what looks like a secret in it is made unreadable.
//!
//! A key that somebody wrote into the file by mistake must not end up in the log of a build because a report quotes
//! the line, or the line after it.

use std::ops::Range;

use super::tree::{Kind, Node};

/// Keys under which people write secrets.
const SECRET_KEYS: [&str; 9] =
    ["key", "api_key", "apikey", "token", "secret", "secrets", "password", "admin_key", "authorization"];

/// Masks by the tree: every text that stands directly under such a key.
pub(super) fn tree(text: &str, root: &Node) -> String {
    let mut masked = text.to_owned().into_bytes();
    walk(root, "", &mut |span| mask(&mut masked, span));
    String::from_utf8(masked).unwrap_or_default()
}

fn walk(node: &Node, parent: &str, found: &mut impl FnMut(Range<usize>)) {
    match &node.kind {
        Kind::List(nodes) => nodes.iter().for_each(|node| walk(node, parent, found)),
        Kind::Text(url) => in_url(url, &node.span, found),
        Kind::Map(entries) => {
            for entry in entries {
                // A certificate's `key` is a path.
                // Whatever a part calls them, what stands under `secrets` are secrets, and many variables are, and many
                // headers.
                let is_secret = is_secret(&entry.key) || matches!(parent, "secrets" | "environment" | "set");
                if is_secret && parent != "tls" && !matches!(entry.value.kind, Kind::Map(_) | Kind::Null) {
                    each_scalar(&entry.value, found);
                }
                if entry.key == "env" && !is_variable(&entry.value) {
                    found(entry.value.span.clone());
                }
                walk(&entry.value, &entry.key, found);
            }
        }
        _ => {}
    }
}

/// A user and a query in a URL.
fn in_url(url: &str, span: &Range<usize>, found: &mut impl FnMut(Range<usize>)) {
    let Some(scheme) = url.find("://").map(|at| at + 3) else {
        return;
    };
    // A quotation mark before the text shifts it by one; a text that is written otherwise is masked as a whole.
    let quote = span.len().saturating_sub(url.len()) / 2;
    let at = |index: usize| span.start + quote + index;
    if quote > 1 {
        found(span.clone());
        return;
    }
    if let Some(user) = url[scheme..].find('@') {
        found(at(scheme)..at(scheme + user));
    }
    if let Some(query) = url.find('?') {
        found(at(query + 1)..at(url.len()));
    }
}

fn each_scalar(node: &Node, found: &mut impl FnMut(Range<usize>)) {
    match &node.kind {
        Kind::List(nodes) => nodes.iter().for_each(|node| each_scalar(node, found)),
        _ => found(node.span.clone()),
    }
}

/// Masks by the look of the text, where it is no YAML: whatever follows such a key on its line, unless a mapping does,
/// and the lines below `secrets:`, `environment:` and `set:` as far as they are indented.
pub(super) fn text(text: &str) -> String {
    let mut masked = text.to_owned().into_bytes();
    blocks(text, &mut masked);
    for (colon, _) in text.match_indices(':') {
        let word_start = text[..colon]
            .rfind(|c: char| !(c.is_alphanumeric() || "_\"'".contains(c)))
            .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
        if !is_secret(text[word_start..colon].trim_matches(['"', '\''])) {
            continue;
        }
        let line_end = text[colon..].find('\n').map_or(text.len(), |at| colon + at);
        let value = &text[colon + 1..line_end];
        let start = colon + 1 + value.len() - value.trim_start().len();
        if !text[start..line_end].starts_with('{') {
            mask(&mut masked, start..line_end);
        }
    }
    String::from_utf8(masked).unwrap_or_default()
}

/// Masks what follows a colon within `secrets:`, `environment:` and `set:`, whatever the key before it.
fn blocks(text: &str, masked: &mut [u8]) {
    let (mut start, mut within) = (0, None);
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '\t', '-']).len();
        let end = start + line.trim_end().len();
        if within.is_some_and(|outer| indent > outer) {
            if let Some(colon) = line.find(':') {
                mask(masked, start + colon + 1..end);
            }
        } else if !line.trim().is_empty() {
            let key = ["secrets:", "environment:", "set:"].iter().find_map(|key| Some(line.find(key)? + key.len()));
            within = key.map(|_| indent);
            if let Some(value) = key {
                mask(masked, start + value..end.max(start + value));
            }
        }
        start += line.len();
    }
}

/// Whether it can be the name of a variable; if not, it may well be the secret itself.
fn is_variable(node: &Node) -> bool {
    match &node.kind {
        Kind::Text(text) => text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || "_${}".contains(c)),
        _ => true,
    }
}

fn is_secret(key: &str) -> bool {
    SECRET_KEYS.contains(&key.to_lowercase().replace('-', "_").as_str())
}

/// Every byte but the line breaks becomes a star: the length in bytes stays, and with it every other place.
fn mask(bytes: &mut [u8], span: Range<usize>) {
    let end = span.end.min(bytes.len());
    for byte in &mut bytes[span.start.min(end)..end] {
        if !matches!(byte, b'\n' | b'\r') {
            *byte = b'*';
        }
    }
}
