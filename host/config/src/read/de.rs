//! A serde deserializer over the tree that tells of every mistake and goes on.

use std::cell::RefCell;
use std::ops::Range;

use serde::de::value::{StrDeserializer, UsizeDeserializer};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::at::MARKER;
use super::fault::{Fault, nearest};
use super::tree::{Entry, Kind, Node};
use crate::file::File;
use crate::report::Mistake;

/// Reads the file from its tree. `None`, if what must be there is not.
pub(super) fn read(root: &Node) -> (Option<File>, Vec<Mistake>) {
    let told = RefCell::default();
    let file = File::deserialize(Reader { node: root, told: &told }).ok();
    (file, told.into_inner())
}

/// A node that is about to be read.
#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    told: &'a RefCell<Vec<Mistake>>,
}

impl<'a> Reader<'a> {
    fn tell(&self, mistake: Mistake) -> Fault {
        self.told.borrow_mut().push(mistake);
        Fault::Told
    }

    /// Turns a fault that came up from a visitor into a mistake of this node.
    fn at_home<T>(&self, result: Result<T, Fault>) -> Result<T, Fault> {
        let here = self.node.pointer();
        result.map_err(|fault| match fault {
            Fault::Told => Fault::Told,
            Fault::Missing(key) => self.tell(
                Mistake::new("missing-key", here, format!("`{key}` is missing")).label(format!("`{key}` belongs here")),
            ),
            Fault::Word { found, words } => self.tell(word(here, &found, words)),
            Fault::Other(message) => self.tell(Mistake::new("wrong-value", here, message)),
        })
    }

    /// As [`at_home`](Self::at_home), for a mapping with unknown keys: a key that one of those was meant to be is not
    /// missing as well.
    fn at_home_but<T>(&self, result: Result<T, Fault>, meant: &[&str]) -> Result<T, Fault> {
        match result {
            Err(Fault::Missing(key)) if meant.contains(&key) => Err(Fault::Told),
            result => self.at_home(result),
        }
    }

    fn mismatch(&self, expected: &str) -> Fault {
        let mistake =
            Mistake::new("wrong-type", self.node.pointer(), format!("expected {expected}, found {}", self.node.what()))
                .label(format!("this is {}", self.node.what()));
        self.tell(match (&self.node.kind, expected) {
            (Kind::Bool(_) | Kind::Unsigned(_) | Kind::Signed(_) | Kind::Float(_), "a text") => {
                mistake.help("put it in quotes, if it is meant as a text")
            }
            (Kind::Null, _) => mistake.help("write a value, or delete the key"),
            (Kind::Text(_), "a list") => mistake.help("write `[…]` around it"),
            (Kind::Map(_), "a list") => mistake.help("begin each element with `- `"),
            _ => mistake,
        })
    }

    fn integer(&self) -> Result<u64, Fault> {
        match self.node.kind {
            Kind::Unsigned(value) => Ok(value),
            Kind::Signed(_) => Err(self.tell(
                Mistake::new("wrong-value", self.node.span.clone(), "a negative number cannot stand here")
                    .label("expected 0 or more"),
            )),
            _ => Err(self.mismatch("a whole number")),
        }
    }

    fn text(&self) -> Result<&'a str, Fault> {
        match &self.node.kind {
            Kind::Text(text) => Ok(text),
            _ => Err(self.mismatch("a text")),
        }
    }

    /// The entries whose keys are among `fields`. The others are told of; what they were probably meant to be comes back.
    fn known(&self, entries: &'a [Entry], fields: &'static [&'static str]) -> (Vec<&'a Entry>, Vec<&'static str>) {
        let is_known = |entry: &&Entry| fields.contains(&entry.key.as_str());
        let mut meant = Vec::new();
        for entry in entries.iter().filter(|entry| !is_known(entry)) {
            let free = fields.iter().copied().filter(|field| entries.iter().all(|other| other.key != *field));
            let near = nearest(&entry.key, free);
            meant.extend(near);
            self.tell(unknown(entry, near, fields));
        }
        (entries.iter().filter(is_known).collect(), meant)
    }
}

fn unknown(entry: &Entry, near: Option<&str>, fields: &'static [&'static str]) -> Mistake {
    let message = format!("`{}` is no key that can stand here", entry.key);
    let mistake = Mistake::new("unknown-key", entry.key_span.clone(), message).label("unknown key");
    match near {
        Some(near) => mistake.help(format!("did you mean `{near}`?")),
        None => mistake.help(format!("known here: {}", list(fields))),
    }
}

