//! How much text there is in a whole answer.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use weir_core::{Tokens, Usage};

use crate::stream::estimated_tokens;

/// What an answer used, for a prompt of `input`: its text, estimated. Tensors behind the JSON are not looked at, nor what
/// is no JSON at all.
pub(crate) fn usage(answer: &[u8], input: Tokens) -> Usage {
    let mut bytes = 0;
    let mut deserializer = serde_json::Deserializer::from_slice(answer);
    // What came before a fault counts all the same.
    let _ = Text { bytes: &mut bytes, place: Place::Root }.deserialize(&mut deserializer);
    Usage { input, output: estimated_tokens(bytes), estimated: true, ..Usage::default() }
}

/// Adds up the strings of one value.
struct Text<'a> {
    bytes: &'a mut usize,
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The whole answer: V1's `predictions` and `explanations`, V2's `outputs`, Triton's `text_output`.
    Root,
    /// What the model answered.
    Answered,
}

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        *self.bytes += text.len();
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Text { bytes: self.bytes, place: Place::Answered })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(key) = members.next_key::<Cow<'de, str>>()? {
            let is_text = match self.place {
                Place::Root => matches!(&*key, "predictions" | "explanations" | "outputs" | "text_output"),
                // How a tensor is described, and what is binary.
                Place::Answered => !matches!(&*key, "name" | "datatype" | "shape" | "parameters" | "b64"),
            };
            if is_text {
                members.next_value_seed(Text { bytes: self.bytes, place: Place::Answered })?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_answer_counts_and_its_numbers_do_not() {
        for (answer, expected) in [
            (&br#"{"predictions":["12345678",{"label":"1234","score":0.5}]}"#[..], 3),
            (br#"{"predictions":[[0.1,0.9]],"model":"a long name"}"#, 0),
            (br#"{"model_name":"m","outputs":[{"name":"o","datatype":"BYTES","shape":[1],"data":["12345678"]}]}"#, 2),
            (b"{\"outputs\":[{\"name\":\"o\",\"parameters\":{\"binary_data_size\":4}}]}\x00\x01\xff\xfe", 0),
            (br#"{"model_name":"m","text_output":"12345678"}"#, 2),
            (b"not JSON", 0),
            (b"", 0),
        ] {
            let used = usage(answer, Tokens(7));
            assert_eq!((used.input, used.output, used.estimated), (Tokens(7), Tokens(expected), true));
        }
    }
}
