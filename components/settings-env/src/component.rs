//! The face towards WASI.
#![expect(unsafe_code, reason = "the exports that wit-bindgen generates")]

use bindings::exports::weir::gateway::settings::{Guest, SettingsError};
use bindings::wasi::cli0_3_0::environment::get_environment;

use crate::Environment;

mod bindings {
    #![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all)]
    wit_bindgen::generate!({
        path: "../../wit",
        world: "weir:gateway/settings-env",
        generate_all,
    });
}

struct Component;
bindings::export!(Component with_types_in bindings);

impl Guest for Component {
    async fn config() -> Result<String, SettingsError> {
        let environment = Environment::new(get_environment());
        environment.config().map(str::to_owned).ok_or(SettingsError::Missing)
    }

    async fn secret(name: String) -> Result<Option<String>, SettingsError> {
        let environment = Environment::new(get_environment());
        Ok(environment.secret(&name).map(str::to_owned))
    }
}
