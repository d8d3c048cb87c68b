//! What carries bytes between Weir's pure component libraries and WASI.
//!
//! A component's `component.rs` stands on this crate alone: a request taken apart and put together again
//! ([`request::Incoming`]), its body read piece by piece ([`inlet::Inlet`]), a response whose stream is handed on untouched while its trailer is read
//! ([`relay::Relay`]), a response whose stream the component writes itself ([`answer`]), calls to other servers
//! ([`call`]), time, randomness and settings. It decides nothing.
//!
//! A part is a function from a request, and the next part in, to a response. Each is a component of its own through
//! [`export_middleware!`] or [`export_service!`]; in the fused `gateway` the next part in is the next function, and what
//! goes between them stays in this crate's types.
//!
//! On other targets than WebAssembly the crate is empty: components are tested there as the pure libraries they are.
//!
//! ```ignore
//! use weir_face::{ErrorCode, Request, Response, relay::Relay, request::Incoming};
//!
//! pub async fn handle(
//!     request: Request,
//!     next: impl AsyncFn(Request) -> Result<Response, ErrorCode>,
//! ) -> Result<Response, ErrorCode> {
//!     let mut incoming = Incoming::take(request);
//!     incoming.headers.insert("x-seen", http::HeaderValue::from_static("1"));
//!     let inner = next(incoming.pass_on()).await?;
//!     Ok(Relay::of(inner).pass_on())
//! }
//!
//! weir_face::export_middleware!(handle);
//! ```
#![cfg(target_family = "wasm")]

pub mod answer;
pub mod call;
pub mod clock;
pub mod inlet;
pub mod leave;
#[cfg(feature = "p2")]
pub mod p2;
#[cfg(not(feature = "p2"))]
pub mod p3;
pub mod random;
pub mod relay;
pub mod request;
pub mod settings;
pub mod task;

#[cfg(feature = "p2")]
use p2 as platform;
#[cfg(not(feature = "p2"))]
use p3 as platform;

pub use futures;
pub use platform::ErrorCode;
pub use relay::Response;
pub use request::Request;
pub use task::spawn;

/// The trailers of a message as they come: none, some, or the reason why the message broke off.
pub type TrailersResult = Result<Option<http::HeaderMap>, ErrorCode>;

/// The next part in, where it is another component.
///
/// # Errors
/// The host's reason.
#[cfg(feature = "middleware")]
pub async fn next(request: Request) -> Result<Response, ErrorCode> {
    let request = platform::close_request(request::Incoming::take(request));
    platform::bindings::wasi::http::handler::handle(request).await.map(Response::from)
}

/// Exports `handle`, a function from a request and the next part in to a response, as a component's handler.
#[macro_export]
macro_rules! export_middleware {
    ($handle:path) => {
        async fn handled(request: $crate::Request) -> Result<$crate::Response, $crate::ErrorCode> {
            $handle(request, $crate::next).await
        }
        $crate::export_service!(handled);
    };
}

/// Exports `handle`, a function from a request to a response, as a component's handler.
#[macro_export]
#[cfg(not(feature = "p2"))]
macro_rules! export_service {
    ($handle:path) => {
        const _: () = {
            struct Exported;
            impl $crate::p3::bindings::exports::wasi::http::handler::Guest for Exported {
                async fn handle(request: $crate::p3::Request) -> Result<$crate::p3::Response, $crate::ErrorCode> {
                    let handling = async { Ok($crate::p3::close_response($handle(request.into()).await?).await) };
                    $crate::task::seen(handling).await
                }
            }
    $crate::p3::bindings::export!(Exported with_types_in $crate::p3::bindings);
        };
    };
}

/// Exports `handle`, a function from a request to a response, as a component's handler.
#[macro_export]
#[cfg(feature = "p2")]
macro_rules! export_service {
    ($handle:path) => {
        const _: () = {
            use $crate::p2::wasip2;
            struct Exported;
            impl wasip2::exports::http::incoming_handler::Guest for Exported {
                fn handle(request: $crate::p2::Request, out: wasip2::http::types::ResponseOutparam) {
                    $crate::p2::run($crate::task::seen(async {
                        $crate::p2::close_response($handle(request.into()).await, out).await;
                    }));
                }
            }
    wasip2::http::proxy::export!(Exported with_types_in wasip2);
        };
    };
}
