//! Parts of a chain that are not Weir's own: where they are, and what they are granted.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde_json::Value;
use weir_core::Origin;

use super::Compiler;
use super::chain::{FUSED, PARTS};
use super::place::Reach;
use super::terms::Seen;
use crate::file;
use crate::oci::OciError;
use crate::read::At;
use crate::report::Mistake;
use crate::secrets::Form;
use crate::settings::{Foreign, Grants, Network, Part, PartError, Place, Source, sha256};

/// How the names of variables that hold secrets end, in capitals.
const SECRET_ENDINGS: [&str; 5] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIALS"];

impl Compiler<'_> {
    /// Somebody else's part, if it can be had: where it is, what it must be, what it gets.
    pub(super) fn foreign(
        &mut self,
        part: &file::Part,
        span: &Range<usize>,
        seen: &mut Seen,
        tenant: Option<&str>,
    ) -> Option<Part> {
        let name = self.part_name(part, span)?;
        self.unique(seen, &name, "parts");
        let grants = self.grants(part, &name.value, tenant);
        let (place, place_span) = self.part_place(part, span)?;
        let sha256 = self.pinned(part, &place, &place_span)?;
        Some(Part { name: name.value, source: Source::Foreign(Box::new(Foreign { place, sha256, grants })) })
    }

    /// Its name: as it is written, or that of its file or artifact.
    fn part_name(&mut self, part: &file::Part, span: &Range<usize>) -> Option<At<String>> {
        let name = match (part.name.as_ref(), part.file.as_ref(), part.oci.as_ref()) {
            (Some(name), ..) => name.clone(),
            (None, Some(at), _) => {
                let stem = Path::new(at.as_str()).file_stem().map_or_else(String::new, |s| s.to_string_lossy().into());
                At { value: stem, span: at.span.clone() }
            }
            (None, None, Some(at)) => {
                let last = at.split('@').next().and_then(|reference| reference.rsplit('/').next()).unwrap_or_default();
                At { value: last.split(':').next().unwrap_or_default().to_owned(), span: at.span.clone() }
            }
            (None, None, None) => return self.without_component(part, span),
        };
        self.name(&name, "part");
        if PARTS.contains(&name.as_str()) || name.as_str() == FUSED {
            let message = format!("`{}` is the name of a part of Weir's own", name.value);
            let help = match (part.file.as_ref(), part.oci.as_ref()) {
                (None, None) => format!("write `{}` alone, without a mapping", name.value),
                _ => format!("write `{0}` alone for Weir's own, or `name:` with another name than `{0}`", name.value),
            };
            self.tell(Mistake::new("chain", name.span.clone(), message).help(help));
            return None;
        }
        Some(name)
    }

    fn without_component<T>(&mut self, part: &file::Part, span: &Range<usize>) -> Option<T> {
        let span = part.name.as_ref().map_or(span, |name| &name.span);
        self.tell(
            Mistake::new("missing-key", span.clone(), "nothing says where the part is")
                .label("`file` or `oci` belongs here")
                .help("write `file: PATH`, or `oci: REFERENCE` and `layout: FOLDER`"),
        );
        None
    }

    fn part_place(&mut self, part: &file::Part, span: &Range<usize>) -> Option<(Place, Range<usize>)> {
        match (part.file.as_ref(), part.oci.as_ref(), part.layout.as_ref()) {
            (Some(file), None, None) => Some((Place::File(self.path(file)), file.span.clone())),
            (None, Some(oci), Some(layout)) => {
                let place = Place::Oci { reference: oci.value.clone(), layout: self.path(layout) };
                Some((place, oci.span.clone()))
            }
            (Some(_), Some(at), _) => {
                let message = "a part is in a file or in a layout, not in both";
                self.tell(Mistake::new("chain", at.span.clone(), message).help("keep `file` or `oci`"));
                None
            }
            (Some(_), None, Some(at)) | (None, None, Some(at)) => {
                let message = "a layout is where an `oci` reference is looked up, and there is none";
                self.tell(Mistake::new("misplaced", at.span.clone(), message).help("write `oci:`, or delete `layout`"));
                None
            }
            (None, Some(at), None) => {
                let message = "`layout` is missing: in which folder is it? Nothing is pulled";
                let help =
                    "write `layout:` with the folder of an OCI image layout, such as `oras copy --to-oci-layout` makes";
                self.tell(Mistake::new("missing-key", at.span.clone(), message).help(help));
                None
            }
            (None, None, None) => self.without_component(part, span),
        }
    }

    /// The digest, if the component is there and has it.
    fn pinned(&mut self, part: &file::Part, place: &Place, span: &Range<usize>) -> Option<String> {
        let found = match place.read(self.world) {
            Ok(bytes) => sha256(&bytes),
            Err(error) => {
                self.tell(unreadable(&error, span));
                return None;
            }
        };
        let Some(at) = part.sha256.as_ref() else {
            let message = format!("{} is not pinned: whatever stands there would be run", place.in_words());
            self.tell(
                Mistake::new("missing-digest", span.clone(), message)
                    .label("`sha256` belongs here")
                    .help(format!("if you trust it as it is, write `sha256: {found}`")),
            );
            return None;
        };
        let pinned = at.to_lowercase();
        if pinned.len() != 64 || !pinned.chars().all(|c| c.is_ascii_hexdigit()) {
            let message = "not a SHA-256: 64 hexadecimal digits are expected";
            self.tell(
                Mistake::new("digest", at.span.clone(), message)
                    .label("not a digest")
                    .help(format!("if you trust {} as it is, write `sha256: {found}`", place.in_words())),
            );
            return None;
        }
        if pinned != found {
            let message = format!("{} is not what is pinned: its SHA-256 is {found}", place.in_words());
            self.tell(
                Mistake::new("digest", at.span.clone(), message)
                    .label("the component had this digest")
                    .other(span.clone(), "this has changed since")
                    .help(format!("find out why it changed; then, if you trust it, write `sha256: {found}`")),
            );
            return None;
        }
        Some(pinned)
    }

    /// The digest of a file that is written as a path.
    pub(super) fn digest_of_file(&self, at: &At<String>) -> Option<String> {
        self.world.read(&self.path(at)).ok().map(|bytes| sha256(&bytes))
    }

    fn grants(&mut self, part: &file::Part, name: &str, tenant: Option<&str>) -> Grants {
        if let Some(at) = part.settings.as_ref()
            && let Some(key) = secret_key(&at.value)
        {
            self.warn_of_secret(key, &at.span);
        }
        Grants {
            settings: part.settings.as_ref().map(|at| at.value.to_string()),
            secrets: self.part_secrets(part, name, tenant),
            network: part.network.as_ref().map(|list| list.iter().filter_map(|at| self.part_origin(at)).collect()),
            environment: self.part_environment(part),
        }
    }

    /// Settings and variables are baked: what is meant to be a secret must not be among them.
    fn warn_of_secret(&mut self, name: &str, span: &Range<usize>) {
        let message = format!("`{name}` looks like a secret, and would be in every composed file as it stands");
        self.tell(
            Mistake::new("inline-secret", span.clone(), message)
                .warning()
                .label("written out")
                .help("give it by reference: `secrets: { NAME: { env: VARIABLE } }`, if it is one"),
        );
    }

    fn part_secrets(&mut self, part: &file::Part, name: &str, tenant: Option<&str>) -> BTreeMap<String, String> {
        let owner = tenant.map(|tenant| format!("tenant.{tenant}.")).unwrap_or_default();
        let mut secrets = BTreeMap::new();
        for (own, at) in part.secrets.iter() {
            let own = self.name(own, "secret");
            let below = self.sent_secret(at, format!("{owner}part.{name}.{own}"), Form::Text);
            secrets.extend(below.map(|below| (own, below)));
        }
        secrets
    }

    /// An origin that it may call. By a name in the clear it is in a network of one's own, over TLS in the internet.
    fn part_origin(&mut self, at: &At<String>) -> Option<(Origin, Network)> {
        if at.contains('*') {
            let message = "a part may call origins that are written out: a wildcard cannot stand here";
            self.tell(
                Mistake::new("url", at.span.clone(), message)
                    .label("not an origin")
                    .help("write each origin, such as `https://opa.example.com`"),
            );
            return None;
        }
        let place = self.origin(at)?;
        let network = match place.reach {
            Reach::Loopback | Reach::Private => Network::Private,
            Reach::Public => Network::Public,
            Reach::Name if place.origin.is_tls() => Network::Public,
            Reach::Name => Network::Private,
        };
        Some((place.origin, network))
    }

    fn part_environment(&mut self, part: &file::Part) -> BTreeMap<String, String> {
        let mut environment = BTreeMap::new();
        for (name, value) in part.environment.iter() {
            let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(good) || name.starts_with(|c: char| c.is_ascii_digit()) {
                let message = "not the name of an environment variable";
                let help = "letters, digits and `_` make the name of a variable";
                self.tell(Mistake::new("name", name.span.clone(), message).label("not a name").help(help));
            }
            if looks_secret(name) {
                self.warn_of_secret(name, &value.span);
            }
            environment.insert(name.value.clone(), value.value.clone());
        }
        environment
    }
}

