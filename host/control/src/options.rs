//! What a control plane is made of.

use std::sync::Arc;

use weir_config::settings::EdgeIdentity;
use weir_core::config::KeyHash;
use weir_core::{Config, UnixMillis};

/// What a control plane is made of; what can change while it runs.
#[derive(Clone, Debug)]
pub struct ControlOptions {
    /// The compiled configuration, for its limits.
    pub config: Arc<Config>,
    /// The tier two's name: the audience for which calls must be signed.
    pub name: String,
    /// Who may call.
    pub edges: Vec<EdgeIdentity>,
    /// SHA-256 of the key that opens the console; without one nobody may.
    pub admin: Option<KeyHash>,
}

/// Tells the time; the system's clock outside of tests.
pub type Clock = Arc<dyn Fn() -> UnixMillis + Send + Sync>;

/// A control plane that cannot be as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// A public key is none.
    #[error(
        "the public key of the edge `{edge}` is not one: 64 hexadecimal digits are expected, as `weir key edge` prints them"
    )]
    PublicKey {
        /// The edge.
        edge: String,
    },
}
