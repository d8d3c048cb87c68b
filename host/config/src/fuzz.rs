//! What fuzzing checks, callable from tests too.

use std::io;
use std::path::Path;

use weir_core::{Config, UnixMillis};

use crate::load::load_bytes;
use crate::world::World;

/// A machine without files and environment, at the beginning of time.
struct Nowhere;

impl World for Nowhere {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn is_open_to_others(&self, _: &Path) -> bool {
        false
    }

    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn now(&self) -> UnixMillis {
        UnixMillis(0)
    }
}

/// Loads whatever bytes these are, and checks the law of `config_load`: a mistake has its place inside the file and can
/// be shown; a good configuration survives being written as JSON and read again.
///
/// # Panics
/// The law is broken.
pub fn config_load(bytes: &[u8]) {
    match load_bytes("fuzz.yaml", bytes, Path::new("/nowhere"), &Nowhere) {
        Ok(loaded) => {
            let text = serde_json::to_string(&loaded.config).expect("a configuration can be written");
            let again = Config::from_json(&text).expect("what was written can be read");
            assert_eq!(loaded.config, again);
            assert_eq!(loaded.warnings.errors(), 0);
        }
        Err(report) => {
            assert!(report.errors() > 0, "refused without a reason");
            for mistake in report.mistakes() {
                let spans = std::iter::once(&mistake.span).chain(mistake.other.iter().map(|other| &other.0));
                for span in spans {
                    assert!(span.start <= span.end && span.end <= bytes.len(), "{span:?} is outside of the file");
                }
            }
            assert!(!report.render(false).is_empty() && !report.to_string().is_empty());
        }
    }
}
