//! References to secrets.

use std::ops::Range;
use std::path::{Path, PathBuf};

use weir_core::Secret;
use weir_core::config::KeyHash;
use weir_settings_env::secret_variable;

use super::Compiler;
use crate::file;
use crate::keys::{KeyKind, Pending};
use crate::read::At;
use crate::report::Mistake;
use crate::secrets::{Form, SecretRef, value};

/// A key that is shorter is told of.
const SHORT_KEY: usize = 16;

/// What a reference refers to.
pub(super) enum Referred {
    Secret { at: SecretRef, create: bool },
    Hash(KeyHash),
}

impl Compiler<'_> {
    /// A secret that is sent or signed with: it gets a name in the table.
    pub(super) fn sent_secret(&mut self, at: &At<file::Secret>, name: String, form: Form) -> Option<String> {
        match self.reference(at)? {
            Referred::Hash(_) => {
                let message = "a hash cannot be sent: the secret itself is wanted";
                self.tell(
                    Mistake::new("secret", at.span.clone(), message).help("write `{ env: NAME }` or `{ file: PATH }`"),
                );
                None
            }
            Referred::Secret { at: SecretRef::File(path), create: true } if form == Form::SigningKey => {
                self.pending_if_missing(&path, KeyKind::Edge, &at.span);
                self.secrets.insert(name.clone(), SecretRef::File(path), at.span.clone(), form);
                Some(name)
            }
            Referred::Secret { create: true, .. } => {
                let message = "this key cannot be made here: the other side has it";
                self.tell(
                    Mistake::new("secret", at.span.clone(), message)
                        .help("delete `create: true`, and write their key into the file"),
                );
                None
            }
            Referred::Secret { at: reference, create: false } => {
                self.warn_if_open(&reference, &at.span);
                self.secrets.insert(name.clone(), reference, at.span.clone(), form);
                Some(name)
            }
        }
    }

    /// A secret that is only compared: its hash, and where it is, if more than the hash is known. `None` also where it is still to be made.
    pub(super) fn compared_secret(&mut self, at: &At<file::Secret>) -> Option<(KeyHash, Option<SecretRef>)> {
        let (reference, create) = match self.reference(at)? {
            Referred::Hash(hash) => return Some((hash, None)),
            Referred::Secret { at, create } => (at, create),
        };
        if let SecretRef::File(path) = &reference
            && create
            && self.pending_if_missing(path, KeyKind::Client, &at.span)
        {
            return None;
        }
        self.warn_if_open(&reference, &at.span);
        match value(self.world, &reference, &at.span) {
            Ok(secret) => Some((self.hash(&secret, &reference, &at.span)?, Some(reference))),
            Err(mistake) => {
                self.tell(mistake);
                None
            }
        }
    }

    fn hash(&mut self, secret: &Secret<String>, reference: &SecretRef, span: &Range<usize>) -> Option<KeyHash> {
        let key = secret.expose();
        if file::is_well_known(key) {
            let message = format!("the key in {} is a word that everybody tries first", reference.in_words());
            self.tell(
                Mistake::new("default-secret", span.clone(), message)
                    .help("make a real one with `weir key client FILE`"),
            );
            return None;
        }
        if key.chars().any(|c| c.is_whitespace() || c.is_control()) {
            let message = format!("the key in {} has white space within: no client can send it", reference.in_words());
            self.tell(Mistake::new("secret-form", span.clone(), message).help("look for a second line"));
            return None;
        }
        if key.len() < SHORT_KEY {
            let message =
                format!("the key in {} has {} characters: it can be guessed", reference.in_words(), key.len());
            self.tell(
                Mistake::new("short-key", span.clone(), message).warning().help("make one with `weir key client FILE`"),
            );
        }
        Some(KeyHash::of(key))
    }

    /// Exactly one of the forms.
    fn reference(&mut self, at: &At<file::Secret>) -> Option<Referred> {
        let reference = match &at.value {
            file::Secret::Reference(reference) => reference,
            file::Secret::Inline { well_known } => {
                self.inline(&at.span, *well_known);
                return None;
            }
        };
        let create = reference.create.as_ref().is_some_and(|create| create.value);
        let referred = match (reference.env.as_ref(), reference.file.as_ref(), reference.sha256.as_ref()) {
            (Some(env), None, None) => Referred::Secret { at: SecretRef::Env(self.variable(env)?), create },
            (None, Some(file), None) if !file.is_empty() => {
                Referred::Secret { at: SecretRef::File(self.path(&file.value)), create }
            }
            (None, None, Some(hash)) => Referred::Hash(self.key_hash(hash)?),
            (None, None, None) => {
                let message = "nothing says where the secret is";
                self.tell(
                    Mistake::new("no-secret", at.span.clone(), message)
                        .help("write `{ env: NAME }` or `{ file: PATH }`"),
                );
                return None;
            }
            _ => {
                let message = "exactly one of `env`, `file` and `sha256` says where a secret is";
                self.tell(
                    Mistake::new("secret", at.span.clone(), message).help("write `{ env: NAME }` or `{ file: PATH }`"),
                );
                return None;
            }
        };
        if let (Some(place), true, true) = (reference.create.as_ref(), create, reference.file.is_none()) {
            let message = "only a file can be made";
            self.tell(Mistake::new("secret", place.span.clone(), message).help("write `{ file: PATH, create: true }`"));
        }
        Some(referred)
    }

    /// Tells of secrets that would share an environment variable where a composed chain runs.
    pub(super) fn variables(&mut self) {
        let mut seen = std::collections::BTreeMap::new();
        let mut clashes = Vec::new();
        for (name, span) in self.secrets.places() {
            if let Some((first, first_span)) = seen.insert(secret_variable(name), (name, span.clone())) {
                let message =
                    format!("the secrets `{first}` and `{name}` would both be in `{}`", secret_variable(name));
                clashes.push(
                    Mistake::new("duplicate-variable", span.clone(), message)
                        .label("the second")
                        .other(first_span, "the first")
                        .help("names that differ in letters and digits have variables of their own"),
                );
            }
        }
        self.mistakes.extend(clashes);
    }

    fn inline(&mut self, span: &Range<usize>, well_known: bool) {
        let mistake = if well_known {
            Mistake::new("default-secret", span.clone(), "a word that everybody tries first is no secret")
        } else {
            Mistake::new("inline-secret", span.clone(), "a secret must not stand in the file")
        };
        self.tell(
            mistake
                .label("written out")
                .help("write `{ env: NAME }` or `{ file: PATH }`, and take this one out of use: it has been seen"),
        );
    }

    fn variable(&mut self, at: &At<String>) -> Option<String> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !at.is_empty() && at.chars().all(good) && !at.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(at.value.clone());
        }
        let help = match at.trim_matches(|c: char| "${}".contains(c)) {
            bare if !bare.is_empty() && bare != at.value && bare.chars().all(good) => format!("write `env: {bare}`"),
            _ => "letters, digits and `_` make the name of a variable".into(),
        };
        // A provider's key looks like this, too: it must not be repeated in a message.
        self.tell(Mistake::new("secret", at.span.clone(), "not the name of an environment variable").help(help));
        None
    }

    pub(super) fn key_hash(&mut self, at: &At<String>) -> Option<KeyHash> {
        at.parse()
            .map_err(|error: weir_core::config::NotAKeyHash| {
                self.tell(Mistake::new("secret", at.span.clone(), error.to_string()).label("not a SHA-256"));
            })
            .ok()
    }

    /// Notes a key that is still to be made.
    fn pending_if_missing(&mut self, path: &Path, kind: KeyKind, span: &Range<usize>) -> bool {
        let missing = matches!(self.world.read(path), Err(error) if error.kind() == std::io::ErrorKind::NotFound);
        if !missing {
            return false;
        }
        let command = kind.command();
        let message = format!("`{}` is still to be made", path.display());
        self.tell(
            Mistake::new("key-not-made", span.clone(), message)
                .warning()
                .label("no such file yet")
                .help(format!("`weir up` makes it; or make it with `{command} {}`", path.display())),
        );
        self.pending.push(Pending { path: path.to_owned(), kind });
        true
    }

    fn warn_if_open(&mut self, reference: &SecretRef, span: &Range<usize>) {
        if let SecretRef::File(path) = reference
            && self.world.is_open_to_others(path)
        {
            let message = format!("other users of this machine may read `{}`", path.display());
            let help = format!("chmod 600 {}", path.display());
            self.tell(Mistake::new("open-secret", span.clone(), message).warning().label("a secret").help(help));
        }
    }

    /// Whether the file will be written beside a key that is still to be made.
    pub(super) fn is_pending_public_key(&self, path: &Path) -> bool {
        self.pending.iter().any(|pending| pending.kind == KeyKind::Edge && public_key_path(&pending.path) == path)
    }
}

/// Where the public key of a signing key is kept.
#[must_use]
pub fn public_key_path(key: &Path) -> PathBuf {
    key.with_extension("pub")
}
