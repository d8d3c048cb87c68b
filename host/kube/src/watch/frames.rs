//! The lines of a stream, whatever the chunks in which they come.

use bytes::{Bytes, BytesMut};

/// A line is longer than it may be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of more than {0} bytes")]
pub(crate) struct LineTooLong(pub(crate) usize);

/// Bytes in, whole lines out.
#[derive(Debug)]
pub(crate) struct Lines {
    buffer: BytesMut,
    /// How much of the buffer holds no line end.
    searched: usize,
    longest: usize,
}

impl Lines {
    /// With the length that a line may have.
    pub(crate) fn new(longest: usize) -> Self {
        Self { buffer: BytesMut::new(), searched: 0, longest }
    }

    /// Takes what has come.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line that is not empty, without its end; `None`: more has to come first.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, LineTooLong> {
        while let Some(at) = memchr::memchr(b'\n', &self.buffer[self.searched..]) {
            let mut line = self.buffer.split_to(self.searched + at + 1).freeze();
            self.searched = 0;
            line.truncate(line.trim_ascii_end().len());
            if line.len() > self.longest {
                return Err(LineTooLong(self.longest));
            }
            if !line.is_empty() {
                return Ok(Some(line));
            }
        }
        self.searched = self.buffer.len();
        if self.searched > self.longest {
            return Err(LineTooLong(self.longest));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]], longest: usize) -> Result<Vec<String>, LineTooLong> {
        let mut lines = Lines::new(longest);
        let mut found = Vec::new();
        for chunk in chunks {
            lines.feed(chunk);
            while let Some(line) = lines.next()? {
                found.push(String::from_utf8(line.to_vec()).unwrap());
            }
        }
        Ok(found)
    }

    #[test]
    fn any_split_gives_the_same_lines() {
        let text = "{\"a\":1}\n{\"b\":\"\u{e9}\"}\r\n\n\n{}\nrest".as_bytes();
        let whole = lines(&[text], 100).unwrap();
        assert_eq!(whole, ["{\"a\":1}", "{\"b\":\"\u{e9}\"}", "{}"]);
        for at in 0..=text.len() {
            let (first, second) = text.split_at(at);
            assert_eq!(lines(&[first, second], 100).unwrap(), whole, "split at {at}");
        }
        let single: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(lines(&single, 100).unwrap(), whole);
    }

    #[test]
    fn a_line_too_long_is_refused_whether_it_ends_or_not() {
        assert_eq!(lines(&[b"123456789\n"], 8), Err(LineTooLong(8)));
        assert_eq!(lines(&[b"12345", b"6789"], 8), Err(LineTooLong(8)));
        assert_eq!(lines(&[b"12345678\n"], 8).unwrap(), ["12345678"]);
    }
}
