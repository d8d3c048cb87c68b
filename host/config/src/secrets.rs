//! Secrets: where they are, and their values once they are asked for.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use weir_core::Secret;

use crate::report::{ConfigReport, Mistake};
use crate::world::World;

/// The longest secret that is read from a file, in bytes.
const MAX_SECRET_BYTES: usize = 64 * 1024;

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// In this environment variable.
    Env(String),
    /// In this file.
    File(PathBuf),
}

/// The secrets that the configuration names, and where they are.
///
/// The names are made, not typed: `backend-claude-key`, `edge-key`, `endpoint-sim-0-key`, `part.opa.token`, and
/// `tenant.research.part.opa.token` for a part of a tenant's own chain.
#[derive(Clone)]
pub struct SecretTable {
    file: String,
    shown: Arc<str>,
    entries: IndexMap<String, Entry>,
}

#[derive(Clone)]
struct Entry {
    reference: SecretRef,
    span: Range<usize>,
    form: Form,
}

/// What a secret's value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Anything that a header can carry.
    Header,
    /// An Ed25519 signing key, 64 hexadecimal digits.
    SigningKey,
    /// Any text: what it is for is somebody else's matter.
    Text,
}

/// The values of secrets, by name. It cannot be printed.
pub struct Secrets(IndexMap<String, Secret<String>>);

impl Secrets {
    /// The value of a secret.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Secret<String>> {
        self.0.get(name)
    }

    /// All of them, with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret<String>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl SecretTable {
    pub(crate) fn new(file: &str, shown: Arc<str>) -> Self {
        Self { file: file.to_owned(), shown, entries: IndexMap::new() }
    }

    pub(crate) fn insert(&mut self, name: String, reference: SecretRef, span: Range<usize>, form: Form) {
        self.entries.insert(name, Entry { reference, span, form });
    }

    /// The names of the secrets, and where they are referred to in the file.
    pub(crate) fn places(&self) -> impl Iterator<Item = (&str, &Range<usize>)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), &entry.span))
    }

    /// The names of the secrets, and where they are.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SecretRef)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), &entry.reference))
    }

    /// Where a secret is.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SecretRef> {
        self.entries.get(name).map(|entry| &entry.reference)
    }

    /// Reads the secrets whose names `wanted` accepts. An edge wants `edge-key` and those that begin with `backend-`;
    /// a host those that begin with `endpoint-`.
    ///
    /// # Errors
    /// A report on all those that cannot be had: an environment variable that is not set, a file that cannot be read,
    /// a value that cannot be what it is meant to be. The process should end with [`EXIT_CODE`](crate::EXIT_CODE).
    pub fn resolve(&self, world: &dyn World, wanted: impl Fn(&str) -> bool) -> Result<Secrets, ConfigReport> {
        let (mut values, mut mistakes) = (IndexMap::new(), Vec::new());
        for (name, entry) in self.entries.iter().filter(|(name, _)| wanted(name)) {
            match value(world, &entry.reference, &entry.span).and_then(|value| formed(value, entry)) {
                Ok(value) => {
                    values.insert(name.clone(), value);
                }
                Err(mistake) => mistakes.push(mistake),
            }
        }
        if mistakes.is_empty() {
            Ok(Secrets(values))
        } else {
            Err(ConfigReport::new(&self.file, Arc::clone(&self.shown), mistakes))
        }
    }
}

/// Reads one secret. White space around it is cut off.
pub(crate) fn value(world: &dyn World, reference: &SecretRef, span: &Range<usize>) -> Result<Secret<String>, Mistake> {
    let text = match reference {
        SecretRef::Env(name) => {
            let value = world.env(name).ok_or_else(|| {
                Mistake::new("secret-not-set", span.clone(), format!("the environment variable `{name}` is not set"))
                    .label("wanted here")
                    .help(format!("set it before the start: `export {name}=…`"))
            })?;
            Secret::new(value)
        }
        SecretRef::File(path) => Secret::new(read_file(world, path, span)?),
    };
    let trimmed = Secret::new(text.expose().trim().to_owned());
    if trimmed.expose().is_empty() {
        return Err(Mistake::new("secret-empty", span.clone(), format!("{} is empty", reference.in_words())));
    }
    Ok(trimmed)
}

fn read_file(world: &dyn World, path: &std::path::Path, span: &Range<usize>) -> Result<String, Mistake> {
    let shown = path.display();
    let bytes = world.read(path).map_err(|error| {
        let mistake =
            Mistake::new("secret-unreadable", span.clone(), format!("`{shown}` cannot be read: {}", reason(&error)));
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                mistake.help("make it with `weir key client FILE` or `weir key edge FILE`, or write the secret into it")
            }
            std::io::ErrorKind::PermissionDenied => mistake.help("let the user that runs this process read it"),
            _ => mistake,
        }
    })?;
    if bytes.len() > MAX_SECRET_BYTES {
        let message = format!("`{shown}` has {} bytes; a secret has {MAX_SECRET_BYTES} at most", bytes.len());
        return Err(Mistake::new("secret-unreadable", span.clone(), message));
    }
    String::from_utf8(bytes)
        .map_err(|_| Mistake::new("secret-unreadable", span.clone(), format!("`{shown}` is not a text")))
}

/// An error in words that are the same on every system.
pub(crate) fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::PermissionDenied => "this user may not read it".into(),
        std::io::ErrorKind::IsADirectory => "it is a folder".into(),
        _ => error.to_string(),
    }
}

fn formed(value: Secret<String>, entry: &Entry) -> Result<Secret<String>, Mistake> {
    let subject = entry.reference.in_words();
    match entry.form {
        Form::Header if value.expose().chars().any(char::is_control) => Err(Mistake::new(
            "secret-form",
            entry.span.clone(),
            format!("the secret in {subject} holds a line break or another control character"),
        )
        .help("no header can carry it: look for a second line")),
        Form::SigningKey if weir_core::signing::SigningKey::from_hex(&value).is_err() => {
            Err(Mistake::new("secret-form", entry.span.clone(), format!("{subject} holds no signing key"))
                .help("64 hexadecimal digits are expected: make one with `weir key edge FILE`"))
        }
        Form::Header if crate::file::is_well_known(value.expose()) => Err(Mistake::new(
            "default-secret",
            entry.span.clone(),
            format!("the secret in {subject} is a word that everybody tries first"),
        )
        .help("make a real one with `weir key client FILE`")),
        _ => Ok(value),
    }
}

impl SecretRef {
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::Env(name) => format!("the environment variable `{name}`"),
            Self::File(path) => format!("`{}`", path.display()),
        }
    }
}
