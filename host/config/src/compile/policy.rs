//! What is done to the headers and bodies of calls to a backend.

use std::collections::HashMap;
use std::ops::Range;

use http::{HeaderName, HeaderValue};
use weir_core::Pattern;
use weir_core::config::{BodyPolicy, HeaderPolicy};
use weir_core::header::KEYS;

use super::Compiler;
use super::part::looks_secret;
use crate::file;
use crate::read::At;
use crate::report::Mistake;

/// Headers that look like what they are: a credential.
const CREDENTIALS: [&str; 3] = ["cookie", "proxy-authorization", "x-amz-security-token"];

impl Compiler<'_> {
    pub(super) fn header_policy(&mut self, edits: Option<&file::HeaderEdits>) -> HeaderPolicy {
        let Some(edits) = edits else {
            return HeaderPolicy::default();
        };
        let mut policy = HeaderPolicy {
            forward: edits.forward.iter().filter_map(|at| self.forwarded(at)).collect(),
            ..HeaderPolicy::default()
        };
        let mut set: HashMap<String, Range<usize>> = HashMap::new();
        for (name, value) in edits.set.iter() {
            let Some(lower) = self.editable(name, "set") else { continue };
            self.plain_value(&lower, value);
            if set.insert(lower.clone(), name.span.clone()).is_some() {
                let message = format!("the header `{}` stands here twice: case does not count", name.value);
                self.tell(Mistake::new("header", name.span.clone(), message));
            }
            policy.set.insert(lower, value.value.clone());
        }
        for name in edits.remove.iter() {
            let Some(lower) = self.editable(name, "removed") else { continue };
            if let Some(first) = set.get(&lower) {
                self.tell(both(name, "header", first));
            }
            policy.remove.push(lower);
        }
        policy
    }

    pub(super) fn body_policy(&mut self, edits: Option<&file::BodyEdits>) -> BodyPolicy {
        let Some(edits) = edits else {
            return BodyPolicy::default();
        };
        let mut policy = BodyPolicy::default();
        for (key, value) in edits.set.iter() {
            self.free_field(key, "set");
            if looks_secret(key) && value.value.is_string() {
                self.secret_in(&key.value, &value.span);
            }
            policy.set.insert(key.value.clone(), value.value.clone());
        }
        for key in edits.remove.iter() {
            self.free_field(key, "removed");
            if let Some((first, _)) = edits.set.iter().find(|(set, _)| set.value == key.value) {
                self.tell(both(key, "field", &first.span));
            }
            policy.remove.push(key.value.clone());
        }
        policy
    }

    /// A pattern for headers of clients that go on.
    fn forwarded(&mut self, at: &At<String>) -> Option<Pattern> {
        let lower = at.to_lowercase();
        if !lower.contains('*') {
            return self.editable(at, "forwarded").map(Pattern::new);
        }
        let name = lower.replace('*', "x");
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            let message = format!("`{}` is no name of a header, nor a pattern for such names", at.value);
            self.tell(Mistake::new("header", at.span.clone(), message));
            return None;
        }
        let never = KEYS.iter().chain(&["x-weir-", "x-forwarded-"]).find(|never| lower.starts_with(**never));
        if let Some(never) = never {
            let message = format!("headers that begin with `{never}` are never forwarded: this would match nothing");
            self.tell(Mistake::new("header", at.span.clone(), message).help("delete it"));
            return None;
        }
        Some(Pattern::new(lower))
    }

    /// The name of a header that may be said something of, in lower case.
    fn editable(&mut self, at: &At<String>, done: &str) -> Option<String> {
        let lower = at.to_lowercase();
        if HeaderName::from_bytes(lower.as_bytes()).is_err() {
            let message = format!("`{}` is no name of a header", at.value);
            self.tell(Mistake::new("header", at.span.clone(), message));
            return None;
        }
        if HeaderPolicy::may_name(&lower) && !(CREDENTIALS.contains(&lower.as_str()) && done == "set") {
            return Some(lower);
        }
        let (why, help) = if KEYS.contains(&lower.as_str()) || CREDENTIALS.contains(&lower.as_str()) {
            (
                "it holds a key",
                "give the key that the backend wants by reference: `key: { env: NAME }`, and `key_header`",
            )
        } else if lower.starts_with("x-weir-") {
            ("it is Weir's own", "choose another header")
        } else if lower.starts_with("x-forwarded-") || lower.starts_with("x-real-") || lower == "forwarded" {
            ("it says who calls, and a client may say anything", "delete it")
        } else {
            ("it says how the message is framed", "delete it")
        };
        let message = format!("`{}` cannot be {done}: {why}", at.value);
        self.tell(Mistake::new("header", at.span.clone(), message).help(help));
        None
    }

    fn plain_value(&mut self, name: &str, value: &At<String>) {
        if HeaderValue::from_str(value).is_err() {
            let message = format!("the value of `{name}` holds a character that no header can carry");
            self.tell(Mistake::new("header", value.span.clone(), message).help("look for a line break in it"));
        }
        let words = name.replace('-', "_");
        if looks_secret(&words) || ["sk-", "Bearer ", "Basic "].iter().any(|start| value.starts_with(start)) {
            self.secret_in(name, &value.span);
        }
    }

    /// What is set here stands in the compiled configuration, and in every composed file, as it is.
    fn secret_in(&mut self, name: &str, span: &Range<usize>) {
        let message = format!("`{name}` looks like a secret, and this is plain text");
        self.tell(
            Mistake::new("inline-secret", span.clone(), message)
                .label("written out")
                .help("the one secret that a backend gets is its `key`, by reference, in its `key_header`"),
        );
    }

    /// Tells of a field of the body that no policy may name.
    fn free_field(&mut self, key: &At<String>, done: &str) {
        if BodyPolicy::FIXED.contains(&key.as_str()) {
            let message = format!("`{}` cannot be {done}: it has been read, decided on and counted by then", key.value);
            let help = match key.as_str() {
                "model" => "write `model` at the target",
                "stream_options" => "write `quirks: { stream_options: false }` if the server has none",
                _ => "delete it",
            };
            self.tell(Mistake::new("misplaced", key.span.clone(), message).help(help));
        }
    }
}

fn both(at: &At<String>, what: &str, first: &Range<usize>) -> Mistake {
    Mistake::new("misplaced", at.span.clone(), format!("the {what} `{}` is set and removed", at.value))
        .label("removed")
        .other(first.clone(), "set")
        .help("keep one of them")
}
