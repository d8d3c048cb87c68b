//! The embedded runtime, tested with guest programs: one behaviour each, in `guests/examples`.
#![allow(clippy::unwrap_used)]

mod foreign;
mod granted;
mod leaving;
mod lifecycle;
mod limits;
mod measure;
mod outbound;
mod printed;
mod streams;
mod support;
mod without_a_router;
