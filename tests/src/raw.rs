//! An HTTP/1.1 client that sends exactly the bytes it is given, and shows exactly what came back and when.
//!
//! An ordinary client normalises away what is being tested: it will not send a broken head, hides how a body was
//! framed, and turns a cut stream into one error among many.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// One connection.
pub struct RawClient {
    stream: TcpStream,
    read: Vec<u8>,
}

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// Names in lower case, values without the white space around them, in their order.
    pub headers: Vec<(String, String)>,
    /// The bytes, with the empty line.
    pub raw: Vec<u8>,
}

impl Head {
    /// The first header of this name, which is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A piece of an answer's body.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// When its last byte was read.
    pub at: Instant,
    /// Its bytes.
    pub data: Bytes,
}

/// How a body in chunks goes on.
#[derive(Clone, Debug)]
pub enum Next {
    /// With a chunk.
    Chunk(Chunk),
    /// It is whole: the last chunk came.
    End,
    /// The connection ended before the last chunk.
    Cut(Cut),
}

/// How a connection ended too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// FIN.
    Fin,
    /// RST, or another error of the connection.
    Reset,
}

/// A whole body in chunks, and how it ended.
#[derive(Clone, Debug)]
pub struct ChunkedBody {
    /// The pieces.
    pub chunks: Vec<Chunk>,
    /// `None` where the last chunk came.
    pub cut: Option<Cut>,
}

impl ChunkedBody {
    /// The bytes of all pieces.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.chunks.iter().flat_map(|chunk| chunk.data.iter().copied()).collect()
    }
}

impl RawClient {
    /// Connects, with `TCP_NODELAY`.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn connect(addr: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect(addr).await?)
    }

    /// Connects with a receive buffer of about this many bytes: a client that takes little at a time.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn connect_narrow(addr: SocketAddr, receive_buffer: u32) -> io::Result<Self> {
        let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_recv_buffer_size(receive_buffer)?;
        Self::over(socket.connect(addr).await?)
    }

    fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::new() })
    }

    /// Sends these bytes.
    ///
    /// # Errors
    /// Those of the connection.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// Reads up to the end of an answer's head.
    ///
    /// # Errors
    /// Those of the connection; `UnexpectedEof` where it ends before; `InvalidData` where it is no head.
    pub async fn read_head(&mut self) -> io::Result<Head> {
        let end = loop {
            if let Some(at) = find(&self.read, b"\r\n\r\n") {
                break at + 4;
            }
            self.fill().await?;
        };
        let raw: Vec<u8> = self.read.drain(..end).collect();
        let text = String::from_utf8_lossy(&raw).into_owned();
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no status line"))?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Ok(Head { status, headers, raw })
    }

    /// Reads exactly this many bytes of a body.
    ///
    /// # Errors
    /// Those of the connection; `UnexpectedEof` where it ends before.
    pub async fn read_sized(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.read.len() < length {
            self.fill().await?;
        }
        Ok(self.read.drain(..length).collect())
    }

    /// Reads the body that `head` announces: by its `content-length`, or in chunks, or until the end.
    ///
    /// # Errors
    /// Those of the connection; `UnexpectedEof` where the body is cut.
    pub async fn read_body(&mut self, head: &Head) -> io::Result<Vec<u8>> {
        if let Some(length) = head.header("content-length").and_then(|value| value.parse().ok()) {
            return self.read_sized(length).await;
        }
        if head.header("transfer-encoding").is_some() {
            let body = self.read_chunks().await?;
            return match body.cut {
                None => Ok(body.bytes()),
                Some(_) => Err(io::ErrorKind::UnexpectedEof.into()),
            };
        }
        Ok(self.read_to_end().await.0)
    }

    /// Reads the next chunk of a body that is sent in chunks.
    ///
    /// # Errors
    /// `InvalidData` where the framing is broken.
    pub async fn next_chunk(&mut self) -> io::Result<Next> {
        let (start, size) = loop {
            if let Some(at) = find(&self.read, b"\r\n") {
                let line = String::from_utf8_lossy(&self.read[..at]);
                let digits = line.split(';').next().unwrap_or_default();
                let size = usize::from_str_radix(digits.trim(), 16)
                    .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("no chunk size: {line:?}")))?;
                break (at + 2, size);
            }
            if let Some(cut) = self.fill_or_cut().await {
                return Ok(Next::Cut(cut));
            }
        };
        while self.read.len() < start + size + 2 {
            if let Some(cut) = self.fill_or_cut().await {
                return Ok(Next::Cut(cut));
            }
        }
        if &self.read[start + size..start + size + 2] != b"\r\n" {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a chunk is not followed by CRLF"));
        }
        let data = Bytes::copy_from_slice(&self.read[start..start + size]);
        self.read.drain(..start + size + 2);
        Ok(if size == 0 { Next::End } else { Next::Chunk(Chunk { at: Instant::now(), data }) })
    }

    /// Reads chunks until the body ends, one way or another.
    ///
    /// # Errors
    /// `InvalidData` where the framing is broken.
    pub async fn read_chunks(&mut self) -> io::Result<ChunkedBody> {
        let mut chunks = Vec::new();
        loop {
            match self.next_chunk().await? {
                Next::Chunk(chunk) => chunks.push(chunk),
                Next::End => return Ok(ChunkedBody { chunks, cut: None }),
                Next::Cut(cut) => return Ok(ChunkedBody { chunks, cut: Some(cut) }),
            }
        }
    }

    /// Reads whatever comes until the connection ends, and says how it ended.
    pub async fn read_to_end(&mut self) -> (Vec<u8>, Cut) {
        loop {
            if let Some(cut) = self.fill_or_cut().await {
                return (std::mem::take(&mut self.read), cut);
            }
        }
    }

    /// Reads what is there by now, and leaves it in place for the other methods. Gives the number of bytes that wait.
    ///
    /// # Errors
    /// Those of the connection; `UnexpectedEof` where it has ended.
    pub async fn peek(&mut self) -> io::Result<usize> {
        self.fill().await?;
        Ok(self.read.len())
    }

    /// Closes with RST.
    ///
    /// # Errors
    /// Where the system does not take the option.
    pub fn reset(self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }

    /// Closes with FIN.
    pub fn fin(self) {
        drop(self);
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.read).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    async fn fill_or_cut(&mut self) -> Option<Cut> {
        match self.fill().await {
            Ok(()) => None,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Some(Cut::Fin),
            Err(_) => Some(Cut::Reset),
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
