//! What a client of gRPC goes on to send, each message held to the model that the first one names.

use weir_core::grpc::{self, Deframer, Fault, framed};
use weir_core::{ErrorKind, GatewayError, Limits, Tokens};

use crate::stream::estimated_tokens;

/// The messages of one call, taken out of the pieces of its body.
#[derive(Debug)]
pub struct Messages {
    deframer: Deframer,
    /// The model as the client names it: nothing until the first message has come.
    asked: Option<String>,
    /// Its name where the call goes; the client's where that is empty.
    served_as: String,
    /// How long a name may be.
    name_limit: usize,
    /// Bytes of text in all messages but the first.
    text: usize,
}

impl Messages {
    /// Those of a call for a model that is known as `served_as` where the call goes, within these limits.
    #[must_use]
    pub fn new(served_as: &str, sizes: &Limits) -> Self {
        let deframer = Deframer::new(sizes.body_bytes);
        Self { deframer, asked: None, served_as: served_as.to_owned(), name_limit: sizes.model_bytes, text: 0 }
    }

    /// Takes a piece of the body. Take out its messages before the next one.
    pub fn feed(&mut self, piece: &[u8]) {
        self.deframer.feed(piece);
    }

    /// The next message, with its prefix; `None` where it is not whole yet. The first one is as it came; each other has
    /// the model's name at its destination.
    ///
    /// # Errors
    /// That it is not for the model of the first one, or that the body is malformed.
    pub fn message(&mut self) -> Result<Option<Vec<u8>>, GatewayError> {
        let Some(message) = self.deframer.message()? else { return Ok(None) };
        let Some(asked) = &self.asked else {
            let name = message.name(self.name_limit)?;
            let name =
                name.ok_or_else(|| GatewayError::new(ErrorKind::InvalidRequest, "the message names no model"))?;
            self.asked = Some(name.text().to_owned());
            return Ok(Some(framed(message.bytes())));
        };
        self.text += grpc::texts(message.bytes()).iter().map(|text| text.len()).sum::<usize>();
        let served_as = if self.served_as.is_empty() { asked } else { &self.served_as };
        message.following(asked, served_as, self.name_limit).map(Some)
    }

    /// The body has ended.
    ///
    /// # Errors
    /// `InvalidRequest` where that is within a message, or before the first.
    pub fn end(&self) -> Result<(), GatewayError> {
        match self.deframer.is_between() {
            true if self.asked.is_some() => Ok(()),
            true => Err(Fault::NoMessage.into()),
            false => Err(Fault::Cut.into()),
        }
    }

    /// How many bytes are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.deframer.held()
    }

    /// The text in all messages but the first, estimated.
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        estimated_tokens(self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All messages of a body that comes in pieces of this length.
    fn read(messages: &mut Messages, body: &[u8], length: usize) -> Result<Vec<Vec<u8>>, GatewayError> {
        let mut taken = Vec::new();
        for piece in body.chunks(length) {
            messages.feed(piece);
            while let Some(message) = messages.message()? {
                taken.push(message);
            }
        }
        messages.end().map(|()| taken)
    }

    fn messages(served_as: &str) -> Messages {
        Messages::new(served_as, &Limits { body_bytes: 64, ..Limits::default() })
    }

    /// A message for the model `m` with one input of BYTES, the text `12345678`.
    const TEXT: &[u8] = b"\x0a\x01m\x2a\x13\x12\x05BYTES\x2a\x0a\x42\x0812345678";

    #[test]
    fn all_but_the_first_message_get_the_name_that_the_model_has_there() {
        let (first, second) = (framed(b"\x0a\x01m\x1a\x011"), framed(b"\x0a\x01m\x1a\x012"));
        let body = [first.clone(), second, framed(TEXT)].concat();
        for length in 1..=body.len() {
            let mut renamed = messages("other");
            let taken = read(&mut renamed, &body, length).unwrap();
            assert_eq!(taken[..2], [first.clone(), framed(b"\x0a\x05other\x1a\x012")], "{length}");
            assert_eq!((taken.len(), renamed.tokens()), (3, Tokens(2)), "{length}");
            for same in ["m", ""] {
                assert_eq!(read(&mut messages(same), &body, length).unwrap().concat(), body, "{length}");
            }
        }
    }

    #[test]
    fn the_text_of_the_first_message_is_counted_by_the_router_alone() {
        let mut one = messages("m");
        assert_eq!(read(&mut one, &framed(TEXT), 8).unwrap().len(), 1);
        assert_eq!(one.tokens(), Tokens(0));
    }

    #[test]
    fn a_message_for_another_model_or_none_ends_it() {
        let first = framed(b"\x0a\x01m");
        for wrong in [&b""[..], b"\x0a\x01n", b"\x0a\x01m\x0a\x01m", b"\x0a"] {
            let body = [first.clone(), framed(wrong)].concat();
            let fault = read(&mut messages("other"), &body, body.len()).unwrap_err();
            assert_eq!(fault.kind(), ErrorKind::InvalidRequest, "{wrong:?}");
        }
        let unnamed = read(&mut messages("m"), &framed(b""), 5).unwrap_err();
        assert_eq!(unnamed.kind(), ErrorKind::InvalidRequest);
    }

    #[test]
    fn what_is_cut_compressed_or_too_long_is_refused() {
        let kind = |body: &[u8]| read(&mut messages("m"), body, 3).unwrap_err().kind();
        let first = framed(b"\x0a\x01m");
        assert_eq!(kind(b""), ErrorKind::InvalidRequest);
        for cut in 1..first.len() {
            assert_eq!(kind(&[&first, &first[..cut]].concat()), ErrorKind::InvalidRequest, "{cut}");
        }
        assert_eq!(kind(&[&first[..], b"\x01\0\0\0\x01a"].concat()), ErrorKind::UnsupportedEncoding);
        assert_eq!(kind(&[&first[..], b"\0\0\0\0\x41"].concat()), ErrorKind::BodyTooLarge);
    }
}
