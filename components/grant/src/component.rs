//! The face towards WASI.
#![expect(unsafe_code, reason = "the exports that wit-bindgen generates")]

use bindings::exports::wasi::cli0_2_6::environment as environment_2;
use bindings::exports::wasi::cli0_3_0::environment as environment_3;
use bindings::exports::wasi::http::client;
use bindings::exports::weir::gateway::settings;
use bindings::wasi::http::types::{ErrorCode, Request, Response, Scheme};
use bindings::weir::gateway::{granted, settings as below};

use crate::{is_granted, name_below};

mod bindings {
    #![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all)]
    wit_bindgen::generate!({
        path: "../../wit",
        world: "weir:gateway/grant",
        generate_all,
    });
}

struct Component;
bindings::export!(Component with_types_in bindings);

impl settings::Guest for Component {
    async fn config() -> Result<String, settings::SettingsError> {
        granted::config().ok_or(settings::SettingsError::Missing)
    }

    async fn secret(name: String) -> Result<Option<String>, settings::SettingsError> {
        let secrets = granted::secrets();
        let Some(below_name) = name_below(&secrets, &name) else {
            return Ok(None);
        };
        below::secret(below_name.to_owned()).await.map_err(|error| match error {
            below::SettingsError::Missing => settings::SettingsError::Missing,
            below::SettingsError::Unavailable(why) => settings::SettingsError::Unavailable(why),
        })
    }
}

impl client::Guest for Component {
    async fn send(request: Request) -> Result<Response, ErrorCode> {
        let scheme = request.get_scheme().map(|scheme| match scheme {
            Scheme::Http => "http".to_owned(),
            Scheme::Https => "https".to_owned(),
            Scheme::Other(other) => other,
        });
        if !is_granted(&granted::network(), scheme.as_deref(), request.get_authority().as_deref()) {
            return Err(ErrorCode::HttpRequestDenied);
        }
        bindings::wasi::http::client::send(request).await
    }
}

impl environment_2::Guest for Component {
    fn get_environment() -> Vec<(String, String)> {
        granted::environment()
    }

    fn get_arguments() -> Vec<String> {
        Vec::new()
    }

    fn initial_cwd() -> Option<String> {
        None
    }
}

impl environment_3::Guest for Component {
    fn get_environment() -> Vec<(String, String)> {
        granted::environment()
    }

    fn get_arguments() -> Vec<String> {
        Vec::new()
    }

    fn get_initial_cwd() -> Option<String> {
        None
    }
}
