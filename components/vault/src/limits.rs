//! What a vault holds at most.

/// The limits of one vault. An instance of a chain serves few requests at once, and headers are limited before they
/// come here: the defaults are far beyond what honest requests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VaultLimits {
    /// Requests at once. Beyond it a deposit is refused. Default 1 024.
    pub requests: usize,
    /// Names and values of all headers together, in bytes, deposits and answers. Beyond it a deposit or an answer's
    /// headers are refused. Default 4 MiB.
    pub bytes: usize,
}

impl Default for VaultLimits {
    fn default() -> Self {
        Self { requests: 1_024, bytes: 4 << 20 }
    }
}
