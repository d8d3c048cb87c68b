//! JSON bodies: checked once, then read and edited without changing what was not touched.
//!
//! A body is refused where two readers could understand it in two ways: duplicate keys at any depth, a byte-order
//! mark, text after the end, invalid UTF-8. What is not edited goes on byte for byte, unknown fields and all.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::{RawValue, to_raw_value};

use crate::{ErrorKind, GatewayError};

/// A body that is not the JSON it should be: says where and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JsonFault {
    /// Where, as a JSON pointer (RFC 6901); empty for the whole body.
    pub pointer: String,
    /// What is wrong, with line and column where the text itself is at fault.
    pub message: String,
}

impl From<JsonFault> for GatewayError {
    fn from(fault: JsonFault) -> Self {
        let error = Self::new(ErrorKind::InvalidRequest, fault.message);
        if fault.pointer.is_empty() { error } else { error.with_param(field_path(&fault.pointer)) }
    }
}

/// A pointer as SDK users write it: `/messages/0/content` is `messages[0].content`.
#[must_use]
pub fn field_path(pointer: &str) -> String {
    let mut path = String::new();
    for segment in pointer.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        if segment.bytes().all(|b| b.is_ascii_digit()) && !segment.is_empty() {
            path.push_str(&format!("[{segment}]"));
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&segment);
        }
    }
    path
}

/// A JSON object of which only the touched members are parsed. The others are kept as they were written.
#[derive(Clone, Debug)]
pub struct Object(IndexMap<String, Box<RawValue>>);

impl Object {
    /// Checks `body` as a whole (one value, an object; UTF-8; nesting up to `max_depth`; no duplicate key at any
    /// depth) and splits it into its members.
    ///
    /// # Errors
    /// [`JsonFault`], with a pointer where there is one.
    pub fn parse(body: &[u8], max_depth: usize) -> Result<Self, JsonFault> {
        let text = std::str::from_utf8(body).map_err(|e| JsonFault {
            pointer: String::new(),
            message: format!("the body is not UTF-8: see byte {}", e.valid_up_to()),
        })?;
        if text.starts_with('\u{feff}') {
            return Err(JsonFault {
                pointer: String::new(),
                message: "the body begins with a byte-order mark; send plain UTF-8".into(),
            });
        }
        check(text, max_depth)?;
        serde_json::from_str(text)
            .map(Self)
            .map_err(|e| JsonFault { pointer: String::new(), message: format!("the body must be a JSON object ({e})") })
    }

    /// An object without members.
    #[must_use]
    pub fn empty() -> Self {
        Self(IndexMap::new())
    }

    /// The member `key`, read as a `T`; `None` where it is absent or `null`.
    ///
    /// # Errors
    /// [`JsonFault`] that points at the member when it is of another type.
    pub fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, JsonFault> {
        let Some(raw) = self.0.get(key) else {
            return Ok(None);
        };
        serde_json::from_str(raw.get()).map_err(|e| JsonFault {
            pointer: format!("/{}", escape(key)),
            message: format!("`{key}` is not what it should be: {}", without_position(&e)),
        })
    }

    /// The member `key` as it was written.
    #[must_use]
    pub fn raw(&self, key: &str) -> Option<&RawValue> {
        self.0.get(key).map(AsRef::as_ref)
    }

    /// The members' keys, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Sets a member, in its old place or at the end.
    ///
    /// # Panics
    /// When `value` does not serialize: maps with keys that are not strings, or a `Serialize` that fails.
    pub fn set<T: serde::Serialize>(&mut self, key: &str, value: &T) {
        let raw = to_raw_value(value).expect("a plain value serializes");
        self.0.insert(key.to_owned(), raw);
    }

    /// Removes a member; says whether it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        self.0.shift_remove(key).is_some()
    }

    /// The object's text: untouched members byte for byte, without the white space between members.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let size = self.0.iter().map(|(k, v)| k.len() + v.get().len() + 4).sum::<usize>() + 2;
        let mut bytes = Vec::with_capacity(size);
        bytes.push(b'{');
        for (index, (key, value)) in self.0.iter().enumerate() {
            if index > 0 {
                bytes.push(b',');
            }
            bytes.extend_from_slice(serde_json::Value::from(key.as_str()).to_string().as_bytes());
            bytes.push(b':');
            bytes.extend_from_slice(value.get().as_bytes());
        }
        bytes.push(b'}');
        bytes
    }
}

/// Checks that `text` is one JSON value, nested no deeper than `max_depth`, without duplicate keys.
///
/// # Errors
/// [`JsonFault`], with a pointer where there is one.
pub fn check(text: &str, max_depth: usize) -> Result<(), JsonFault> {
    let mut path = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // The own bound replaces serde_json's, which is a constant.
    let checked =
        Check { path: &mut path, left: max_depth }.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    checked.map_err(|e| {
        let pointer: String = path.iter().rev().map(|step| format!("/{step}")).collect();
        JsonFault { message: message_of(&e, max_depth), pointer }
    })
}

fn message_of(error: &serde_json::Error, max_depth: usize) -> String {
    if error.to_string().starts_with("recursion limit exceeded") {
        return format!("the body nests deeper than {max_depth} levels");
    }
    match error.classify() {
        serde_json::error::Category::Data => without_position(error),
        _ => format!("the body is not JSON: {error}"),
    }
}

/// serde_json's message without its position, which is one within a part of the body.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}

fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

