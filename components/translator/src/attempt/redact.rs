//! Secrets taken out of what a backend says before a client reads it (RELIABILITY.md, row H2).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use weir_core::error::Theirs;
use weir_core::{GatewayError, Secret};

/// What stands where a secret stood.
const GONE: &str = "[redacted]";

/// Words that begin like this and are long enough are keys, whoever's they are.
const PREFIXES: [&str; 10] = ["sk-", "sk_", "AIza", "gsk_", "xai-", "hf_", "pplx-", "ya29.", "AKIA", "eyJhbGciOi"];

/// `text` without `secrets`, as they are and in base64, and without whatever else looks like a key.
#[must_use]
pub fn redact(text: &str, secrets: &[&Secret<String>]) -> String {
    let mut text = text.to_owned();
    for secret in secrets {
        let secret = secret.expose().trim();
        // A shorter one would blank out ordinary words.
        if secret.len() < 6 {
            continue;
        }
        let encoded = [STANDARD.encode(secret), STANDARD_NO_PAD.encode(secret), URL_SAFE_NO_PAD.encode(secret)];
        for form in encoded.iter().map(String::as_str).chain([secret]) {
            if text.contains(form) {
                text = text.replace(form, GONE);
            }
        }
    }
    without_keys(&text)
}

/// `error` with `redact` applied to whatever of it may be the backend's words.
pub(crate) fn redact_error(error: GatewayError, redact: impl Fn(&str) -> String) -> GatewayError {
    let words = redact(error.message());
    let param = error.param().map(&redact);
    let theirs = error.theirs().map(|theirs| Theirs {
        r#type: theirs.r#type.as_deref().map(&redact),
        code: theirs.code.as_deref().map(&redact),
    });
    let error = error.with_message(words).with_theirs(theirs.unwrap_or_default());
    match param {
        Some(param) => error.with_param(param),
        None => error,
    }
}

fn without_keys(text: &str) -> String {
    if !PREFIXES.iter().any(|prefix| text.contains(prefix)) {
        return text.to_owned();
    }
    let is_key_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '*' | '+' | '/' | '=');
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c| !is_key_char(c)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(word);
        match key_in(run) {
            Some(start) => clean.extend([&run[..start], GONE]),
            None => clean.push_str(run),
        }
        let separator = after.chars().next().map_or(0, char::len_utf8);
        clean.push_str(&after[..separator]);
        rest = &after[separator..];
    }
    clean
}

/// Where in `run` a key begins: at its start, or after what joins it to a name, as in `api_key=sk-` and `keys/sk-`. From
/// there on all is taken for the key, since the same characters occur in keys.
fn key_in(run: &str) -> Option<usize> {
    let joints = run.match_indices(['=', '/', '+', ':']).map(|(at, joint)| at + joint.len());
    std::iter::once(0).chain(joints).find(|&start| {
        let piece = &run[start..];
        piece.len() >= 12 && PREFIXES.iter().any(|prefix| piece.starts_with(prefix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h2_secrets_are_taken_out_in_every_form() {
        let secret = Secret::new("canary-7f3a9b\n".to_owned());
        let encoded = STANDARD.encode("canary-7f3a9b");
        let text = format!(
            "bad key 'canary-7f3a9b' ({encoded}), caller's sk-proj-abcdefgh****wxyz; model sk-x is fine \u{e9}"
        );
        assert_eq!(
            redact(&text, &[&secret]),
            "bad key '[redacted]' ([redacted]), caller's [redacted]; model sk-x is fine \u{e9}"
        );
        assert_eq!(redact("short a", &[&Secret::new("a".into())]), "short a");
    }

    #[test]
    fn h2_keys_are_found_behind_what_joins_them_to_a_name() {
        for (text, expected) in [
            ("api_key=sk-abcdefgh1234", "api_key=[redacted]"),
            ("see key/sk-abcdefgh1234, please", "see key/[redacted], please"),
            ("key:sk-abcdefgh1234", "key:[redacted]"),
            ("a+b=AIzaSyA1234567890&c=d", "a+b=[redacted]&c=d"),
            ("https://x.example/v1?key==gsk_abcdefgh1234", "https://x.example/v1?key==[redacted]"),
            ("model=sk-x/short", "model=sk-x/short"),
            ("ask-a-question/task-force-one", "ask-a-question/task-force-one"),
        ] {
            assert_eq!(redact(text, &[]), expected);
        }
    }
}
