//! What carries bytes between Weir's pure component libraries and WASI 0.3.
//!
//! A component's `component.rs` stands on this crate alone: a request taken apart and put together again
//! ([`request::Incoming`]), a response whose stream is handed on untouched while its trailer is read
//! ([`relay::Relay`]), a response whose stream the component writes itself ([`answer`]), calls to other servers
//! ([`call`]), time, randomness and settings. It decides nothing.
//!
//! On other targets than WebAssembly the crate is empty: components are tested there as the pure libraries they are.
//!
//! ```ignore
//! use weir_face::{answer, bindings, relay::Relay, request::Incoming};
//!
//! struct Component;
//! weir_face::export!(Component);
//!
//! impl bindings::exports::wasi::http::handler::Guest for Component {
//!     async fn handle(request: weir_face::Request) -> Result<weir_face::Response, weir_face::ErrorCode> {
//!         let mut incoming = Incoming::take(request);
//!         incoming.headers.insert("x-seen", http::HeaderValue::from_static("1"));
//!         let inner = weir_face::next(incoming.pass_on()).await?;
//!         Ok(Relay::of(inner).pass_on())
//!     }
//! }
//! ```
#![cfg(target_family = "wasm")]

pub mod answer;
pub mod bindings;
pub mod call;
pub mod clock;
pub mod fields;
pub mod leave;
pub mod random;
pub mod relay;
pub mod request;
pub mod settings;
pub mod task;

#[cfg(feature = "middleware")]
pub use bindings::wasi::http::handler::handle as next;
pub use bindings::wasi::http::types::{ErrorCode, Request, Response};
pub use futures;
pub use task::spawn;

/// The trailers of a message as they come: none, some, or the reason why the message broke off.
pub type TrailersResult = Result<Option<http::HeaderMap>, ErrorCode>;

/// Exports a component's handler: `weir_face::export!(Component);`
#[macro_export]
macro_rules! export {
    ($component:ident) => {
        const _: () = {
            struct Exported;
            impl $crate::bindings::exports::wasi::http::handler::Guest for Exported {
                async fn handle(request: $crate::Request) -> Result<$crate::Response, $crate::ErrorCode> {
                    let handling =
                        <$component as $crate::bindings::exports::wasi::http::handler::Guest>::handle(request);
                    $crate::task::seen(handling).await
                }
            }
    $crate::bindings::export!(Exported with_types_in $crate::bindings);
        };
    };
}
