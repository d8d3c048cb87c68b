//! Settings, from `weir:gateway/settings`.

use super::bindings::weir::gateway::settings;

/// The compiled configuration, or why there is none.
pub(crate) async fn config() -> Result<String, String> {
    settings::config().await.map_err(|fault| format!("{fault:?}"))
}

/// A secret, or why it cannot be had; `None` where there is none of that name.
pub(crate) async fn secret(name: &str) -> Result<Option<String>, String> {
    settings::secret(name.to_owned()).await.map_err(|fault| format!("{fault:?}"))
}
