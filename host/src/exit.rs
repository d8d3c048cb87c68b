//! How a command ends, as exit codes of sysexits(3) that scripts can rely on.

use std::fmt;

/// Done.
pub(crate) const OK: u8 = 0;
/// The command line was wrong.
pub(crate) const USAGE: u8 = 64;
/// The configuration was wrong.
pub(crate) const CONFIG: u8 = 78;
/// Anything else.
pub(crate) const FAILED: u8 = 1;

/// Why a command did not do what it should.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The configuration is wrong: a report, already laid out for a reader.
    Config(String),
    /// Something else.
    Other(anyhow::Error),
}

impl Failure {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Config(_) => CONFIG,
            Self::Other(_) => FAILED,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(report) => f.write_str(report.trim_end()),
            Self::Other(error) => write!(f, "weir: {error:#}"),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}
