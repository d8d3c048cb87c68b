//! Conditions: what an object's controller says of its state.

use serde::Deserialize;

use super::lenient::{Lenient, lenient, lenient_structs, message};

/// One thing that is so, or is not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Condition {
    /// What, such as `Ready`.
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub kind: Box<str>,
    /// Whether it is so.
    #[serde(deserialize_with = "lenient")]
    pub status: State,
    /// Why, in one word.
    #[serde(deserialize_with = "lenient")]
    pub reason: Box<str>,
    /// Why, for people; its beginning where it is long.
    #[serde(deserialize_with = "message")]
    pub message: Box<str>,
}

/// Whether something is so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It is.
    True,
    /// It is not.
    False,
    /// Nobody knows.
    #[default]
    Unknown,
}

impl Lenient for State {
    fn of_text(text: &str) -> Option<Self> {
        match text {
            "True" => Some(Self::True),
            "False" => Some(Self::False),
            _ => None,
        }
    }
}

/// An object's conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions(Box<[Condition]>);

impl Conditions {
    /// The condition of this kind.
    #[must_use]
    pub fn get(&self, kind: &str) -> Option<&Condition> {
        self.0.iter().find(|condition| &*condition.kind == kind)
    }

    /// Whether it is so; unknown where nothing is said.
    #[must_use]
    pub fn state(&self, kind: &str) -> State {
        self.get(kind).map_or(State::Unknown, |condition| condition.status)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Condition> {
        self.0.iter()
    }
}

impl Lenient for Conditions {
    fn of_list<'de, A: serde::de::SeqAccess<'de>>(list: A) -> Result<Option<Self>, A::Error> {
        Ok(Lenient::of_list(list)?.map(Self))
    }
}

lenient_structs!(Condition);
