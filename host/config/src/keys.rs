//! Keys: making them, and keeping them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use weir_core::Secret;
use weir_core::signing::SigningKey;

pub use crate::compile::public_key_path;

/// The digits of an API key.
const BASE_62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// How many of them a key has: 190 bits.
const DIGITS: usize = 32;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Clients show it: `weir-` and 32 digits to the base of 62.
    Client,
    /// An edge signs with it: an Ed25519 key, 64 hexadecimal digits; its public key is kept beside it.
    Edge,
}

impl KeyKind {
    /// The command that makes such a key; the path of the file follows it.
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::Client => "weir key client",
            Self::Edge => "weir key edge",
        }
    }
}

/// A key that the file asks to be made, and that is not there yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Where it goes.
    pub path: PathBuf,
    /// What it is for.
    pub kind: KeyKind,
}

/// A key that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the key `{path}` could not be made: {source}")]
pub struct KeyError {
    /// Where it was to go.
    pub path: PathBuf,
    /// Why it could not.
    pub source: io::Error,
}

/// A new API key from 64 random bytes. Every digit is equally likely.
#[must_use]
pub fn new_api_key(random: &[u8; 64]) -> Secret<String> {
    // Bytes of 248 and more would favour the first digits; 64 bytes hold 32 that are smaller but once in 10^30 times.
    const FAIR: u8 = 248;
    let fair = random.iter().filter(|byte| **byte < FAIR);
    let spare = random.iter().filter(|byte| **byte >= FAIR);
    let digits = fair.chain(spare).take(DIGITS).map(|byte| char::from(BASE_62[usize::from(*byte) % BASE_62.len()]));
    Secret::new(std::iter::once("weir-".to_owned()).chain(digits.map(String::from)).collect())
}

/// A new signing key from 32 random bytes, and its public key: each 64 hexadecimal digits.
#[must_use]
pub fn new_edge_key(random: &[u8; 32]) -> (Secret<String>, String) {
    let private = Secret::new(hex::encode(random));
    let public = hex::encode(ed25519_dalek::SigningKey::from_bytes(random).verifying_key().as_bytes());
    (private, public)
}

/// Makes a key and writes it to a file that only its owner may read; beside an edge's key goes its public key, which
/// everybody may. A file that is there already is left alone.
///
/// # Errors
/// [`KeyError`]: the file is there, or cannot be written.
pub fn make(path: &Path, kind: KeyKind, random: &[u8; 64]) -> Result<(), KeyError> {
    let write = || match kind {
        KeyKind::Client => write_new(path, new_api_key(random).expose(), 0o600),
        KeyKind::Edge => {
            let mut seed = [0; 32];
            seed.copy_from_slice(&random[..32]);
            let (private, public) = new_edge_key(&seed);
            write_new(path, private.expose(), 0o600)?;
            write_public(&public_key_path(path), &public)
        }
    };
    write().map_err(|source| KeyError { path: path.to_owned(), source })
}

/// The public key of an edge's key, 64 hexadecimal digits. `None`, if it is no such key.
#[must_use]
pub fn public_key(private: &Secret<String>) -> Option<String> {
    SigningKey::from_hex(private).ok().map(|key| key.public_hex())
}

fn write_new(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

/// A public key that is left from an earlier key is worth nothing: it is replaced.
fn write_public(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => write_new(path, text, 0o644),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_key_has_32_digits_and_is_made_of_the_random_bytes_alone() {
        let key = new_api_key(&[0; 64]);
        assert_eq!(key.expose(), &format!("weir-{}", "0".repeat(32)));
        let mut random = [0; 64];
        for (at, byte) in random.iter_mut().enumerate() {
            *byte = at as u8 * 4;
        }
        let key = new_api_key(&random);
        assert_eq!(key.expose().len(), 37);
        assert!(key.expose()[5..].bytes().all(|byte| BASE_62.contains(&byte)));
        // Where fair bytes run out, the others are taken, rather than a shorter key made.
        assert_eq!(new_api_key(&[255; 64]).expose().len(), 37);
    }

    #[test]
    fn an_edge_key_belongs_to_its_public_key() {
        let (private, public) = new_edge_key(&[7; 32]);
        assert_eq!(public_key(&private), Some(public));
        assert_eq!(public_key(&Secret::new("7".into())), None);
    }

    #[test]
    fn a_key_that_is_there_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.key");
        make(&path, KeyKind::Edge, &[1; 64]).unwrap();
        let before = fs::read(&path).unwrap();
        assert!(make(&path, KeyKind::Edge, &[2; 64]).is_err());
        assert_eq!(fs::read(&path).unwrap(), before);
        let public = fs::read_to_string(folder.path().join("a/b.pub")).unwrap();
        assert_eq!(Some(public.trim().to_owned()), public_key(&Secret::new(String::from_utf8(before).unwrap())));
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_may_read_a_key() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("client.key");
        make(&path, KeyKind::Client, &[1; 64]).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
