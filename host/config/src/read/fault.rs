//! What goes wrong while the types are read from the tree.

use std::fmt;

use serde::de::{Error, Expected, Unexpected};

/// A fault on its way up to the node that it belongs to, where it becomes a [`Mistake`](crate::report::Mistake).
#[derive(Debug)]
pub(super) enum Fault {
    /// It has been told already.
    Told,
    /// A key that must be there is not.
    Missing(&'static str),
    /// A word that is none of the words that can stand there.
    Word { found: String, words: &'static [&'static str] },
    /// Something else.
    Other(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told => f.write_str("told"),
            Self::Missing(key) => write!(f, "`{key}` is missing"),
            Self::Word { found, .. } => write!(f, "`{found}` cannot stand here"),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Fault {}

impl Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Other(message.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::Word { found: variant.to_owned(), words: expected }
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Other(format!("expected {expected}"))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::Other(format!("{found} is out of range: expected {expected}"))
    }
}

/// The word that `found` was probably meant to be.
pub(crate) fn nearest<'a>(found: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const FAR: usize = 100;
    let fold = |word: &str| word.to_lowercase().replace('-', "_");
    let folded = fold(found);
    let distance = |word: &str| {
        let other = fold(word);
        match strsim::damerau_levenshtein(&folded, &other) {
            near if near <= 1 + other.len().min(folded.len()) / 4 => Some(near),
            _ if other.len() > 2 && folded.len() > 2 && (folded.contains(&other) || other.contains(&folded)) => {
                Some(FAR)
            }
            _ => None,
        }
    };
    words.into_iter().filter_map(|word| Some((distance(word)?, word))).min_by_key(|(far, _)| *far).map(|(_, word)| word)
}
