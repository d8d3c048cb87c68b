//! The inner warden of a foreign part: the component that stands right behind it.
//!
//! It takes what `warden-outer` deposited in the vault that the two share, and restores it in the place of what the foreign
//! part made of it. On the way back it leaves there the answer's internal headers, and tells how the answer ends. What is
//! kept and what passes is decided in [`weir_warden`]; here it is carried.
//!
//! A request without a token, or with one that is spent, goes no further: 500 `misconfigured` in the caller's dialect, and
//! a line in the log.
//!
//! ```
//! assert_eq!(weir_warden_inner::no_deposit().kind().code(), "misconfigured");
//! ```

#[cfg(target_family = "wasm")]
mod component;

pub use weir_warden::no_deposit;