fn word(span: Range<usize>, found: &str, words: &'static [&'static str]) -> Mistake {
    let mistake = Mistake::new("unknown-word", span, format!("`{found}` cannot stand here"))
        .label(format!("expected one of {}", list(words)));
    match nearest(found, words.iter().copied()) {
        Some(near) => mistake.help(format!("did you mean `{near}`?")),
        None => mistake,
    }
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let result = match &self.node.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Unsigned(value) => visitor.visit_u64(*value),
            Kind::Signed(value) => visitor.visit_i64(*value),
            Kind::Float(value) => visitor.visit_f64(*value),
            Kind::Text(text) => visitor.visit_str(text),
            Kind::List(nodes) => visitor.visit_seq(Elements { left: nodes.iter(), told: self.told }),
            Kind::Map(entries) => visitor.visit_map(Pairs::new(entries.iter().collect(), self.told)),
        };
        self.at_home(result)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.kind {
            Kind::Bool(value) => self.at_home(visitor.visit_bool(value)),
            _ => Err(self.mismatch("`true` or `false`")),
        }
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.at_home(visitor.visit_u64(self.integer()?))
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.at_home(visitor.visit_u64(self.integer()?))
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.at_home(visitor.visit_u64(self.integer()?))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.kind {
            Kind::Unsigned(_) | Kind::Signed(_) | Kind::Float(_) => self.deserialize_any(visitor),
            _ => Err(self.mismatch("a number")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.at_home(visitor.visit_str(self.text()?))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::List(nodes) => self.at_home(visitor.visit_seq(Elements { left: nodes.iter(), told: self.told })),
            _ => Err(self.mismatch("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::Map(entries) => self.at_home(visitor.visit_map(Pairs::new(entries.iter().collect(), self.told))),
            _ => Err(self.mismatch("a mapping")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::Map(entries) => {
                let (known, meant) = self.known(entries, fields);
                self.at_home_but(visitor.visit_map(Pairs::new(known, self.told)), &meant)
            }
            // A secret that is written out is told of by the visitor; others know of no text.
            Kind::Text(text) => {
                visitor.visit_str(text).map_err(|_: Fault| self.mismatch(&format!("a mapping with {}", list(fields))))
            }
            Kind::Unsigned(number) => visitor
                .visit_u64(*number)
                .map_err(|_: Fault| self.mismatch(&format!("a mapping with {}", list(fields)))),
            _ => Err(self.mismatch(&format!("a mapping with {}", list(fields)))),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.node.kind {
            Kind::Text(text) => {
                let text: StrDeserializer<'_, Fault> = text.as_str().into_deserializer();
                self.at_home(visitor.visit_enum(text))
            }
            _ => Err(self.mismatch(&format!("one of {}", list(words)))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        match name {
            MARKER => visitor.visit_seq(Placed { reader: self, span: self.node.pointer(), step: 0 }),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u128 f32 char bytes byte_buf option unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// The elements of a list.
struct Elements<'a> {
    left: std::slice::Iter<'a, Node>,
    told: &'a RefCell<Vec<Mistake>>,
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.left.next().map(|node| seed.deserialize(Reader { node, told: self.told })).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.len())
    }
}

/// The keys and values of a mapping.
struct Pairs<'a> {
    left: std::vec::IntoIter<&'a Entry>,
    value: Option<&'a Node>,
    told: &'a RefCell<Vec<Mistake>>,
}

impl<'a> Pairs<'a> {
    fn new(entries: Vec<&'a Entry>, told: &'a RefCell<Vec<Mistake>>) -> Self {
        Self { left: entries.into_iter(), value: None, told }
    }
}

impl<'de> MapAccess<'de> for Pairs<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some(entry) = self.left.next() else {
            return Ok(None);
        };
        self.value = Some(&entry.value);
        seed.deserialize(Key(entry)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let node = self.value.take().ok_or_else(|| Fault::custom("a value was asked for before its key"))?;
        seed.deserialize(Reader { node, told: self.told })
    }
}

/// A key of a mapping.
#[derive(Clone, Copy)]
struct Key<'a>(&'a Entry);

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(&self.0.key)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Fault> {
        match name {
            MARKER => {
                let span = self.0.key_span.clone();
                visitor.visit_seq(Placed { reader: self, span, step: 0 })
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A value with its place, as [`At`](super::At) reads it: start, end, value.
struct Placed<R> {
    reader: R,
    span: Range<usize>,
    step: u8,
}

impl<'de, R: Deserializer<'de, Error = Fault> + Copy> SeqAccess<'de> for Placed<R> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        self.step += 1;
        let number = |value: usize| -> UsizeDeserializer<Fault> { value.into_deserializer() };
        match self.step {
            1 => seed.deserialize(number(self.span.start)).map(Some),
            2 => seed.deserialize(number(self.span.end)).map(Some),
            3 => seed.deserialize(self.reader).map(Some),
            _ => Ok(None),
        }
    }
}
