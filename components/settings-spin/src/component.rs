//! The face towards Spin.
#![expect(unsafe_code, reason = "the exports that wit-bindgen generates")]

use bindings::exports::weir::gateway::settings::{Guest, SettingsError};
use spin_sdk::variables::{self, Error};

use crate::{CONFIG_VARIABLE, Found, secret_variable};

mod bindings {
    #![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all)]
    wit_bindgen::generate!({
        path: "../../wit",
        world: "weir:gateway/settings-spin",
        generate_all,
    });
}

struct Component;
bindings::export!(Component with_types_in bindings);

impl Guest for Component {
    async fn config() -> Result<String, SettingsError> {
        let config = get(CONFIG_VARIABLE).await.value().map_err(SettingsError::Unavailable)?;
        config.ok_or(SettingsError::Missing)
    }

    async fn secret(name: String) -> Result<Option<String>, SettingsError> {
        get(&secret_variable(&name)).await.value().map_err(SettingsError::Unavailable)
    }
}

async fn get(variable: &str) -> Found {
    match variables::get(variable).await {
        Ok(value) => Found::Value(value),
        Err(Error::Undefined(_)) => Found::Undefined,
        Err(Error::InvalidName(reason) | Error::Provider(reason) | Error::Other(reason)) => Found::Failed(reason),
    }
}
