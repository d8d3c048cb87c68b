//! The calls that guests make: where they may go, on whose behalf, and how they fail.

mod attribution;
mod body;
mod destination;
mod error;
mod exchange;

pub(crate) use attribution::{Callers, link};
pub(crate) use destination::{Clients, Destinations};
pub use destination::{Destination, Purpose};
pub(crate) use error::of_request_body;
pub(crate) use exchange::Hooks;
