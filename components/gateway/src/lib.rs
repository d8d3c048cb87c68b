//! The whole chain in one component: auth, router, limiter and translator.
//!
//! The same libraries as in the chain of four, and the same functions from request to response; but where a part of the
//! chain hands a request to another component, the part here calls the next function. So a request is taken out of the
//! host once and the response is put together once, there is one memory instead of four, and nothing between the parts
//! is copied. No part of a tenant's own can stand between them: for that there is the chain.
//!
//! On other targets than WebAssembly the crate is empty.
#![cfg(target_family = "wasm")]

mod component;
