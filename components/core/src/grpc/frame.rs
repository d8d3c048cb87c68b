//! Length-prefixed messages: one byte that says whether it is compressed, four that say how long it is, the message.

use super::name::{self, Name};
use super::{Fault, wire};
use crate::{ErrorKind, GatewayError};

/// The bytes before each message.
pub const PREFIX: usize = 5;

/// A message behind its prefix, as a body has it.
///
/// # Panics
/// When the message is longer than 4 GiB, which no limit allows.
#[must_use]
pub fn framed(message: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(PREFIX + message.len());
    put_prefix(&mut body, message.len());
    body.extend_from_slice(message);
    body
}

fn put_prefix(body: &mut Vec<u8>, length: usize) {
    body.push(0);
    body.extend_from_slice(&u32::try_from(length).expect("a message is shorter than 4 GiB").to_be_bytes());
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'b>(&'b [u8]);

impl<'b> Message<'b> {
    /// The message of a body that must hold one and no more: a call that is not a stream.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn only(body: &'b [u8], limit: usize) -> Result<Self, Fault> {
        let length = match prefix(body, limit)? {
            Some(length) => length,
            None if body.is_empty() => return Err(Fault::NoMessage),
            None => return Err(Fault::Cut),
        };
        match body.len() - PREFIX {
            there if there < length => Err(Fault::Cut),
            there if there > length => Err(Fault::Several),
            _ => Ok(Self(&body[PREFIX..])),
        }
    }

    /// The message without its prefix.
    #[must_use]
    pub fn bytes(&self) -> &'b [u8] {
        self.0
    }

    /// The name of the model: the text in the message's first field. `None` where it is absent or empty, which is the same.
    ///
    /// # Errors
    /// [`Fault`], when the name is not there in one way only, is longer than `limit` bytes, or the message is malformed.
    pub fn name(&self, limit: usize) -> Result<Option<Name>, Fault> {
        name::read(self.0, limit)
    }

    /// A further message of a stream that began with the model `asked`, behind its prefix, for a server that knows the
    /// model as `served_as`. A name may have up to `limit` bytes.
    ///
    /// # Errors
    /// `InvalidRequest` where it names no model or another one; those of a [`Fault`].
    pub fn following(&self, asked: &str, served_as: &str, limit: usize) -> Result<Vec<u8>, GatewayError> {
        match self.name(limit)? {
            Some(name) if name.text() == asked && asked == served_as => Ok(framed(self.0)),
            Some(name) if name.text() == asked => Ok(self.renamed(&name, served_as)),
            _ => {
                let message = format!("the stream began with the model `{asked}`: all its messages must name it");
                Err(GatewayError::new(ErrorKind::InvalidRequest, message))
            }
        }
    }

    /// The message with another name of the model, behind its prefix. Everything else stays as it is.
    ///
    /// # Panics
    /// When `name` is not of this message.
    #[must_use]
    pub fn renamed(&self, name: &Name, new: &str) -> Vec<u8> {
        let mut field = Vec::with_capacity(new.len() + 6);
        wire::put_text(&mut field, name::FIELD, new);
        let (before, after) = (&self.0[..name.field().start], &self.0[name.field().end..]);
        let length = before.len() + field.len() + after.len();
        let mut body = Vec::with_capacity(PREFIX + length);
        put_prefix(&mut body, length);
        for part in [before, &field, after] {
            body.extend_from_slice(part);
        }
        body
    }
}

/// What the prefix at the beginning of `bytes` says of its message's length; `None` where it is not whole.
fn prefix(bytes: &[u8], limit: usize) -> Result<Option<usize>, Fault> {
    match bytes.first() {
        None | Some(0) => {}
        Some(1) => return Err(Fault::Compressed),
        Some(&flag) => return Err(Fault::Flag(flag)),
    }
    let Some(length) = bytes.get(1..PREFIX) else { return Ok(None) };
    let length = length.iter().fold(0_usize, |sum, &byte| sum << 8 | usize::from(byte));
    if length > limit { Err(Fault::TooLong { length, limit }) } else { Ok(Some(length)) }
}

/// How much room is kept for what comes next when all was given out.
const KEPT: usize = 64 * 1024;

/// Takes messages out of a stream's pieces. It holds one message and one piece at most, and sets nothing aside for a
/// length that is only claimed.
#[derive(Clone, Debug)]
pub struct Deframer {
    limit: usize,
    held: Vec<u8>,
    /// Where what has not been given out begins.
    begin: usize,
}

