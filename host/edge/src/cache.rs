//! Compiled chains, kept on disk.
//!
//! Compiling takes seconds, loading what was compiled takes milliseconds. But compiled code is trusted: whoever writes
//! the file decides what the process runs. So entries live in a folder of mode 0700 that belongs to this user, each
//! carries the digest of its content, and whatever is not exactly as it was written is thrown away and compiled anew.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::EdgeError;
use crate::stats::{EdgeStats, up};

/// What an entry begins with; changed whenever its layout is.
const MAGIC: &[u8; 8] = b"weir-c01";
const DIGEST: usize = 32;

/// A folder of compiled components; or none, and then each is compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cache {
    folder: Option<PathBuf>,
}

impl Cache {
    /// A cache in `folder`, which is made where it is missing. Where it cannot be used (it is another user's, or others
    /// may write to it), there is no cache, and the log says why.
    pub(crate) fn open(folder: &Path) -> Self {
        match usable(folder) {
            Ok(()) => Self { folder: Some(folder.to_owned()) },
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "compiled components are not cached");
                Self::default()
            }
        }
    }

    /// The component of these bytes, compiled now or earlier.
    pub(crate) fn compile(&self, engine: &Engine, bytes: &[u8], stats: &EdgeStats) -> Result<Component, EdgeError> {
        let Some(folder) = &self.folder else {
            up(&stats.cache_misses);
            return Component::new(engine, bytes).map_err(EdgeError::Compile);
        };
        let entry = folder.join(format!("{}.cwasm", key(engine, bytes)));
        match load(engine, &entry) {
            Ok(component) => {
                up(&stats.cache_hits);
                return Ok(component);
            }
            Err(LoadError::Absent) => {}
            Err(error) => tracing::warn!(entry = %entry.display(), %error, "a cached component is compiled anew"),
        }
        up(&stats.cache_misses);
        let component = Component::new(engine, bytes).map_err(EdgeError::Compile)?;
        let stored = component.serialize().map_err(io::Error::other).and_then(|compiled| store(&entry, &compiled));
        if let Err(error) = stored {
            tracing::warn!(entry = %entry.display(), %error, "a compiled component could not be cached");
        }
        Ok(component)
    }
}

/// Why an entry was not used.
#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error("there is none")]
    Absent,
    #[error("it cannot be read: {0}")]
    Read(io::Error),
    #[error("it is not as it was written")]
    Damaged,
    #[error("it belongs to someone else, or others may write to it")]
    Foreign,
    #[error("the runtime refuses it: {0}")]
    Refused(wasmtime::Error),
}

/// Makes sure that `folder` is there, is this user's, and closed to everyone else.
fn usable(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let found = fs::symlink_metadata(folder)?;
    if !found.is_dir() || !is_ours(&found) {
        return Err(io::Error::other("it is no folder of this user"));
    }
    if found.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Whether a file belongs to the user that this process runs as: the owner of its own `/proc` entry.
fn is_ours(file: &fs::Metadata) -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == file.uid())
}

/// Names an entry by everything that compiled code depends on.
fn key(engine: &Engine, bytes: &[u8]) -> String {
    /// Feeds what the engine hashes into a digest that is wide enough to be a name.
    struct Wide(Sha256);
    impl Hasher for Wide {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
    }
    let mut wide = Wide(Sha256::new());
    wide.0.update(MAGIC);
    wide.0.update(Sha256::digest(bytes));
    // The compiler's version and every setting that changes what it makes.
    engine.precompile_compatibility_hash().hash(&mut wide);
    hex::encode(wide.0.finalize())
}

fn load(engine: &Engine, entry: &Path) -> Result<Component, LoadError> {
    let read = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => LoadError::Absent,
        _ => LoadError::Read(error),
    };
    let about = fs::symlink_metadata(entry).map_err(read)?;
    if !about.is_file() || !is_ours(&about) || about.permissions().mode() & 0o022 != 0 {
        return Err(LoadError::Foreign);
    }
    let file = fs::read(entry).map_err(read)?;
    let content = file.strip_prefix(MAGIC).ok_or(LoadError::Damaged)?;
    let (digest, compiled) = content.split_at_checked(DIGEST).ok_or(LoadError::Damaged)?;
    if Sha256::digest(compiled).as_slice() != digest {
        return Err(LoadError::Damaged);
    }
    deserialize(engine, compiled).map_err(LoadError::Refused)
}

#[expect(unsafe_code, reason = "compiled code must be trusted; see below")]
fn deserialize(engine: &Engine, compiled: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the bytes are what `store` wrote: they stood in a file that only this user can write, in a folder that
    // only this user can enter, and have the digest that was written with them. wasmtime itself checks that they were
    // made by its own version with the same settings.
    unsafe { Component::deserialize(engine, compiled) }
}

/// Writes an entry so that a reader sees all of it or nothing.
fn store(entry: &Path, compiled: &[u8]) -> io::Result<()> {
    let draft = entry.with_extension(format!("{}.draft", std::process::id()));
    let written = write(&draft, compiled).and_then(|()| fs::rename(&draft, entry));
    if written.is_err() {
        // Nothing is lost when the draft stays: it is never read.
        drop(fs::remove_file(&draft));
    }
    written
}

fn write(draft: &Path, compiled: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?;
    file.write_all(MAGIC)?;
    file.write_all(&Sha256::digest(compiled))?;
    file.write_all(compiled)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::EdgeLimits;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn counts(stats: &EdgeStats) -> (u64, u64) {
        (stats.cache_hits.load(Ordering::Relaxed), stats.cache_misses.load(Ordering::Relaxed))
    }

    #[test]
    fn a_damaged_entry_is_compiled_anew() {
        let folder = tempfile::tempdir().unwrap();
        let engine = crate::engine::build(&EdgeLimits { max_instances: 1, ..EdgeLimits::default() }).unwrap();
        let (cache, stats) = (Cache::open(folder.path()), EdgeStats::default());
        cache.compile(&engine, EMPTY, &stats).unwrap();
        cache.compile(&engine, EMPTY, &stats).unwrap();
        assert_eq!(counts(&stats), (1, 1));

        let entry = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let good = fs::read(&entry).unwrap();
        for cut in [0, 7, 8, 30, 41, good.len() - 1] {
            fs::write(&entry, &good[..cut]).unwrap();
            let before = counts(&stats).1;
            cache.compile(&engine, EMPTY, &stats).unwrap();
            assert_eq!(counts(&stats).1, before + 1, "cut at {cut}");
        }
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        fs::write(&entry, &flipped).unwrap();
        cache.compile(&engine, EMPTY, &stats).unwrap();
        assert_eq!(fs::read(&entry).unwrap(), good, "the entry is written again");
    }

    #[test]
    fn a_folder_that_others_may_enter_is_closed_and_their_entries_are_not_used() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let engine = crate::engine::build(&EdgeLimits { max_instances: 1, ..EdgeLimits::default() }).unwrap();
        let (cache, stats) = (Cache::open(folder.path()), EdgeStats::default());
        assert_eq!(fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o700);

        cache.compile(&engine, EMPTY, &stats).unwrap();
        let entry = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        fs::set_permissions(&entry, fs::Permissions::from_mode(0o666)).unwrap();
        cache.compile(&engine, EMPTY, &stats).unwrap();
        assert_eq!(counts(&stats), (0, 2));
    }
}
