//! What a composed file says of itself.
//!
//! A custom section of the name `weir:chain` holds a JSON text: the parts with their digests, whose they are, what each
//! was granted by name, and which variables must be set where it runs. Never a value: neither of a secret nor of a
//! variable, and of a configuration no more than its digest.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wasmparser::{Parser, Payload};
use weir_settings_env::secret_variable;

use crate::chain::{Chain, is_bracketed};
use crate::{Access, ComposeError};

/// The section's name.
pub const SECTION: &str = "weir:chain";

/// A composed chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// The component.
    pub bytes: Vec<u8>,
    /// What it says of itself.
    pub description: Description,
}

/// What a composed file says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// The version of this format.
    pub version: u32,
    /// The tenant that it is for; `None` for all that its configuration knows.
    pub tenant: Option<String>,
    /// The parts, outermost first.
    pub parts: Vec<PartDescription>,
    /// What stands around the parts, by name: the digests, since of one name there may be several.
    pub around: Vec<Digested>,
    /// The environment variables that must be set where it runs.
    pub variables: Vec<String>,
}

/// A part of a composed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartDescription {
    /// Its name.
    pub name: String,
    /// Whether it is one of Weir's own.
    pub ours: bool,
    /// Whether it stands between two wardens, and so can change nothing of what Weir's parts tell each other.
    pub bracketed: bool,
    /// The SHA-256 of the component, 64 hexadecimal digits.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: usize,
    /// What it is granted. `None`: whatever the host has.
    pub grants: Option<GrantDescription>,
}

/// What a part is granted, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantDescription {
    /// The SHA-256 of its configuration.
    pub configuration: Option<String>,
    /// The secrets that it may ask for: the name that it uses, and the variable that holds it.
    pub secrets: BTreeMap<String, String>,
    /// The origins that it may call; `None` for a part of Weir's own, whose configuration says where it calls.
    pub network: Option<Vec<String>>,
    /// The environment variables that it sees, without their values.
    pub environment: Vec<String>,
}

/// A component by its digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digested {
    /// Its name.
    pub name: String,
    /// Its SHA-256, 64 hexadecimal digits.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: usize,
}

/// Why a file does not say what it is made of.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InspectError {
    /// It is no component.
    #[error("this is not a WebAssembly component")]
    NotAComponent(#[from] wasmparser::BinaryReaderError),
    /// It has no such section.
    #[error("there is no section `{SECTION}` in it: `weir compose` did not make it, or a tool has stripped it")]
    NoSection,
    /// What it says cannot be read.
    #[error("its section `{SECTION}` cannot be read, which another version of Weir may have written")]
    Malformed(#[from] serde_json::Error),
    /// What it says is not so.
    #[error("it says that `{part}` has the SHA-256 {sha256}, and holds no such component")]
    Untrue {
        /// The part.
        part: String,
        /// The digest that it states.
        sha256: String,
    },
}

impl Description {
    /// The version of the format that this crate reads and writes.
    pub const VERSION: u32 = 1;

    pub(crate) fn of(chain: &Chain, mut around: Vec<Digested>) -> Self {
        around.sort();
        let parts: Vec<_> = (0..chain.parts.len()).map(|place| PartDescription::of(chain, place)).collect();
        let grants = parts.iter().filter_map(|part| part.grants.as_ref());
        let variables: BTreeSet<_> = grants.flat_map(|grants| grants.secrets.values().cloned()).collect();
        Self {
            version: Self::VERSION,
            tenant: chain.tenant.clone(),
            parts,
            around,
            variables: variables.into_iter().collect(),
        }
    }
}

impl PartDescription {
    fn of(chain: &Chain, place: usize) -> Self {
        let part = &chain.parts[place];
        let (ours, bracketed) = (part.is_ours(), is_bracketed(&chain.parts, place));
        let grants = match &part.access {
            Access::Host => None,
            Access::Settings(grants) | Access::Granted(grants) => Some(GrantDescription {
                configuration: grants.config.as_ref().map(|config| sha256(config.as_bytes())),
                secrets: grants.secrets.iter().map(|(own, below)| (own.clone(), secret_variable(below))).collect(),
                network: grants.network.clone().or_else(|| (!ours).then(Vec::new)),
                environment: grants.environment.keys().cloned().collect(),
            }),
        };
        let (name, bytes) = (part.name.clone(), part.bytes.len());
        Self { name, ours, bracketed, sha256: sha256(&part.bytes), bytes, grants }
    }
}

/// Reads what a composed file says of itself, and compares the digests in it with the components that it holds.
///
/// # Errors
/// [`InspectError`].
pub fn inspect(bytes: &[u8]) -> Result<Description, InspectError> {
    let (mut section, mut digests, mut depth) = (None, BTreeSet::new(), 0_usize);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ComponentSection { unchecked_range, .. } => {
                if depth == 0 {
                    digests.insert(sha256(nested(bytes, &unchecked_range)));
                }
                depth += 1;
            }
            Payload::ModuleSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(custom) if depth == 0 && custom.name() == SECTION => section = Some(custom.data()),
            _ => {}
        }
    }
    let description: Description = serde_json::from_slice(section.ok_or(InspectError::NoSection)?)?;
    let parts = description.parts.iter().map(|part| (&part.name, &part.sha256));
    let around = description.around.iter().map(|part| (&part.name, &part.sha256));
    match parts.chain(around).find(|(_, sha256)| !digests.contains(*sha256)) {
        Some((part, sha256)) => Err(InspectError::Untrue { part: part.clone(), sha256: sha256.clone() }),
        None => Ok(description),
    }
}

/// The bytes of a nested component.
fn nested<'a>(bytes: &'a [u8], range: &std::ops::Range<u64>) -> &'a [u8] {
    let place = |offset| usize::try_from(offset).unwrap_or(usize::MAX);
    bytes.get(place(range.start)..place(range.end)).unwrap_or_default()
}

/// The component with the description in a custom section at its end.
pub(crate) fn with_section(mut component: Vec<u8>, description: &Description) -> Result<Vec<u8>, ComposeError> {
    let text = serde_json::to_string(description).map_err(|error| ComposeError::Encode(error.into()))?;
    let mut content = leb(SECTION.len());
    content.extend_from_slice(SECTION.as_bytes());
    content.extend_from_slice(text.as_bytes());
    // A custom section: 0, its length, its name, its content.
    component.push(0);
    component.extend(leb(content.len()));
    component.extend(content);
    Ok(component)
}

/// A number as WebAssembly writes it: seven bits a byte, the lowest first.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// The SHA-256 of these bytes, 64 hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
