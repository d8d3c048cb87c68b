//! The parts of a chain, and what each may see.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use weir_core::Origin;

use super::Network;
use crate::compile::{FUSED, PARTS};
use crate::oci::{self, OciError};
use crate::world::World;

/// A part of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name, unique in its chain.
    pub name: String,
    /// Whose it is, and where.
    pub source: Source,
}

/// Whose a part is, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// One of Weir's own, in the folder of components. Whether it is there is found out when it is read.
    Own {
        /// The component.
        path: PathBuf,
    },
    /// Somebody else's, which is not trusted: it gets what it is granted, and nothing else.
    Foreign(Box<Foreign>),
}

/// Somebody else's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Where it is.
    pub place: Place,
    /// The SHA-256 of the component, 64 hexadecimal digits in lower case.
    pub sha256: String,
    /// What it gets.
    pub grants: Grants,
}

/// Where somebody else's part is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File(PathBuf),
    /// In an OCI image layout, under a reference.
    Oci {
        /// The reference, such as `ghcr.io/acme/opa:1.2`.
        reference: String,
        /// The folder of the layout.
        layout: PathBuf,
    },
}

/// What somebody else's part may see, ask for and call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Its configuration, as compact JSON.
    pub settings: Option<String>,
    /// The secrets that it may ask for: the name that it uses, and the name in the [`SecretTable`](crate::SecretTable).
    pub secrets: BTreeMap<String, String>,
    /// The origins that it may call, with the addresses that their names may lead to. `None` where the file does not
    /// say, which will do only for a part that cannot call.
    pub network: Option<Vec<(Origin, Network)>>,
    /// All the environment variables that it sees.
    pub environment: BTreeMap<String, String>,
}

/// What a tenant has of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantChain {
    /// The tenant's name.
    pub tenant: String,
    /// Its chain, where it has one of its own.
    pub chain: Option<Vec<Part>>,
    /// Where its chain stands among others'.
    pub at: Option<TenantPlace>,
}

/// Where a tenant's chain stands in a manifest for many tenants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TenantPlace {
    /// Under this path: a leading `/`, no trailing one, but for `/` itself.
    Path(String),
    /// At this host, in lower case.
    Host(String),
}

/// Why a part cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartError {
    /// A file cannot be read.
    #[error("`{}` cannot be read: {}", path.display(), crate::secrets::reason(source))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The layout does not give the component.
    #[error(transparent)]
    Oci(#[from] OciError),
    /// It is not the component that was pinned.
    #[error("the SHA-256 of {what} is {found}, and {pinned} is pinned")]
    Digest {
        /// The component, in words.
        what: String,
        /// What the file says.
        pinned: String,
        /// What it is.
        found: String,
    },
}

impl Part {
    /// What of Weir's own it is, as the compiled configuration says it: its name, or the four that the fused `gateway`
    /// is made of.
    #[must_use]
    pub fn roles(&self) -> Vec<String> {
        match self.source {
            Source::Own { .. } if self.name == FUSED => PARTS.map(str::to_owned).to_vec(),
            _ => vec![self.name.clone()],
        }
    }

    /// Whether it is one of Weir's own.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self.source, Source::Own { .. })
    }

    /// Its file; `None` for one in a layout.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.source {
            Source::Own { path } => Some(path),
            Source::Foreign(foreign) => match &foreign.place {
                Place::File(path) => Some(path),
                Place::Oci { .. } => None,
            },
        }
    }

    /// What it is granted; `None` for a part of Weir's own.
    #[must_use]
    pub fn grants(&self) -> Option<&Grants> {
        match &self.source {
            Source::Own { .. } => None,
            Source::Foreign(foreign) => Some(&foreign.grants),
        }
    }

    /// Reads the component. One that is pinned is compared with its digest.
    ///
    /// # Errors
    /// [`PartError`].
    pub fn read(&self, world: &dyn World) -> Result<Vec<u8>, PartError> {
        match &self.source {
            Source::Own { path } => read_file(world, path),
            Source::Foreign(foreign) => {
                let bytes = foreign.place.read(world)?;
                match sha256(&bytes) {
                    found if found == foreign.sha256 => Ok(bytes),
                    found => {
                        Err(PartError::Digest { what: foreign.place.in_words(), pinned: foreign.sha256.clone(), found })
                    }
                }
            }
        }
    }
}

impl Place {
    /// Reads what is there, whatever its digest; blobs of a layout are compared with the digests in it.
    pub(crate) fn read(&self, world: &dyn World) -> Result<Vec<u8>, PartError> {
        match self {
            Self::File(path) => read_file(world, path),
            Self::Oci { reference, layout } => Ok(oci::component(world, layout, reference)?),
        }
    }

    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::File(path) => format!("`{}`", path.display()),
            Self::Oci { reference, .. } => format!("the component in `{reference}`"),
        }
    }
}

fn read_file(world: &dyn World, path: &Path) -> Result<Vec<u8>, PartError> {
    world.read(path).map_err(|source| PartError::Read { path: path.to_owned(), source })
}

/// The SHA-256 of these bytes, 64 hexadecimal digits in lower case.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
