//! The embedded runtime, tested with guest programs: one behaviour each, in `guests/examples`.
#![allow(clippy::unwrap_used)]

mod leaving;
mod lifecycle;
mod limits;
mod measure;
mod outbound;
mod printed;
mod streams;
mod support;
