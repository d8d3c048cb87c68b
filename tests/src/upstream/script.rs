//! What a scripted server does with one request.

use std::time::Duration;

use bytes::Bytes;

/// One thing to do on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write these bytes.
    Send(Bytes),
    /// Write nothing for this long.
    Delay(Duration),
    /// Close with RST: what was sent and not yet read by the peer is lost.
    Reset,
    /// Close with FIN.
    Fin,
    /// Do nothing until the peer closes.
    Stall,
}

/// What to do with one request: the steps, in their order. A connection whose script ends without [`Step::Reset`],
/// [`Step::Fin`] or [`Step::Stall`] waits for its next request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script(pub Vec<Step>);

impl Script {
    /// A whole answer: status, `content-type: application/json`, and this body.
    #[must_use]
    pub fn json(status: u16, body: &str) -> Self {
        let head = format!(
            "HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Self::default().send(head + body)
    }

    /// The head of an event stream in chunks, and nothing else yet.
    #[must_use]
    pub fn event_stream() -> Self {
        Self::default().send(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n",
        )
    }

    /// Writes bytes as they are.
    #[must_use]
    pub fn send(mut self, bytes: impl Into<Bytes>) -> Self {
        self.0.push(Step::Send(bytes.into()));
        self
    }

    /// Writes `data` as one chunk (RFC 9112, section 7.1).
    #[must_use]
    pub fn chunk(self, data: impl AsRef<[u8]>) -> Self {
        let data = data.as_ref();
        let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
        chunk.extend_from_slice(data);
        chunk.extend_from_slice(b"\r\n");
        self.send(chunk)
    }

    /// Writes one event with this data, as a chunk of its own.
    #[must_use]
    pub fn event(self, data: &str) -> Self {
        self.chunk(format!("data: {data}\n\n"))
    }

    /// Writes the last chunk: the body is whole.
    #[must_use]
    pub fn last_chunk(self) -> Self {
        self.send("0\r\n\r\n")
    }

    /// Waits.
    #[must_use]
    pub fn delay(mut self, length: Duration) -> Self {
        self.0.push(Step::Delay(length));
        self
    }

    /// Closes with RST.
    #[must_use]
    pub fn reset(mut self) -> Self {
        self.0.push(Step::Reset);
        self
    }

    /// Closes with FIN.
    #[must_use]
    pub fn fin(mut self) -> Self {
        self.0.push(Step::Fin);
        self
    }

    /// Does nothing more until the peer closes.
    #[must_use]
    pub fn stall(mut self) -> Self {
        self.0.push(Step::Stall);
        self
    }
}
