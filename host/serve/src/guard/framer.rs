//! Follows the requests on one HTTP/1 connection, byte by byte, without any input or output.

use super::Refusal;
use super::chunks::Chunks;
use super::head::{Framing, is_token, read_head};

/// What a [`Framer`] accepts at most.
#[derive(Debug, Clone, Copy)]
pub struct FrameLimits {
    /// Fields in a head, and in trailers.
    pub max_headers: usize,
    /// Bytes of a head, and of trailers.
    pub max_header_bytes: usize,
}

/// What to do with the bytes that were shown to a [`Framer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The first so many are good: hand them on, and show the rest again.
    Release(usize),
    /// They are not enough to decide. Show them again with more.
    More,
    /// They are no request that may be handed on. The connection can only be closed.
    Refuse(Refusal),
}

/// A strict reader of message boundaries.
///
/// It keeps no bytes: the caller shows all that are not yet released, from the first one. A head is
/// released whole; so the caller holds at most `max_header_bytes` of it, and of a body nothing but
/// the line it is in.
///
/// ```
/// use weir_serve::guard::{FrameLimits, Framer, Step};
///
/// let mut framer = Framer::new(FrameLimits { max_headers: 100, max_header_bytes: 32 * 1024 });
/// let bytes = b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /second";
/// assert_eq!(framer.step(bytes), Step::Release(27));
/// assert_eq!((framer.heads(), framer.at_head()), (1, true));
/// assert_eq!(framer.step(&bytes[27..]), Step::More);
/// ```
#[derive(Debug, Clone)]
pub struct Framer {
    limits: FrameLimits,
    at: At,
    heads: u64,
    upgrade: bool,
}

#[derive(Debug, Clone)]
enum At {
    Head { scanned: usize, line_start: usize },
    Length(u64),
    Chunked(Chunks),
}

const START: At = At::Head { scanned: 0, line_start: 0 };

impl Framer {
    /// A reader at the start of a connection.
    #[must_use]
    pub fn new(limits: FrameLimits) -> Self {
        Self { limits, at: START, heads: 0, upgrade: false }
    }

    /// Whether the next byte belongs to a head (or would start one).
    #[must_use]
    pub fn at_head(&self) -> bool {
        matches!(self.at, At::Head { .. })
    }

    /// How many heads have been released.
    #[must_use]
    pub fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether the last head asked for another protocol.
    #[must_use]
    pub fn upgrade_asked(&self) -> bool {
        self.upgrade
    }

    /// Looks at the bytes that are not yet released.
    pub fn step(&mut self, bytes: &[u8]) -> Step {
        match &mut self.at {
            At::Head { .. } => self.head(bytes).unwrap_or_else(Step::Refuse),
            At::Length(_) if bytes.is_empty() => Step::More,
            At::Length(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= here as u64;
                if *left == 0 {
                    self.at = START;
                }
                Step::Release(here)
            }
            At::Chunked(chunks) => {
                let step = chunks.step(bytes, &self.limits);
                if chunks.is_done() {
                    self.at = START;
                }
                step
            }
        }
    }

    fn head(&mut self, bytes: &[u8]) -> Result<Step, Refusal> {
        let At::Head { scanned, line_start } = &mut self.at else { return Ok(Step::More) };
        // Something else than HTTP/1 (a TLS greeting, say) is told at its first byte.
        if bytes.first().is_some_and(|&byte| !is_token(byte)) {
            return Err(Refusal::Malformed("this is no HTTP/1 request"));
        }
        while let Line::Ends(end) = find_line(bytes, *scanned)? {
            let empty = end - *line_start == 2;
            (*scanned, *line_start) = (end, end);
            if empty {
                return self.complete(&bytes[..end]);
            }
        }
        *scanned = resume(bytes);
        if bytes.len() > self.limits.max_header_bytes {
            return Err(Refusal::HeadTooLarge);
        }
        Ok(Step::More)
    }

    fn complete(&mut self, head: &[u8]) -> Result<Step, Refusal> {
        if head.len() > self.limits.max_header_bytes {
            return Err(Refusal::HeadTooLarge);
        }
        let read = read_head(head, self.limits.max_headers)?;
        self.heads += 1;
        self.upgrade = read.upgrade;
        self.at = match read.framing {
            Framing::NoBody => START,
            Framing::Length(length) => At::Length(length),
            Framing::Chunked => At::Chunked(Chunks::new()),
        };
        Ok(Step::Release(head.len()))
    }
}

/// Whether a line's end is in sight.
pub(super) enum Line {
    /// Its end, just behind LF.
    Ends(usize),
    Open,
}

/// Finds the end of the line that byte `from` lies in: CR LF, and neither of the two alone. A CR in
/// front of `from` would have been kept for this call, see [`resume`].
pub(super) fn find_line(bytes: &[u8], from: usize) -> Result<Line, Refusal> {
    let Some(offset) = memchr::memchr2(b'\r', b'\n', &bytes[from..]) else {
        return Ok(Line::Open);
    };
    let at = from + offset;
    match (bytes[at], bytes.get(at + 1)) {
        (b'\n', _) => Err(Refusal::Malformed("a line that ends without CR")),
        (_, None) => Ok(Line::Open),
        (_, Some(b'\n')) => Ok(Line::Ends(at + 2)),
        (_, Some(_)) => Err(Refusal::Malformed("a CR that ends no line")),
    }
}

/// Where to look on when there is more: at the end, or at the CR that waits for its LF there.
pub(super) fn resume(bytes: &[u8]) -> usize {
    bytes.len() - usize::from(bytes.last() == Some(&b'\r'))
}
