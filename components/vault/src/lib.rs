//! Where the two wardens of a foreign part keep what that part must not change.
//!
//! A chain may hold parts that are not Weir's own. Such a part stands between two wardens, an outer and an inner one,
//! which share one vault; it has no way to the vault itself. For each request the outer warden deposits the internal
//! headers, and lets the foreign part carry a token in their place. The inner warden takes the deposit for that token,
//! once. On the way back the inner warden leaves the answer's internal headers, and tells how the answer ends, past the
//! foreign part: whatever becomes of the trailers in its hands, the outer warden learns what was used.
//!
//! A [`Vault`] is the arithmetic of that. It is bounded by [`VaultLimits`] and refuses what goes beyond them. It does
//! not make room by letting the oldest deposit go, since that is a request that is still under way: each deposit is
//! forgotten at its request's end, so a full vault means that so many requests run at once.
//!
//! ```
//! use weir_vault::{Answer, Token, Vault, VaultLimits};
//!
//! let mut vault: Vault<&str> = Vault::new(VaultLimits::default());
//! let deposit = vec![("x-weir-principal".to_owned(), b"{}".to_vec())];
//! let token = vault.put(deposit.clone(), Token::from([7; 16])).unwrap();
//!
//! assert_eq!(vault.take(&token), Some(deposit));
//! assert_eq!(vault.take(&token), None, "a deposit is taken once");
//!
//! let headers = vec![("x-weir-denied".to_owned(), b"caller".to_vec())];
//! vault.answered(&token, Answer { headers: headers.clone(), ending: "told later" }).unwrap();
//! assert_eq!(vault.answer(&token), Some(Answer { headers, ending: "told later" }));
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod limits;
mod token;
mod vault;

#[cfg(target_family = "wasm")]
mod component;

pub use limits::VaultLimits;
pub use token::Token;
pub use vault::{Answer, Full, Headers, Vault};
