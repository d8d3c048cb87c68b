//! Secrets taken out of what a backend says before a client reads it (RELIABILITY.md, row H2).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use weir_core::Secret;

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
        clean.push_str(if run.len() >= 12 && PREFIXES.iter().any(|prefix| run.starts_with(prefix)) {
            GONE
        } else {
            run
        });
        let separator = after.chars().next().map_or(0, char::len_utf8);
        clean.push_str(&after[..separator]);
        rest = &after[separator..];
    }
    clean
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
}
