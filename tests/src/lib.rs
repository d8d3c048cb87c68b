//! What Weir's tests stand on: peers that do exactly what they are told.
//!
//! - [`upstream`] is a model server with a script, down to single bytes, resets and stalls.
//! - [`grpc`] is a model server that speaks gRPC.
//! - [`weir`] is the binary that was built, with a configuration of the test's own; [`chat`] is what is said to it.
//! - [`kserve`] is what KServe has in a cluster, as its API server tells it.
//! - [`spin`] is what Spin does with a manifest, down to a server.
//! - [`raw`] is a client that sends bytes as they are and shows what came back, and when.
//!
//! ```
//! use weir_tests::raw::RawClient;
//! use weir_tests::upstream::{Script, Upstream};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let upstream = Upstream::start(|_| Script::event_stream().event("{}").reset()).await;
//! let mut client = RawClient::connect(upstream.addr()).await?;
//! client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await?;
//! assert_eq!(client.read_head().await?.status, 200);
//! let body = client.read_chunks().await?;
//! assert_eq!(body.bytes(), b"data: {}\n\n");
//! assert!(body.cut.is_some());
//! # Ok(())
//! # }
//! ```

pub mod chat;
pub mod grpc;
pub mod kserve;
pub mod raw;
pub mod spin;
pub mod upstream;
pub mod weir;
