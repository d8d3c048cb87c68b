//! What a configuration depends on beside its text: files, the environment, the time.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use weir_core::{Millis, UnixMillis};

/// Gives files, environment and time to the checks, so that tests can give them others.
pub trait World {
    /// The content of a file.
    ///
    /// # Errors
    /// Those of the file system.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Whether others than its owner may read the file.
    fn is_open_to_others(&self, path: &Path) -> bool;

    /// An environment variable.
    fn env(&self, name: &str) -> Option<String>;

    /// The time.
    fn now(&self) -> UnixMillis;
}

/// The machine as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl World for Machine {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    #[cfg(unix)]
    fn is_open_to_others(&self, path: &Path) -> bool {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }

    #[cfg(not(unix))]
    fn is_open_to_others(&self, _: &Path) -> bool {
        false
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn now(&self) -> UnixMillis {
        UnixMillis(Millis::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()).0)
    }
}
