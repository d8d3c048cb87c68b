//! What guests print to their standard error: lines of the operator's log, under the target `weir_guest`.
//!
//! A guest that cannot go on says why there, and a panic's message is nowhere else. But what a guest prints may be
//! long, endless, and meant to deceive who reads it. So lines are cut, escaped and counted, and those that are too many
//! are left out. A guest never waits for the log.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::EdgeStats;
use crate::stats::up;

/// Bytes of a line that are logged; the rest is cut off.
const LINE: usize = 512;
/// Lines that are logged in a second, for all instances together.
const LINES: u32 = 20;
/// Bytes that a guest may hand over at once.
const WRITE: usize = 8 * 1024;

/// Where the lines of all instances of one edge go.
pub(crate) struct GuestLog {
    stats: Arc<EdgeStats>,
    second: Mutex<Second>,
}

impl GuestLog {
    pub(crate) fn new(stats: Arc<EdgeStats>) -> Self {
        Self { stats, second: Mutex::default() }
    }

    fn line(&self, line: &[u8]) {
        if !self.second.lock().has_room(Instant::now()) {
            up(&self.stats.guest_lines_dropped);
            return;
        }
        let line = printable(line);
        tracing::warn!(target: "weir_guest", "{line}");
    }
}

/// The lines of the second that is running.
#[derive(Default)]
struct Second {
    began: Option<Instant>,
    lines: u32,
}

impl Second {
    /// Whether one more line may be logged; then it counts.
    fn has_room(&mut self, now: Instant) -> bool {
        if self.began.is_none_or(|began| now.saturating_duration_since(began) >= Duration::from_secs(1)) {
            *self = Self { began: Some(now), lines: 0 };
        }
        let room = self.lines < LINES;
        self.lines += u32::from(room);
        room
    }
}

/// The line as it may stand in a log: nothing in it moves a cursor, ends a line or hides text.
fn printable(line: &[u8]) -> String {
    let mut out = String::new();
    for c in String::from_utf8_lossy(line).chars() {
        let end = out.len();
        match c {
            '"' | '\'' => out.push(c),
            c => out.extend(c.escape_debug()),
        }
        if out.len() > LINE {
            out.truncate(end);
            break;
        }
    }
    out
}

/// The standard error of one instance. All streams that its parts open write to the same line.
#[derive(Clone)]
pub(crate) struct Stderr(Arc<Mutex<Line>>);

impl Stderr {
    pub(crate) fn new(log: Arc<GuestLog>) -> Self {
        Self(Arc::new(Mutex::new(Line { log, text: Vec::new() })))
    }
}

/// A line that is not at its end.
struct Line {
    log: Arc<GuestLog>,
    /// At most [`LINE`] bytes.
    text: Vec<u8>,
}

impl Line {
    fn write(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (piece, ended) = piece.strip_suffix(b"\n").map_or((piece, false), |piece| (piece, true));
            let room = LINE.saturating_sub(self.text.len());
            self.text.extend_from_slice(&piece[..piece.len().min(room)]);
            if ended {
                self.end();
            }
        }
    }

    fn end(&mut self) {
        if !self.text.is_empty() {
            self.log.line(&self.text);
            self.text.clear();
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.end();
    }
}

impl IsTerminal for Stderr {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stderr {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    // The adapter that would be used otherwise writes from a task of its own: the last words before a trap are lost.
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Stderr {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl OutputStream for Stderr {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.lock().write(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stderr {
    async fn ready(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_long_or_never_ends_is_cut() {
        let mut line = Line { log: Arc::new(GuestLog::new(Arc::default())), text: Vec::new() };
        for _ in 0..100 {
            line.write(&[b'x'; 1000]);
        }
        assert_eq!(line.text.len(), LINE);
        line.write(b"\nnext");
        assert_eq!(line.text, b"next");
        assert_eq!(printable(&[0x1b; LINE]).len(), LINE / "\\u{1b}".len() * "\\u{1b}".len());
        assert!(printable(&[0xff; LINE]).len() <= LINE);
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        let line = printable("\u{1b}[2J\r\u{202e}\u{7}it's \"é\"\\".as_bytes());
        assert_eq!(line, "\\u{1b}[2J\\r\\u{202e}\\u{7}it's \"é\"\\\\");
    }

    #[test]
    fn lines_are_counted_by_the_second() {
        let start = Instant::now();
        let mut second = Second::default();
        let logged = (0..100).filter(|_| second.has_room(start)).count();
        assert_eq!(logged, LINES as usize);
        assert!(!second.has_room(start + Duration::from_millis(999)));
        assert!(second.has_room(start + Duration::from_secs(1)));
    }
}
