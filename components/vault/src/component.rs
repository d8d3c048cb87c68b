//! The face towards WASI.
#![expect(unsafe_code, reason = "the exports that wit-bindgen generates")]

use std::cell::RefCell;

use bindings::exports::weir::gateway::{vault_inside, vault_outside};
use bindings::wasi::random::random::get_random_bytes;
use wit_bindgen::FutureReader;

use crate::{Answer, Headers, Token, Vault, VaultLimits};

mod bindings {
    #![allow(missing_docs, unreachable_pub, unsafe_code, clippy::all)]
    wit_bindgen::generate!({
        path: "../../wit",
        world: "weir:gateway/vault",
        generate_all,
    });
}

/// Where the end of an answer is told: with its internal trailers, or as broken off.
type Ending = FutureReader<Result<Headers, ()>>;

thread_local! {
    /// Of all requests on this instance, whoever sent them: what a warden gets it gets for a token.
    static VAULT: RefCell<Vault<Ending>> = RefCell::new(Vault::new(VaultLimits::default()));
}

struct Component;
bindings::export!(Component with_types_in bindings);

impl vault_outside::Guest for Component {
    fn put(headers: Headers) -> Option<String> {
        let random = <[u8; 16]>::try_from(get_random_bytes(16)).ok()?;
        VAULT.with_borrow_mut(|vault| vault.put(headers, random.into())).ok().map(Token::into_string)
    }

    fn answer(token: String) -> Option<(Headers, Ending)> {
        let answer = VAULT.with_borrow_mut(|vault| vault.answer(&token.into()))?;
        Some((answer.headers, answer.ending))
    }

    fn forget(token: String) {
        VAULT.with_borrow_mut(|vault| vault.forget(&token.into()));
    }
}

impl vault_inside::Guest for Component {
    fn take(token: String) -> Option<Headers> {
        VAULT.with_borrow_mut(|vault| vault.take(&token.into()))
    }

    fn answered(token: String, headers: Headers, ending: Ending) -> bool {
        VAULT.with_borrow_mut(|vault| vault.answered(&token.into(), Answer { headers, ending })).is_ok()
    }
}
