//! The boundaries of a chunked body, read strictly.

use super::framer::{FrameLimits, Line, find_line, resume};
use super::head::read_field;
use super::{Refusal, Step};

/// One size line, extensions included.
const MAX_SIZE_LINE: usize = 256;
/// All extensions of one body: nobody uses them, so this is there for a flood only.
const MAX_EXTENSIONS: usize = 4096;

/// Where in a chunked body the next byte lies.
#[derive(Debug, Clone)]
pub(super) struct Chunks {
    at: At,
    /// Bytes of the current line that are known to have no end of line.
    scanned: usize,
    extensions: usize,
    trailer_fields: usize,
    trailer_bytes: usize,
}

#[derive(Debug, Clone, Copy)]
enum At {
    Size,
    Data(u64),
    DataEnd,
    Trailer,
    Done,
}

impl Chunks {
    pub(super) fn new() -> Self {
        Self { at: At::Size, scanned: 0, extensions: 0, trailer_fields: 0, trailer_bytes: 0 }
    }

    /// Whether the last byte of the body has been released.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.at, At::Done)
    }

    pub(super) fn step(&mut self, bytes: &[u8], limits: &FrameLimits) -> Step {
        let stepped = match self.at {
            At::Size => self.size_line(bytes),
            At::Data(left) => return self.data(bytes, left),
            At::DataEnd => self.data_end(bytes),
            At::Trailer => self.trailer(bytes, limits),
            At::Done => return Step::Release(0),
        };
        stepped.unwrap_or_else(Step::Refuse)
    }

    fn data(&mut self, bytes: &[u8], left: u64) -> Step {
        if bytes.is_empty() {
            return Step::More;
        }
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let left = left - here as u64;
        self.at = if left == 0 { At::DataEnd } else { At::Data(left) };
        Step::Release(here)
    }

    fn size_line(&mut self, bytes: &[u8]) -> Result<Step, Refusal> {
        let Line::Ends(end) = find_line(bytes, self.scanned)? else {
            return self.wait(bytes, MAX_SIZE_LINE, Refusal::Malformed("a chunk size line is too long"));
        };
        let line = &bytes[..end - 2];
        if line.len() > MAX_SIZE_LINE {
            return Err(Refusal::Malformed("a chunk size line is too long"));
        }
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (size, extension) = line.split_at(digits);
        self.check_extension(extension)?;
        self.scanned = 0;
        self.at = match read_size(size)? {
            0 => At::Trailer,
            size => At::Data(size),
        };
        Ok(Step::Release(end))
    }

    fn check_extension(&mut self, extension: &[u8]) -> Result<(), Refusal> {
        if extension.is_empty() {
            return Ok(());
        }
        let printable = extension.iter().all(|&byte| byte.is_ascii_graphic() || byte == b' ');
        if extension[0] != b';' || !printable {
            return Err(Refusal::Malformed("a chunk size with an invalid character"));
        }
        self.extensions += extension.len();
        if self.extensions > MAX_EXTENSIONS {
            return Err(Refusal::Malformed("too many chunk extensions"));
        }
        Ok(())
    }

    fn data_end(&mut self, bytes: &[u8]) -> Result<Step, Refusal> {
        match bytes {
            [b'\r', b'\n', ..] => {
                self.at = At::Size;
                Ok(Step::Release(2))
            }
            [] | [b'\r'] => Ok(Step::More),
            _ => Err(Refusal::Malformed("a chunk is longer than its size")),
        }
    }

    fn trailer(&mut self, bytes: &[u8], limits: &FrameLimits) -> Result<Step, Refusal> {
        let room = limits.max_header_bytes.saturating_sub(self.trailer_bytes);
        let Line::Ends(end) = find_line(bytes, self.scanned)? else {
            return self.wait(bytes, room, Refusal::HeadTooLarge);
        };
        self.scanned = 0;
        self.trailer_bytes += end;
        let line = &bytes[..end - 2];
        if line.is_empty() {
            self.at = At::Done;
            return Ok(Step::Release(end));
        }
        self.trailer_fields += 1;
        if end > room || self.trailer_fields > limits.max_headers {
            return Err(Refusal::HeadTooLarge);
        }
        let (name, _) = read_field(line)?;
        if [&b"content-length"[..], b"transfer-encoding", b"host"]
            .iter()
            .any(|framing| name.eq_ignore_ascii_case(framing))
        {
            return Err(Refusal::Malformed("a trailer that belongs into the head"));
        }
        Ok(Step::Release(end))
    }

    fn wait(&mut self, bytes: &[u8], room: usize, refusal: Refusal) -> Result<Step, Refusal> {
        if bytes.len() > room {
            return Err(refusal);
        }
        self.scanned = resume(bytes);
        Ok(Step::More)
    }
}

fn read_size(digits: &[u8]) -> Result<u64, Refusal> {
    // 15 hexadecimal digits cannot overflow.
    if digits.is_empty() || digits.len() > 15 {
        return Err(Refusal::Malformed("a chunk size is not a number that fits"));
    }
    Ok(digits.iter().fold(0, |sum, &digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            _ => digit.to_ascii_lowercase() - b'a' + 10,
        };
        sum * 16 + u64::from(value)
    }))
}
