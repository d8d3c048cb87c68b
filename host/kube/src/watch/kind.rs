//! The kinds of objects, as paths name them.

use std::fmt;

/// A kind of object, as the API server's paths name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind {
    /// Its API group; empty for the core group.
    pub group: &'static str,
    /// The versions that can be read, the one that is liked best first.
    pub versions: &'static [&'static str],
    /// Its name in paths.
    pub plural: &'static str,
}

impl Kind {
    /// Whether every API server has it, so that there is no need to ask.
    pub(crate) fn is_built_in(&self) -> bool {
        self.group.is_empty() || self.group == "discovery.k8s.io"
    }
}

/// As `kubectl` writes it: `inferenceservices.serving.kserve.io`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group {
            "" => f.write_str(self.plural),
            group => write!(f, "{}.{group}", self.plural),
        }
    }
}
