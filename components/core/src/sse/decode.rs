//! Bytes to blocks.

use memchr::memchr2;

use super::event::{Event, Item};
use crate::Limits;

/// Reads a stream from pieces of any size. Holds no more than the block that has begun and not ended.
#[derive(Debug)]
pub struct Decoder {
    line_limit: usize,
    event_limit: usize,
    /// The begin of a block that came in an earlier piece.
    held: Vec<u8>,
    scan: Scan,
    at_start: bool,
    fault: Option<Fault>,
}

/// A stream that cannot be read on. Whatever came before was given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A line is longer than the limit.
    #[error("a line of the event stream is longer than {0} bytes")]
    LineTooLong(usize),
    /// The lines of one event are together longer than the limit.
    #[error("an event of the stream is longer than {0} bytes")]
    EventTooLong(usize),
}

impl Decoder {
    /// A decoder at the start of a stream; takes `sse_line_bytes` and `sse_event_bytes` from `limits`.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            line_limit: limits.sse_line_bytes,
            event_limit: limits.sse_event_bytes,
            held: Vec::new(),
            scan: Scan::default(),
            at_start: true,
            fault: None,
        }
    }

    /// Takes the next piece and gives out each block that it ends, in order.
    ///
    /// # Errors
    /// [`Fault`], once and for ever.
    pub fn feed(&mut self, mut piece: &[u8], mut each: impl FnMut(Item<'_>)) -> Result<(), Fault> {
        while !piece.is_empty() {
            if let Some(fault) = self.fault {
                return Err(fault);
            }
            let held = self.held.len();
            if held == 0 {
                let Some(end) = self.block_end(piece)? else {
                    self.held.extend_from_slice(piece);
                    return Ok(());
                };
                each(self.item(&piece[..end]));
                piece = &piece[end..];
            } else {
                self.held.extend_from_slice(piece);
                let block = std::mem::take(&mut self.held);
                let end = self.block_end(&block);
                let Some(end) = end? else {
                    self.held = block;
                    return Ok(());
                };
                each(self.item(&block[..end]));
                piece = &piece[end - held..];
                self.held = block;
                self.forget();
            }
            self.scan = Scan::default();
            self.at_start = false;
        }
        Ok(())
    }

    /// Says that the stream has ended. Gives out the last block where only the second half of a CRLF was waited for.
    pub fn finish(&mut self, each: impl FnOnce(Item<'_>)) {
        if self.fault.is_none() && self.scan.blank_line_waits(&self.held) {
            let block = std::mem::take(&mut self.held);
            each(self.item(&block));
            self.scan = Scan::default();
        }
    }

    /// The block that has begun and not ended, as if it ended here. The standard has clients forget it; but a server
    /// that leaves out the last blank line has still said what it had to say.
    #[must_use]
    pub fn unfinished(&self) -> Option<Event<'_>> {
        match self.item(&self.held) {
            Item::Event(event) => Some(event),
            Item::Comment(_) | Item::Other(_) => None,
        }
    }

    /// How many bytes are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Empties the buffer, and gives its memory back after an event that was out of the ordinary.
    fn forget(&mut self) {
        const KEPT: usize = 64 * 1024;
        self.held.clear();
        if self.held.capacity() > KEPT {
            self.held = Vec::new();
        }
    }

    /// Where the block that begins `text` ends, if it does.
    fn block_end(&mut self, text: &[u8]) -> Result<Option<usize>, Fault> {
        let found = self.scan.run(text, self.line_limit, self.event_limit);
        if let Err(fault) = found {
            self.fault = Some(fault);
            self.held = Vec::new();
        }
        found
    }

    fn item<'a>(&self, raw: &'a [u8]) -> Item<'a> {
        let text = if self.at_start { raw.strip_prefix(BOM).unwrap_or(raw) } else { raw };
        let mut event = Event { raw, text, name: b"", data: b"", id: None, retry: None, data_lines: 0 };
        let (mut comments, mut others) = (0, 0);
        for line in lines(text) {
            match line {
                Line::Comment => comments += 1,
                Line::Field { name: b"data", value } => {
                    event.data = value;
                    event.data_lines += 1;
                }
                Line::Field { name, value } => {
                    others += 1;
                    match name {
                        b"event" => event.name = value,
                        b"id" if !value.contains(&0) => event.id = Some(value),
                        b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                            event.retry = Some(value);
                        }
                        _ => {}
                    }
                }
            }
        }
        match (event.data_lines, comments, others) {
            (1.., _, _) => Item::Event(event),
            (0, 1.., 0) => Item::Comment(raw),
            _ => Item::Other(raw),
        }
    }
}

/// The byte-order mark that a stream may begin with.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// How far a block has been searched for its end.
#[derive(Debug, Default)]
struct Scan {
    /// The first byte that has not been looked at.
    at: usize,
    /// Where the line that it is in begins.
    line: usize,
    /// Whether the line before ended in a lone CR. Then a blank line does so as well: nobody waits for an LF after it.
    lone_cr: bool,
}

impl Scan {
    /// Looks on through `text`, which begins with the block; says where the block ends, if it does.
    fn run(&mut self, text: &[u8], line_limit: usize, event_limit: usize) -> Result<Option<usize>, Fault> {
        loop {
            let found = memchr2(b'\n', b'\r', &text[self.at..]).map(|offset| self.at + offset);
            let end = found.unwrap_or(text.len());
            let line_end = self.line.saturating_add(line_limit);
            if end > line_end.min(event_limit) {
                let line_first = line_end <= event_limit;
                return Err(if line_first { Fault::LineTooLong(line_limit) } else { Fault::EventTooLong(event_limit) });
            }
            let Some(end) = found else {
                self.at = text.len();
                return Ok(None);
            };
            let blank = end == self.line;
            let (next, lone_cr) = match (text[end], text.get(end + 1)) {
                (b'\r', _) if blank && self.lone_cr => (end + 1, true),
                (b'\r', Some(b'\n')) => (end + 2, false),
                (b'\r', Some(_)) => (end + 1, true),
                (b'\r', None) => {
                    // Whether an LF follows decides where the line ends.
                    self.at = end;
                    return Ok(None);
                }
                _ => (end + 1, false),
            };
            if blank {
                return Ok(Some(next));
            }
            (self.at, self.line, self.lone_cr) = (next, next, lone_cr);
        }
    }

    /// Whether `text` ends in a blank line's CR, of which it is not known yet whether an LF follows.
    fn blank_line_waits(&self, text: &[u8]) -> bool {
        self.at == self.line && text.get(self.at) == Some(&b'\r')
    }
}

/// A line of a block.
pub(super) enum Line<'a> {
    Comment,
    Field { name: &'a [u8], value: &'a [u8] },
}

/// The lines of a block, blank ones left out.
pub(super) fn lines(mut text: &[u8]) -> impl Iterator<Item = Line<'_>> {
    std::iter::from_fn(move || {
        loop {
            if text.is_empty() {
                return None;
            }
            let end = memchr2(b'\n', b'\r', text).unwrap_or(text.len());
            let line = &text[..end];
            text = text.get(end + 1..).unwrap_or_default();
            if !line.is_empty() {
                return Some(line_of(line));
            }
        }
    })
}

fn line_of(line: &[u8]) -> Line<'_> {
    match memchr::memchr(b':', line) {
        Some(0) => Line::Comment,
        Some(colon) => {
            let value = &line[colon + 1..];
            Line::Field { name: &line[..colon], value: value.strip_prefix(b" ").unwrap_or(value) }
        }
        None => Line::Field { name: line, value: b"" },
    }
}
