//! What a stream holds, block by block.

use std::borrow::Cow;

use super::decode::{Line, lines};

/// One block of a stream: what stands between two blank lines, the second one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A block with data.
    Event(Event<'a>),
    /// A block of nothing but comments: a heartbeat. Its raw bytes.
    Comment(&'a [u8]),
    /// A block without data: a blank line too many, or a lone `id`, `event` or `retry`. Clients dispatch nothing for
    /// it. Its raw bytes.
    Other(&'a [u8]),
}

impl<'a> Item<'a> {
    /// The bytes as they came, the blank line included.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        match self {
            Self::Event(event) => event.raw,
            Self::Comment(raw) | Self::Other(raw) => raw,
        }
    }
}

/// A block with data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The bytes as they came: fields, comments between them, the blank line.
    pub raw: &'a [u8],
    /// `raw` without the byte-order mark that a stream may begin with.
    pub(super) text: &'a [u8],
    pub(super) name: &'a [u8],
    pub(super) data: &'a [u8],
    pub(super) id: Option<&'a [u8]>,
    pub(super) retry: Option<&'a [u8]>,
    pub(super) data_lines: usize,
}

impl<'a> Event<'a> {
    /// The event's type; `message` where the stream says none.
    #[must_use]
    pub fn name(&self) -> Cow<'a, str> {
        if self.name.is_empty() { Cow::Borrowed("message") } else { String::from_utf8_lossy(self.name) }
    }

    /// The data: the `data` lines, joined by line feeds. Borrowed where there is one line, as there nearly always is.
    #[must_use]
    pub fn data(&self) -> Cow<'a, [u8]> {
        if self.data_lines == 1 {
            return Cow::Borrowed(self.data);
        }
        let mut joined = Vec::with_capacity(self.raw.len());
        for line in lines(self.text) {
            if let Line::Field { name: b"data", value } = line {
                joined.extend_from_slice(value);
                joined.push(b'\n');
            }
        }
        joined.pop();
        Cow::Owned(joined)
    }

    /// The last `id` of the block that holds no NUL.
    #[must_use]
    pub fn id(&self) -> Option<Cow<'a, str>> {
        self.id.map(String::from_utf8_lossy)
    }

    /// The last `retry` of the block, in milliseconds, where it is a number.
    #[must_use]
    pub fn retry(&self) -> Option<crate::Millis> {
        std::str::from_utf8(self.retry?).ok()?.parse().ok().map(crate::Millis)
    }
}
