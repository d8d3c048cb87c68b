//! The name of the model in a message of the Open Inference Protocol: field 1 of `ModelInferRequest`,
//! `ModelReadyRequest` and `ModelMetadataRequest`, and of a health check's request.

use std::ops::Range;

use super::Fault;
use super::wire::{self, Value};

/// The field's number.
pub(super) const FIELD: u32 = 1;

/// A model's name, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    text: String,
    field: Range<usize>,
}

impl Name {
    /// The name. Not empty.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn field(&self) -> Range<usize> {
        self.field.clone()
    }
}

/// Reads the name; the whole message is looked through, since a second one may stand at its end.
pub(super) fn read(message: &[u8], limit: usize) -> Result<Option<Name>, Fault> {
    let mut found = None;
    for field in wire::fields(message) {
        let field = field?;
        if field.number != FIELD {
            continue;
        }
        let Value::Bytes(text) = field.value else {
            return Err(Fault::Malformed("the model's name is not text"));
        };
        if text.len() > limit {
            return Err(Fault::NameTooLong(limit));
        }
        let text = str::from_utf8(text).map_err(|_| Fault::Malformed("the model's name is not UTF-8"))?;
        if found.replace(Name { text: text.to_owned(), field: field.place }).is_some() {
            return Err(Fault::NamedTwice);
        }
    }
    Ok(found.filter(|name| !name.text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(message: &[u8]) -> Result<Option<String>, Fault> {
        read(message, 8).map(|name| name.map(|name| name.text))
    }

    #[test]
    fn a_name_is_read_in_one_way_or_not_at_all() {
        assert_eq!(text(b"\x0a\x01a\x12\x011"), Ok(Some("a".into())));
        assert_eq!(text(b"\x12\x011\x0a\x01a"), Ok(Some("a".into())), "in another order");
        assert_eq!(text(b""), Ok(None));
        assert_eq!(text(b"\x0a\x00"), Ok(None));
        assert_eq!(text(b"\x2a\x03\x0a\x01b"), Ok(None), "the name of a tensor is not the model's");
        assert_eq!(text(b"\x0a\x01a\x0a\x01a"), Err(Fault::NamedTwice));
        assert_eq!(text(b"\x0a\x00\x0a\x01a"), Err(Fault::NamedTwice));
        assert_eq!(text(b"\x0a\x09aaaaaaaaa"), Err(Fault::NameTooLong(8)));
        for message in [&b"\x0a\x01\xff"[..], b"\x08\x01", b"\x0d\0\0\0\0", b"\x0a\x02a", b"\x0a\x01a\x00"] {
            assert!(matches!(text(message), Err(Fault::Malformed(_))), "{message:x?}");
        }
    }
}
