//! Says no to everything that a part may be kept from, each in the way in which Spin's own adapter does.

use bindings::exports;
use bindings::exports::spin::variables::variables::Error;
use bindings::exports::wasi::http::client::{ErrorCode, Request, Response};

#[allow(missing_docs, clippy::all)]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "wit/spin.wit"],
        world: "weir:spin-guests/denies",
        generate_all,
    });
}

struct Program;
bindings::export!(Program with_types_in bindings);

impl exports::spin::variables::variables::Guest for Program {
    async fn get(name: String) -> Result<String, Error> {
        Err(Error::Undefined(name))
    }
}

impl exports::wasi::http::client::Guest for Program {
    async fn send(_request: Request) -> Result<Response, ErrorCode> {
        Err(ErrorCode::InternalError(Some("\"wasi:http/client\" is not permitted".to_owned())))
    }
}

impl exports::wasi::cli0_3_0::environment::Guest for Program {
    fn get_environment() -> Vec<(String, String)> {
        Vec::new()
    }

    fn get_arguments() -> Vec<String> {
        Vec::new()
    }

    fn get_initial_cwd() -> Option<String> {
        None
    }
}

impl exports::wasi::cli0_2_6::environment::Guest for Program {
    fn get_environment() -> Vec<(String, String)> {
        Vec::new()
    }

    fn get_arguments() -> Vec<String> {
        Vec::new()
    }

    fn initial_cwd() -> Option<String> {
        None
    }
}
