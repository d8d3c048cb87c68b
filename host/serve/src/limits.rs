//! Every limit of a listener, in one place.

use std::time::Duration;

/// The limits of one listener. The defaults are those of `DESIGN.md`, section 8.
#[derive(Debug, Clone)]
pub struct ServeLimits {
    /// How long a client may take for a TLS handshake and the head of its first request, counted
    /// from accept; and for the head of each later request, counted from its first byte. Then 408,
    /// or a close where nothing was received. 10 s.
    pub header_deadline: Duration,
    /// How long a connection may stay open between two requests. 75 s.
    pub keep_alive_idle: Duration,
    /// Connections at once; one more is accepted and closed. 10 000.
    pub max_connections: usize,
    /// Header fields in one request, and trailer fields in one body; beyond: 431. 100.
    pub max_headers: usize,
    /// Bytes of one request head, request line included; beyond: 431. 32 KiB.
    pub max_header_bytes: usize,
    /// How long a request body may send nothing while it is being read; beyond it, reading fails
    /// with [`RequestBodyError::Idle`](crate::RequestBodyError::Idle). 30 s.
    pub body_idle: Duration,
    /// How long a client may take nothing of an answer that waits to be sent; beyond: closed. 120 s.
    pub write_idle: Duration,
    /// Bytes of one request body; a longer `Content-Length` is answered with 413 before the service
    /// is called, a longer stream fails with
    /// [`RequestBodyError::TooLarge`](crate::RequestBodyError::TooLarge). 20 MiB.
    pub max_body_bytes: u64,
    /// How long the body of a gRPC call may send nothing. It may be a stream whose caller waits for answers, so it is
    /// given more time than other bodies, and has no total length: the service bounds each message. 5 min.
    pub grpc_idle: Duration,
    /// Streams at once on one HTTP/2 connection. 128.
    pub max_concurrent_streams: u32,
    /// How long a refused connection is read after its answer, so that the answer is not lost to a
    /// reset. 500 ms.
    pub linger: Duration,
    /// HTTP/2 only.
    pub h2: H2Limits,
}

/// Limits that only HTTP/2 has. Each is set explicitly: a library's default may be "none".
#[derive(Debug, Clone)]
pub struct H2Limits {
    /// Streams that a client has reset before the service took them; beyond: GOAWAY
    /// `ENHANCE_YOUR_CALM` ("rapid reset"). 20.
    pub max_pending_accept_reset_streams: usize,
    /// Streams that this side had to reset for the client's errors; beyond: GOAWAY
    /// `ENHANCE_YOUR_CALM` ("MadeYouReset"). 128.
    pub max_local_error_reset_streams: usize,
    /// Frames that carry nothing (PING, SETTINGS, PRIORITY, empty DATA) that a client may send at once; beyond: GOAWAY.
    /// 1 000.
    pub max_idle_frames: u32,
    /// After how long one more such frame is allowed. 5 ms.
    pub idle_frame_refill: Duration,
    /// Bytes a client may send on one stream before the service reads. 256 KiB.
    pub stream_window: u32,
    /// Bytes a client may send on one connection before services read. 1 MiB.
    pub connection_window: u32,
    /// Bytes of one frame. 16 KiB.
    pub max_frame_bytes: u32,
    /// Bytes of an answer held for one stream. 64 KiB.
    pub max_send_buffer_bytes: usize,
    /// Bytes of the header compression table. 4 KiB.
    pub header_table_bytes: u32,
    /// A PING is sent this often. 20 s.
    pub keep_alive_interval: Duration,
    /// A PING unanswered this long closes the connection. 10 s.
    pub keep_alive_timeout: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            header_deadline: Duration::from_secs(10),
            keep_alive_idle: Duration::from_secs(75),
            max_connections: 10_000,
            max_headers: 100,
            max_header_bytes: 32 * 1024,
            body_idle: Duration::from_secs(30),
            write_idle: Duration::from_secs(120),
            max_body_bytes: 20 * 1024 * 1024,
            grpc_idle: Duration::from_secs(300),
            max_concurrent_streams: 128,
            linger: Duration::from_millis(500),
            h2: H2Limits::default(),
        }
    }
}

impl Default for H2Limits {
    fn default() -> Self {
        Self {
            max_pending_accept_reset_streams: 20,
            max_local_error_reset_streams: 128,
            max_idle_frames: 1_000,
            idle_frame_refill: Duration::from_millis(5),
            stream_window: 256 * 1024,
            connection_window: 1024 * 1024,
            max_frame_bytes: 16 * 1024,
            max_send_buffer_bytes: 64 * 1024,
            header_table_bytes: 4096,
            keep_alive_interval: Duration::from_secs(20),
            keep_alive_timeout: Duration::from_secs(10),
        }
    }
}
