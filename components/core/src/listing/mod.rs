//! `GET /v1/models`: which models a caller sees, and how they are told.
//!
//! At the edge those are the models that a route names in full, that is there for the caller's tenant, and that both tenant
//! and key may use ([`Models`]). A route for `gpt-*` serves many names and lists none: nobody there knows which of them
//! exist. But where such a route leads to a tier two, that knows, and its list is put behind.
//!
//! Both tiers tell them in the same shapes, those of the caller's dialect: [`list`] and [`model`].

mod models;
mod shape;

pub use models::Models;
pub use shape::{list, model};
