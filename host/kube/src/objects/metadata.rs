//! What all objects have: names, labels, and when they began and are to end.

use std::fmt;

use serde::Deserialize;
use serde::de::MapAccess;

use super::lenient::{Lenient, Pairs, lenient, lenient_structs};

/// Annotations longer than this are not kept: no setting is, and copies of whole objects are.
const LONGEST_ANNOTATION: usize = 1024;

/// An object's name and what all objects have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The name, unique within kind and namespace. The one thing that must be there.
    #[serde(deserialize_with = "name")]
    pub name: Box<str>,
    /// The namespace; empty where the kind has none.
    #[serde(default, deserialize_with = "lenient")]
    pub namespace: Box<str>,
    /// Which of the objects that ever bore this name it is.
    #[serde(default, deserialize_with = "lenient")]
    pub uid: Box<str>,
    /// The version of the object, opaque.
    #[serde(default, deserialize_with = "lenient")]
    pub resource_version: Box<str>,
    /// How often its wish was changed.
    #[serde(default, deserialize_with = "lenient")]
    pub generation: i64,
    /// When it was made, as RFC 3339 in UTC: the order of the texts is that of the times.
    #[serde(default, deserialize_with = "lenient")]
    pub creation_timestamp: Box<str>,
    /// When it was told to end.
    #[serde(default, deserialize_with = "lenient")]
    pub deletion_timestamp: Option<Box<str>>,
    /// Its labels.
    #[serde(default, deserialize_with = "lenient")]
    pub labels: Labels,
    /// Those of its annotations that KServe or Knative reads.
    #[serde(default, deserialize_with = "annotations")]
    pub annotations: Labels,
}

/// A name: a text that is not empty.
fn name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Box<str>, D::Error> {
    let name = Box::<str>::deserialize(deserializer)?;
    if name.is_empty() { Err(serde::de::Error::custom("the name is empty")) } else { Ok(name) }
}

impl Metadata {
    /// Whether it was told to end.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.deletion_timestamp.is_some()
    }

    /// Which object it is, among those of its kind.
    #[must_use]
    pub fn object_ref(&self) -> ObjectRef {
        ObjectRef { namespace: self.namespace.clone(), name: self.name.clone() }
    }

    /// By age, and by name among those of one second: who was there first is stronger.
    #[must_use]
    pub fn seniority(&self) -> (&str, &str, &str) {
        (&self.creation_timestamp, &self.namespace, &self.name)
    }
}

/// An object's namespace and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectRef {
    /// The namespace; empty where the kind has none.
    pub namespace: Box<str>,
    /// The name.
    pub name: Box<str>,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() { f.write_str(&self.name) } else { write!(f, "{}/{}", self.namespace, self.name) }
    }
}

/// Labels or annotations, in order of their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Labels(Box<[(Box<str>, Box<str>)]>);

impl Labels {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(other, _)| (**other).cmp(key)).ok()?;
        Some(&self.0[at].1)
    }

    /// Whether a key has this value.
    #[must_use]
    pub fn has(&self, key: &str, value: &str) -> bool {
        self.get(key) == Some(value)
    }

    /// Whether all of these are among them, as a selector wants it.
    #[must_use]
    pub fn include(&self, selector: &Self) -> bool {
        selector.iter().all(|(key, value)| self.has(key, value))
    }

    /// The pairs, in order of their keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Into<Box<str>>, V: Into<Box<str>>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut pairs: Vec<(Box<str>, Box<str>)> =
            pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        pairs.sort_unstable();
        pairs.dedup_by(|later, first| later.0 == first.0);
        Self(pairs.into())
    }
}

impl Lenient for Labels {
    fn of_map<'de, A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        let Pairs(pairs) = Pairs::read(map, |_, _| true)?;
        Ok(Some(Self(pairs.into())))
    }
}

/// Annotations that are settings.
#[derive(Default)]
struct Settings(Labels);

impl Lenient for Settings {
    fn of_map<'de, A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        let Pairs(pairs) = Pairs::read(map, |key, value| {
            let (domain, _) = key.split_once('/').unwrap_or_default();
            value.len() <= LONGEST_ANNOTATION && (domain.ends_with("kserve.io") || domain.ends_with("knative.dev"))
        })?;
        Ok(Some(Self(Labels(pairs.into()))))
    }
}

fn annotations<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Labels, D::Error> {
    let Settings(labels) = lenient(deserializer)?;
    Ok(labels)
}

lenient_structs!(Metadata);