/// Whether a key's name is one that secrets have.
pub(super) fn looks_secret(name: &str) -> bool {
    let capitals = name.to_ascii_uppercase();
    SECRET_ENDINGS.iter().any(|ending| capitals.ends_with(ending))
}

/// The first key in it that has a text and the name of a secret.
fn secret_key(value: &Value) -> Option<&str> {
    match value {
        Value::Object(map) => map.iter().find_map(|(key, value)| match value {
            Value::String(_) if looks_secret(key) => Some(key.as_str()),
            _ => secret_key(value),
        }),
        Value::Array(list) => list.iter().find_map(secret_key),
        _ => None,
    }
}

/// The mistake for a component that cannot be had.
fn unreadable(error: &PartError, span: &Range<usize>) -> Mistake {
    let mistake = Mistake::new("part-unreadable", span.clone(), error.to_string()).label("wanted here");
    match error {
        PartError::Oci(OciError::Unknown { known, .. }) if !known.is_empty() => {
            let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
            mistake.help(format!("it has {}", known.join(", ")))
        }
        PartError::Oci(OciError::NotOneArtifact { .. }) => {
            mistake.help("name one of them by its digest: `NAME@sha256:…`")
        }
        PartError::Read { .. } => mistake.help("paths are relative to this file"),
        _ => mistake,
    }
}
