//! Settings, from environment variables: nothing to wait for, but the functions are those of WASI 0.3.

use wasip2::cli::environment::get_environment;
use weir_settings_env::{CONFIG_VARIABLE, Environment};

/// The compiled configuration, or why there is none.
pub(crate) async fn config() -> Result<String, String> {
    let environment = Environment::new(get_environment());
    environment.config().map(str::to_owned).ok_or_else(|| format!("{CONFIG_VARIABLE} is not set"))
}

/// A secret, or why it cannot be had; `None` where there is none of that name.
pub(crate) async fn secret(name: &str) -> Result<Option<String>, String> {
    Ok(Environment::new(get_environment()).secret(name).map(str::to_owned))
}
