//! Components in an OCI image layout (OCI image specification 1.1, `image-layout.md`), as tools such as `oras`,
//! `skopeo` and `wkg` leave them in a folder.
//!
//! Nothing is pulled: what is not in the folder is not there. Every blob is compared with the digest by which it is
//! named, so that whoever can write to the folder cannot change what a pinned reference means.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::settings::sha256;
use crate::world::World;

/// The media types of a layer that is a component: that of the CNCF's Wasm artifacts, and the one from before it.
const COMPONENT: [&str; 2] = ["application/wasm", "application/vnd.wasm.content.layer.v1+wasm"];
/// Media types of an index of further manifests.
const INDEX: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
/// Where a layout says what its manifests are called.
const NAMES: [&str; 2] = ["org.opencontainers.image.ref.name", "io.containerd.image.name"];

/// Why a layout does not give a component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OciError {
    /// A file of the layout cannot be read.
    #[error("`{}` cannot be read: {}", path.display(), crate::secrets::reason(source))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A document of the layout is not what it should be.
    #[error("`{}` is not what an OCI image layout has there: {source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The reference is not in the layout.
    #[error("the layout `{}` has no `{reference}`", layout.display())]
    Unknown {
        /// The folder.
        layout: PathBuf,
        /// What was asked for.
        reference: String,
        /// What it has.
        known: Vec<String>,
    },
    /// A digest is written in a way that names no file.
    #[error("`{digest}` is no SHA-256 digest")]
    NotADigest {
        /// What is written there.
        digest: String,
    },
    /// A blob is not what its name says.
    #[error("the blob `{}` has the SHA-256 {found}, which is not its name", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: String,
    },
    /// The artifact is not one component.
    #[error("`{reference}` has {count} layers of the type `application/wasm`; a component is one")]
    NotOneComponent {
        /// What was asked for.
        reference: String,
        /// How many there are.
        count: usize,
    },
    /// The reference leads to many artifacts.
    #[error("`{reference}` is an index of {count} artifacts")]
    NotOneArtifact {
        /// What was asked for.
        reference: String,
        /// How many there are.
        count: usize,
    },
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Manifest {
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl Descriptor {
    fn names(&self) -> impl Iterator<Item = &str> {
        NAMES.iter().filter_map(|name| self.annotations.get(*name)).map(String::as_str)
    }
}

/// The component that `reference` names in the layout.
pub(crate) fn component(world: &dyn World, layout: &Path, reference: &str) -> Result<Vec<u8>, OciError> {
    let path = layout.join("index.json");
    let index: Index = parse(&path, &read(world, &path)?)?;
    let mut found = named(index.manifests, layout, reference)?;
    if INDEX.contains(&found.media_type.as_str()) {
        let (path, bytes) = blob(world, layout, &found.digest)?;
        let inner: Index = parse(&path, &bytes)?;
        let count = inner.manifests.len();
        let only = inner.manifests.into_iter().next().filter(|_| count == 1);
        found = only.ok_or_else(|| OciError::NotOneArtifact { reference: reference.to_owned(), count })?;
    }
    let (path, bytes) = blob(world, layout, &found.digest)?;
    let manifest: Manifest = parse(&path, &bytes)?;
    let layers: Vec<_> =
        manifest.layers.iter().filter(|layer| COMPONENT.contains(&layer.media_type.as_str())).collect();
    match layers.as_slice() {
        [layer] => Ok(blob(world, layout, &layer.digest)?.1),
        layers => Err(OciError::NotOneComponent { reference: reference.to_owned(), count: layers.len() }),
    }
}

/// The manifest of this name: by digest where the reference has one, else by the whole reference, else by its tag.
fn named(manifests: Vec<Descriptor>, layout: &Path, reference: &str) -> Result<Descriptor, OciError> {
    let unknown = |manifests: &[Descriptor]| OciError::Unknown {
        layout: layout.to_owned(),
        reference: reference.to_owned(),
        known: manifests.iter().flat_map(Descriptor::names).map(str::to_owned).collect(),
    };
    if let Some((_, digest)) = reference.split_once('@') {
        let listed = manifests.into_iter().find(|manifest| manifest.digest == digest);
        // One of an index's artifacts does not stand in the layout's own list.
        return Ok(listed.unwrap_or_else(|| Descriptor {
            media_type: String::new(),
            digest: digest.to_owned(),
            annotations: BTreeMap::new(),
        }));
    }
    let by_name = |wanted: &str| manifests.iter().position(|manifest| manifest.names().any(|name| name == wanted));
    match by_name(reference).or_else(|| by_name(tag(reference))) {
        Some(place) => manifests.into_iter().nth(place).ok_or_else(|| unknown(&[])),
        None => Err(unknown(&manifests)),
    }
}

/// The tag of a reference. A port's colon stands before the last `/`.
fn tag(reference: &str) -> &str {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    name.split_once(':').map_or("latest", |(_, tag)| tag)
}

/// A blob and its file, compared with its digest.
fn blob(world: &dyn World, layout: &Path, digest: &str) -> Result<(PathBuf, Vec<u8>), OciError> {
    let is_hex = |text: &str| text.len() == 64 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    let Some(hex) = digest.strip_prefix("sha256:").filter(|hex| is_hex(hex)) else {
        return Err(OciError::NotADigest { digest: digest.to_owned() });
    };
    let path = layout.join("blobs/sha256").join(hex);
    let bytes = read(world, &path)?;
    match sha256(&bytes) {
        found if found == hex => Ok((path, bytes)),
        found => Err(OciError::Damaged { path, found }),
    }
}

fn read(world: &dyn World, path: &Path) -> Result<Vec<u8>, OciError> {
    world.read(path).map_err(|source| OciError::Read { path: path.to_owned(), source })
}

fn parse<T: for<'de> Deserialize<'de>>(path: &Path, bytes: &[u8]) -> Result<T, OciError> {
    serde_json::from_slice(bytes).map_err(|source| OciError::Malformed { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_tag() {
        for (reference, expected) in [
            ("ghcr.io/acme/opa:1.2", "1.2"),
            ("localhost:5000/opa", "latest"),
            ("localhost:5000/acme/opa:v3", "v3"),
            ("opa", "latest"),
        ] {
            assert_eq!(tag(reference), expected);
        }
    }
}
