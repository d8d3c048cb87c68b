//! As much of the Protocol Buffers wire format as a gateway needs
//! (<https://protobuf.dev/programming-guides/encoding/>).

use std::ops::Range;

use super::Fault;

/// A field of a message: its number, where it stands with its tag, and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<'m> {
    /// Its number, from 1.
    pub number: u32,
    /// Where it stands, its tag included.
    pub place: Range<usize>,
    /// What it holds.
    pub value: Value<'m>,
}

/// What a field holds, as far as the wire tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'m> {
    /// A number of variable length.
    Varint(u64),
    /// Eight bytes.
    Fixed64,
    /// Text, bytes, a message or packed numbers.
    Bytes(&'m [u8]),
    /// Four bytes.
    Fixed32,
}

/// The fields of a message, in their order. After a fault there are no more.
pub fn fields(message: &[u8]) -> impl Iterator<Item = Result<Field<'_>, Fault>> {
    let mut reader = Reader { message, at: 0 };
    std::iter::from_fn(move || {
        let begin = reader.at;
        if begin >= message.len() {
            return None;
        }
        let read = reader.field().map(|(number, value)| Field { number, place: begin..reader.at, value });
        if read.is_err() {
            reader.at = message.len();
        }
        Some(read)
    })
}

/// Writes a field that holds text.
pub fn put_text(message: &mut Vec<u8>, number: u32, text: &str) {
    put_varint(message, u64::from(number) << 3 | 2);
    put_varint(message, text.len() as u64);
    message.extend_from_slice(text.as_bytes());
}

/// Writes a field that holds a number, an enumeration's value or a truth value; zero is not written, as
/// Protocol Buffers 3 have it.
pub fn put_number(message: &mut Vec<u8>, number: u32, value: u64) {
    if value != 0 {
        put_varint(message, u64::from(number) << 3);
        put_varint(message, value);
    }
}

fn put_varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

impl<'m> Reader<'m> {
    fn field(&mut self) -> Result<(u32, Value<'m>), Fault> {
        let tag = u32::try_from(self.varint()?).map_err(|_| Fault::Malformed("a field's tag is too large"))?;
        let number = tag >> 3;
        if number == 0 {
            return Err(Fault::Malformed("a field has the number 0"));
        }
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed64)?,
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| CUT)?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed32)?,
            // Groups (3 and 4) were given up before the third version, in which the inference protocol is written.
            _ => return Err(Fault::Malformed("a field is of a kind that does not exist")),
        };
        Ok((number, value))
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Fault::Malformed("a number is longer than 64 bits"))
    }

    fn take(&mut self, length: usize) -> Result<&'m [u8], Fault> {
        let end = self.at.checked_add(length).ok_or(CUT)?;
        let taken = self.message.get(self.at..end).ok_or(CUT)?;
        self.at = end;
        Ok(taken)
    }
}

const CUT: Fault = Fault::Malformed("it ends within a field");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_in_their_order_with_their_places() {
        let message = b"\x0a\x01a\x10\x96\x01\x19abcdefgh\x25abcd";
        let read: Vec<_> = fields(message).map(Result::unwrap).collect();
        let expected = [
            Field { number: 1, place: 0..3, value: Value::Bytes(b"a") },
            Field { number: 2, place: 3..6, value: Value::Varint(150) },
            Field { number: 3, place: 6..15, value: Value::Fixed64 },
            Field { number: 4, place: 15..20, value: Value::Fixed32 },
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let cases: [&[u8]; 9] = [
            b"\x00",
            b"\x0a",
            b"\x0a\x05abcd",
            b"\x0b\x0c",
            b"\x0f",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
            b"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a",
            b"\x80\x80\x80\x80\x80\x01",
        ];
        for message in cases {
            let read: Vec<_> = fields(message).collect();
            assert!(read.last().unwrap().is_err(), "{message:x?}");
        }
    }

    #[test]
    fn numbers_are_written_as_they_are_read() {
        for value in [1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut message = Vec::new();
            put_number(&mut message, 15, value);
            let field = fields(&message).next().unwrap().unwrap();
            assert_eq!((field.number, field.value), (15, Value::Varint(value)));
        }
        let mut none = Vec::new();
        put_number(&mut none, 1, 0);
        assert!(none.is_empty());
    }
}
