//! The rows of the reliability matrix that the listener and the client answer for, over real sockets.

#![allow(clippy::unwrap_used)]

mod access;
mod client;
mod desync;
mod framing;
mod framing_vectors;
mod gone;
mod headers;
mod http2;
mod lifecycle;
mod limits;
mod network;
mod slow;
mod support;
mod tls;
mod upstream;
