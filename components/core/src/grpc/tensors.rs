//! The text in a `ModelInferRequest` and in its answer: what stands in tensors of `BYTES`. All else there is numbers.

use super::wire::{self, Field, Value};

/// The tensors of `ModelInferRequest` and of `ModelInferResponse`.
const TENSORS: u32 = 5;
/// Where their contents stand apart: in a request, and in a response.
const RAW_INPUT: u32 = 7;
const RAW_OUTPUT: u32 = 6;
/// Where a `ModelStreamInferResponse` has its response.
const RESPONSE: u32 = 2;
/// The fields of a tensor.
const DATATYPE: u32 = 2;
const CONTENTS: u32 = 5;
/// That of `InferTensorContents`.
const BYTES: u32 = 8;

/// The pieces of text in a `ModelInferRequest`, for an estimate of their tokens. Raw contents are the tensors' bytes in the
/// tensors' order, each text in them behind four bytes of length, which count with it. What is malformed holds no text.
#[must_use]
pub fn texts(message: &[u8]) -> Vec<&[u8]> {
    of_tensors(message, RAW_INPUT)
}

/// The same of a `ModelInferResponse`.
#[must_use]
pub fn answered_texts(message: &[u8]) -> Vec<&[u8]> {
    of_tensors(message, RAW_OUTPUT)
}

/// The same of Triton's `ModelStreamInferResponse`, which has such a response in it.
#[must_use]
pub fn streamed_texts(message: &[u8]) -> Vec<&[u8]> {
    of(message, RESPONSE).flat_map(answered_texts).collect()
}

fn of_tensors(message: &[u8], raw: u32) -> Vec<&[u8]> {
    let tensors: Vec<&[u8]> = of(message, TENSORS).collect();
    let inline = tensors.iter().flat_map(|tensor| of(tensor, CONTENTS)).flat_map(|contents| of(contents, BYTES));
    let raw = tensors.iter().zip(of(message, raw)).filter(|(tensor, _)| is_text(tensor)).map(|(_, raw)| raw);
    inline.chain(raw).collect()
}

fn is_text(tensor: &[u8]) -> bool {
    of(tensor, DATATYPE).last() == Some(b"BYTES")
}

/// The values of a field that holds bytes.
fn of(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    let fields = wire::fields(message).map_while(Result::ok).filter(move |field| field.number == number);
    fields.filter_map(|Field { value, .. }| match value {
        Value::Bytes(bytes) => Some(bytes),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(number: u32, value: &[u8]) -> Vec<u8> {
        // Texts and bytes look alike on the wire, and those of this test are ASCII.
        let mut field = Vec::new();
        wire::put_text(&mut field, number, str::from_utf8(value).unwrap());
        field
    }

    #[test]
    fn text_is_what_tensors_of_bytes_hold() {
        let input = |datatype: &str, contents: &[u8]| {
            bytes(TENSORS, &[bytes(1, b"x"), bytes(DATATYPE, datatype.as_bytes()), bytes(CONTENTS, contents)].concat())
        };
        let inline = [bytes(BYTES, b"one"), bytes(BYTES, b"two"), bytes(6, b"1234")].concat();
        assert_eq!(texts(&[bytes(1, b"model"), input("BYTES", &inline)].concat()), [b"one", b"two"]);
        let raw = [input("FP32", b""), input("BYTES", b""), bytes(RAW_INPUT, b"1234"), bytes(RAW_INPUT, b"0000text")]
            .concat();
        assert_eq!(texts(&raw), [b"0000text"]);
        let raw = [input("BYTES", b""), bytes(RAW_OUTPUT, b"0000text")].concat();
        assert_eq!(answered_texts(&raw), [b"0000text"]);
        assert_eq!(streamed_texts(&[bytes(1, b""), bytes(RESPONSE, &raw)].concat()), [b"0000text"]);
        assert!(streamed_texts(&[bytes(RESPONSE, b"version 1"), raw].concat()).is_empty());
        assert!(texts(b"").is_empty() && texts(b"\x2a\xff").is_empty());
    }
}
