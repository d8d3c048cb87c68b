//! Reading what was written by others: a value of the wrong type is no value.
//!
//! One pass over the input, nothing buffered: the visitor takes whatever comes, and what it has no use for is skipped.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{Deserialize, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Texts that only people read are kept up to here, in bytes.
pub(super) const LONGEST_MESSAGE: usize = 512;

/// Reads a field that may be of any type. For `#[serde(deserialize_with)]`.
pub(super) fn lenient<'de, D: Deserializer<'de>, T: Lenient>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Any(PhantomData)).map(Option::unwrap_or_default)
}

/// The same for a text that only people read: its beginning.
pub(super) fn message<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<str>, D::Error> {
    let Shortened(text) = lenient(deserializer)?;
    Ok(text)
}

/// A type that can be read from a value of any type; each method is one type of value, and `None` means that it is of
/// no use.
pub(super) trait Lenient: Default {
    fn of_text(_: &str) -> Option<Self> {
        None
    }

    fn of_bool(_: bool) -> Option<Self> {
        None
    }

    fn of_number(_: i64) -> Option<Self> {
        None
    }

    fn of_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn of_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// Makes structs readable where something else may stand.
macro_rules! lenient_structs {
    ($($type:ty),+ $(,)?) => {$(
        impl $crate::objects::lenient::Lenient for $type {
            fn of_map<'de, A: serde::de::MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
                serde::Deserialize::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Some)
            }
        }
    )+};
}
pub(super) use lenient_structs;

/// The visitor; `None` for what is of no use.
struct Any<T>(PhantomData<T>);

impl<'de, T: Lenient> Visitor<'de> for Any<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(T::of_text(text))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(T::of_bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(T::of_number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).ok().and_then(T::of_number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        T::of_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::of_map(map)
    }
}

/// Gives `Any`'s answer for an element of a list or map, where `None` is to be left out.
pub(super) struct Element<T>(pub(super) Option<T>);

impl<'de, T: Lenient> Deserialize<'de> for Element<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(PhantomData)).map(Element)
    }
}

impl<T: Lenient> Lenient for Option<T> {
    fn of_text(text: &str) -> Option<Self> {
        T::of_text(text).map(Some)
    }

    fn of_bool(value: bool) -> Option<Self> {
        T::of_bool(value).map(Some)
    }

    fn of_number(number: i64) -> Option<Self> {
        T::of_number(number).map(Some)
    }

    fn of_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Option<Self>, A::Error> {
        Ok(T::of_list(list)?.map(Some))
    }

    fn of_map<'de, A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        Ok(T::of_map(map)?.map(Some))
    }
}

impl<T: Lenient> Lenient for Box<T> {
    fn of_map<'de, A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        Ok(T::of_map(map)?.map(Self::new))
    }
}

impl<T: Lenient> Lenient for Box<[T]> {
    fn of_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let mut elements = Vec::new();
        while let Some(Element(element)) = list.next_element::<Element<T>>()? {
            elements.extend(element);
        }
        Ok(Some(elements.into()))
    }
}

impl Lenient for Box<str> {
    fn of_text(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

impl Lenient for bool {
    fn of_bool(value: bool) -> Option<Self> {
        Some(value)
    }
}

impl Lenient for i64 {
    fn of_number(number: i64) -> Option<Self> {
        Some(number)
    }
}

impl Lenient for i32 {
    fn of_number(number: i64) -> Option<Self> {
        Self::try_from(number).ok()
    }
}

impl Lenient for u32 {
    fn of_number(number: i64) -> Option<Self> {
        Self::try_from(number).ok()
    }
}

impl Lenient for u16 {
    fn of_number(number: i64) -> Option<Self> {
        Self::try_from(number).ok()
    }
}

/// Pairs of texts, in order of their keys; what is no text is left out.
pub(super) struct Pairs(pub(super) Vec<(Box<str>, Box<str>)>);

impl Pairs {
    /// Reads those whose key and value are wanted.
    pub(super) fn read<'de, A: MapAccess<'de>>(
        mut map: A,
        wanted: impl Fn(&str, &str) -> bool,
    ) -> Result<Self, A::Error> {
        let mut pairs = Vec::new();
        while let Some((key, Element(value))) = map.next_entry::<Box<str>, Element<Box<str>>>()? {
            pairs.extend(value.filter(|value| wanted(&key, value)).map(|value| (key, value)));
        }
        pairs.sort_unstable();
        pairs.dedup_by(|later, first| later.0 == first.0);
        Ok(Self(pairs))
    }
}

/// A text's beginning.
#[derive(Default)]
struct Shortened(Box<str>);

impl Lenient for Shortened {
    fn of_text(text: &str) -> Option<Self> {
        Some(Self(text[..text.floor_char_boundary(LONGEST_MESSAGE)].into()))
    }
}
