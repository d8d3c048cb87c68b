//! Loading: from a path, or from bytes, to settings or a report.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use weir_core::{Config, Secret};

use crate::compile::{Compiled, Setting, compile};
use crate::keys::{self, KeyError, Pending};
use crate::read;
use crate::report::{ConfigReport, Mistake};
use crate::secrets::{self, SecretRef, SecretTable, reason};
use crate::settings::{AccessLog, EdgeSettings, HostSettings};
use crate::world::{Machine, World};

/// The exit code of a process whose configuration cannot be used: `EX_CONFIG` of `sysexits.h`.
pub const EXIT_CODE: u8 = 78;

/// A configuration that can be used.
pub struct Loaded {
    /// The file, as it was given.
    pub name: String,
    /// The folder that paths in the file are relative to.
    pub base_dir: PathBuf,
    /// The SHA-256 of the file, 64 hexadecimal digits.
    pub digest: String,
    /// What the components get.
    pub config: Config,
    /// How tier one runs, if the file says so.
    pub edge: Option<EdgeSettings>,
    /// How tier two runs, if the file says so.
    pub host: Option<HostSettings>,
    /// Where the secrets are.
    pub secrets: SecretTable,
    /// Where the access log goes.
    pub access_log: AccessLog,
    /// Keys that are still to be made, and are left out of everything above until they are.
    pub pending: Vec<Pending>,
    /// What is likely not meant; empty when all is well.
    pub warnings: ConfigReport,
    client_key: Option<SecretRef>,
    admin_key: Option<SecretRef>,
}

impl Loaded {
    /// The key of the console (`host.admin_key`), if it is there. `None` where the file has its hash alone.
    #[must_use]
    pub fn admin_key(&self) -> Option<Secret<String>> {
        self.admin_key.as_ref().and_then(|reference| secrets::value(&Machine, reference, &(0..0)).ok())
    }

    /// The first key of a tenant that stands in a file or in the environment, to be shown in an example. `None`, if there is
    /// no such key, or if it is not there any more.
    #[must_use]
    pub fn client_key(&self) -> Option<Secret<String>> {
        self.client_key.as_ref().and_then(|reference| secrets::value(&Machine, reference, &(0..0)).ok())
    }
}

/// Loads a file.
///
/// # Errors
/// A report on everything that is wrong with it.
pub fn load(path: &Path) -> Result<Loaded, ConfigReport> {
    let name = path.display().to_string();
    let bytes = read_bounded(path).map_err(|error| {
        let mistake = Mistake::new("unreadable", 0..0, format!("`{name}` cannot be read: {}", reason(&error)));
        ConfigReport::unread(
            &name,
            match error.kind() {
                std::io::ErrorKind::NotFound => mistake.help("name another with `--config FILE`"),
                _ => mistake,
            },
        )
    })?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let base_dir = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    load_bytes(&name, &bytes, &base_dir, &Machine)
}

/// Loads a configuration that has been read already.
///
/// # Errors
/// A report on everything that is wrong with it.
pub fn load_bytes(name: &str, bytes: &[u8], base_dir: &Path, world: &dyn World) -> Result<Loaded, ConfigReport> {
    let read::Read { file, shown, mut mistakes } = read::read(bytes);
    let digest = hex::encode(Sha256::digest(bytes));
    let setting = Setting { name, base: base_dir, policy: &digest[..12], shown: shown.clone(), world };
    let compiled = file.map(|file| compile(&file, &setting)).map(|(compiled, found)| {
        let whole = mistakes.is_empty();
        mistakes.extend(found.into_iter().filter(|mistake| whole || !is_about_absence(mistake)));
        compiled
    });
    let report = ConfigReport::new(name, shown, mistakes);
    match compiled {
        Some(compiled) if report.errors() == 0 => Ok(loaded(compiled, name, base_dir, digest, report)),
        _ => Err(report),
    }
}

/// Whether a mistake is that something is not there. Where parts of the file could not be read, it may well be there.
fn is_about_absence(mistake: &Mistake) -> bool {
    ["missing-", "no-", "empty-list", "unknown-name", "unregistered", "secret-unreadable"]
        .iter()
        .any(|class| mistake.code.starts_with(class))
}

/// Makes the keys that the file asks for with `create: true` and that are not there. Load again when it made any.
///
/// # Errors
/// [`KeyError`] for the first that could not be made; those before it are there.
pub fn create_missing(loaded: &Loaded, random: &mut dyn FnMut(&mut [u8; 64])) -> Result<Vec<Pending>, KeyError> {
    for key in &loaded.pending {
        let mut bytes = [0; 64];
        random(&mut bytes);
        keys::make(&key.path, key.kind, &bytes)?;
        zeroize::Zeroize::zeroize(&mut bytes);
    }
    Ok(loaded.pending.clone())
}

/// The digest of the file as it is now, if it can be read.
pub(crate) fn digest_of(path: &Path) -> Option<String> {
    read_bounded(path).ok().map(|bytes| hex::encode(Sha256::digest(bytes)))
}

/// Reads no more than a configuration may have, and one byte to see that there is more.
fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(read::MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn loaded(compiled: Compiled, name: &str, base_dir: &Path, digest: String, warnings: ConfigReport) -> Loaded {
    Loaded {
        name: name.to_owned(),
        base_dir: base_dir.to_owned(),
        digest,
        config: compiled.config,
        edge: compiled.edge,
        host: compiled.host,
        secrets: compiled.secrets,
        access_log: compiled.access_log,
        pending: compiled.pending,
        client_key: compiled.client_key,
        admin_key: compiled.admin_key,
        warnings,
    }
}