/// A key: borrowed from the text where nothing in it is escaped.
#[derive(Deserialize)]
struct Key<'t>(#[serde(borrow)] Cow<'t, str>);

/// The keys of an object. Few are compared one by one, which is quicker than to hash them.
#[derive(Default)]
struct Keys<'t> {
    few: Vec<Cow<'t, str>>,
    many: HashSet<Cow<'t, str>>,
}

impl<'t> Keys<'t> {
    const FEW: usize = 8;

    /// Says whether the key is new.
    fn insert(&mut self, key: Cow<'t, str>) -> bool {
        if self.few.contains(&key) {
            return false;
        }
        if self.few.len() < Self::FEW {
            self.few.push(key);
            return true;
        }
        self.many.insert(key)
    }
}

/// Walks a value without keeping it. Where a fault is, the way back up writes into the path, innermost step first:
/// a body without one costs nothing for it.
struct Check<'a> {
    path: &'a mut Vec<String>,
    left: usize,
}

impl Check<'_> {
    fn deeper<E: serde::de::Error>(&mut self) -> Result<Check<'_>, E> {
        let left = self.left.checked_sub(1).ok_or_else(|| E::custom("recursion limit exceeded"))?;
        Ok(Check { path: self.path, left })
    }
}

impl<'de> DeserializeSeed<'de> for Check<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Check<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        for index in 0.. {
            match items.next_element_seed(Check { path: inner.path, left: inner.left }) {
                Ok(Some(())) => {}
                Ok(None) => break,
                Err(fault) => {
                    inner.path.push(index.to_string());
                    return Err(fault);
                }
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut seen = Keys::default();
        while let Some(Key(key)) = members.next_key()? {
            let checked = if seen.insert(key.clone()) {
                members.next_value_seed(Check { path: inner.path, left: inner.left })
            } else {
                Err(A::Error::custom("the key stands there twice; each key may stand in an object once"))
            };
            if let Err(fault) = checked {
                inner.path.push(escape(&key));
                return Err(fault);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(body: &[u8]) -> JsonFault {
        Object::parse(body, 8).err().unwrap()
    }

    #[test]
    fn untouched_members_go_on_byte_for_byte() {
        let body = br#" { "model" : "a", "temperature":1e-2, "huge":123456789012345678901234567890, "u":"\u00e9\/" ,"x":{ "y" : [1, 2] } }"#;
        let mut object = Object::parse(body, 8).unwrap();
        assert_eq!(object.read::<String>("model").unwrap().as_deref(), Some("a"));
        object.set("model", &"b");
        let text = String::from_utf8(object.to_bytes()).unwrap();
        assert_eq!(
            text,
            r#"{"model":"b","temperature":1e-2,"huge":123456789012345678901234567890,"u":"\u00e9\/","x":{ "y" : [1, 2] }}"#
        );
    }

    #[test]
    fn j6_duplicate_keys_are_refused_at_any_depth_and_case_variants_kept() {
        assert_eq!(fault(br#"{"model":"a","model":"b"}"#).pointer, "/model");
        assert_eq!(fault(br#"{"messages":[{},{"role":"a","r\u006fle":"b"}]}"#).pointer, "/messages/1/role");
        let object = Object::parse(br#"{"model":"a","Model":"b"}"#, 8).unwrap();
        assert_eq!(object.to_bytes(), br#"{"model":"a","Model":"b"}"#);
    }

    #[test]
    fn j6_a_duplicate_key_is_found_among_few_and_among_many() {
        let members: String = (0..40).map(|n| format!(r#""k{n}":{n},"#)).collect();
        assert!(Object::parse(format!(r#"{{{members}"k":0}}"#).as_bytes(), 8).is_ok());
        for n in 0..40 {
            for key in [format!("k{n}"), format!(r"\u006b{n}")] {
                let twice = format!(r#"{{{members}"{key}":0}}"#);
                assert_eq!(fault(twice.as_bytes()).pointer, format!("/k{n}"));
            }
        }
    }

    #[test]
    fn j2_depth_is_bounded_without_recursion_trouble() {
        let deep = [br#"{"a":"#.to_vec(), b"[".repeat(10_000)].concat();
        assert!(fault(&deep).message.contains("deeper than 8 levels"));
        assert!(Object::parse(br#"{"a":[[[[[[[1]]]]]]]}"#, 8).is_ok());
        assert!(Object::parse(br#"{"a":[[[[[[[[1]]]]]]]]}"#, 8).is_err());
    }

    #[test]
    fn j3_what_is_not_quite_json_is_refused_with_its_place() {
        for body in [
            &b"\xff{}"[..],
            b"\xef\xbb\xbf{}",
            b"{} x",
            b"{",
            b"[]",
            b"1",
            b"",
            br#"{"a":"\ud800"}"#,
            br#"{"a":1e400}"#,
            b"{\"a\":\"\xc3\x28\"}",
        ] {
            assert!(!fault(body).message.is_empty(), "{body:?}");
        }
        assert!(fault(b"{\"a\":tru}").message.contains("line 1 column"));
    }

    #[test]
    fn a_member_of_the_wrong_type_is_named() {
        let object = Object::parse(br#"{"stream":"yes"}"#, 8).unwrap();
        let fault = object.read::<bool>("stream").unwrap_err();
        assert_eq!(fault.pointer, "/stream");
        assert!(fault.message.contains("expected a boolean"), "{}", fault.message);
        assert_eq!(field_path("/messages/0/content~1x"), "messages[0].content/x");
    }
}