impl Deframer {
    /// One that takes messages of up to `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, held: Vec::new(), begin: 0 }
    }

    /// Takes a piece of the stream. Take out its messages before the next one.
    pub fn feed(&mut self, piece: &[u8]) {
        self.held.drain(..self.begin);
        self.begin = 0;
        self.held.extend_from_slice(piece);
    }

    /// The next message; `None`: it is not whole yet.
    ///
    /// # Errors
    /// [`Fault`], as soon as a prefix shows it, and again each time it is asked.
    pub fn message(&mut self) -> Result<Option<Message<'_>>, Fault> {
        if self.is_between() {
            self.held.clear();
            self.held.shrink_to(KEPT);
            self.begin = 0;
        }
        let rest = &self.held[self.begin..];
        let Some(length) = prefix(rest, self.limit)? else { return Ok(None) };
        if rest.len() < PREFIX + length {
            return Ok(None);
        }
        let begin = self.begin + PREFIX;
        self.begin = begin + length;
        Ok(Some(Message(&self.held[begin..self.begin])))
    }

    /// Whether the stream may end here: between two messages.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.begin == self.held.len()
    }

    /// What came after the messages that were given out.
    #[must_use]
    pub fn rest(&self) -> &[u8] {
        &self.held[self.begin..]
    }

    /// How many bytes are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_no_stream_holds_one_whole_message() {
        let one = framed(b"abc");
        assert_eq!(Message::only(&one, 3).unwrap().bytes(), b"abc");
        assert_eq!(Message::only(&framed(b""), 3).unwrap().bytes(), b"");
        assert_eq!(Message::only(&one, 2), Err(Fault::TooLong { length: 3, limit: 2 }));
        assert_eq!(Message::only(b"", 3), Err(Fault::NoMessage));
        assert_eq!(Message::only(&[one.clone(), one.clone()].concat(), 3), Err(Fault::Several));
        assert_eq!(Message::only(b"\x01\0\0\0\x01a", 3), Err(Fault::Compressed));
        assert_eq!(Message::only(b"\x02\0\0\0\x01a", 3), Err(Fault::Flag(2)));
        for cut in 1..one.len() {
            assert_eq!(Message::only(&one[..cut], 3), Err(Fault::Cut), "{cut}");
        }
    }

    #[test]
    fn what_follows_in_a_stream_is_for_the_model_that_it_began_with() {
        let following = |message: &[u8], served_as: &str| {
            let body = framed(message);
            Message::only(&body, 64).unwrap().following("llama", served_as, 8)
        };
        let named = b"\x0a\x05llama\x1a\x011";
        assert_eq!(following(named, "llama").unwrap(), framed(named));
        assert_eq!(following(named, "l-3").unwrap(), framed(b"\x0a\x03l-3\x1a\x011"));
        for wrong in
            [&b""[..], b"\x0a\x00", b"\x0a\x03phi", b"\x0a\x09very-long", b"\x0a\x05llama\x0a\x05llama", b"\x0a"]
        {
            assert_eq!(following(wrong, "llama").unwrap_err().kind(), ErrorKind::InvalidRequest, "{wrong:?}");
        }
    }

    #[test]
    fn what_came_after_a_message_is_at_hand() {
        let mut deframer = Deframer::new(8);
        deframer.feed(&[framed(b"one"), b"\0\0".to_vec()].concat());
        assert_eq!(deframer.message().unwrap().unwrap().bytes(), b"one");
        assert_eq!(deframer.rest(), b"\0\0");
        deframer.feed(b"\0");
        assert_eq!(deframer.message(), Ok(None));
        assert_eq!(deframer.rest(), b"\0\0\0");
    }

    #[test]
    fn a_length_that_is_only_claimed_costs_nothing() {
        let mut deframer = Deframer::new(usize::MAX);
        deframer.feed(b"\0\xff\xff\xff\xffa");
        assert_eq!(deframer.message(), Ok(None));
        assert_eq!((deframer.held(), deframer.is_between()), (6, false));

        let mut deframer = Deframer::new(8);
        deframer.feed(b"\0\0\0\0\x09");
        assert_eq!(deframer.message(), Err(Fault::TooLong { length: 9, limit: 8 }));
        assert_eq!(deframer.message(), Err(Fault::TooLong { length: 9, limit: 8 }));
    }
}
