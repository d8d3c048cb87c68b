//! `spin:variables`, out of environment variables: the component variable `a_b` is `COMPONENT_VARIABLE_A_B`.

use bindings::exports::spin::variables::variables::{Error, Guest};
use bindings::wasi::cli0_3_0::environment::get_environment;

#[allow(missing_docs, clippy::all)]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "wit/spin.wit"],
        world: "weir:spin-guests/provides-variables",
        generate_all,
    });
}

struct Program;
bindings::export!(Program with_types_in bindings);

impl Guest for Program {
    async fn get(name: String) -> Result<String, Error> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(plain) {
            return Err(Error::InvalidName(name));
        }
        let variable = format!("COMPONENT_VARIABLE_{}", name.to_ascii_uppercase());
        let found = get_environment().into_iter().find(|(known, _)| *known == variable);
        found.map(|(_, value)| value).ok_or(Error::Undefined(name))
    }
}
