//! The outer warden of a foreign part: the component that stands right before it.
//!
//! It deposits the internal headers of a request in the vault that it shares with `warden-inner`, and hands the request
//! on with a token in their place. On the way back it restores what the inner warden left there. What is kept and what
//! passes is decided in [`weir_warden`]; here it is carried.
//!
//! It answers by itself only where the vault is full: 503, in the caller's dialect.
//!
//! ```
//! assert_eq!(weir_warden_outer::TOKEN, "x-weir-deposit");
//! ```

#[cfg(target_family = "wasm")]
mod component;

pub use weir_warden::TOKEN;
