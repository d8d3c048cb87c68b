//! The components that stand around the parts.

use std::io;
use std::path::Path;

/// The components that stand around the parts of a chain. Which of them are wanted depends on the chain: one that is
/// wanted and is not there is an error that names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// What gives a part its settings, environment and client: `grant.wasm`.
    pub grant: Option<Vec<u8>>,
    /// What stands before somebody else's part: `warden-outer.wasm`.
    pub warden_outer: Option<Vec<u8>>,
    /// What stands behind somebody else's part: `warden-inner.wasm`.
    pub warden_inner: Option<Vec<u8>>,
    /// What the two share: `vault.wasm`.
    pub vault: Option<Vec<u8>>,
    /// What gives the chain its settings where the host has none, such as `settings-env.wasm`. Without it they are the
    /// host's to give.
    pub settings: Option<Vec<u8>>,
}

impl Around {
    /// Those that are in `folder`, but for settings.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub fn from_folder(folder: &Path) -> io::Result<Self> {
        let read = |name: &str| match std::fs::read(folder.join(format!("{name}.wasm"))) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        Ok(Self {
            grant: read("grant")?,
            warden_outer: read("warden-outer")?,
            warden_inner: read("warden-inner")?,
            vault: read("vault")?,
            settings: None,
        })
    }
}
