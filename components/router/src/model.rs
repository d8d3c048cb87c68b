//! The name of a model, as a caller writes it.

use std::fmt;

use weir_core::{ErrorKind, GatewayError};

/// A name that is safe wherever it may end up: in a path, a query, a header, a log line.
///
/// It may have `/` inside, as `meta-llama/Llama-3.1-8B` has, but no empty or dot segment, nothing that ends a path or
/// starts an escape (`?`, `#`, `%`, `\`), and no control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelName(String);

impl ModelName {
    /// Takes a name of at most `max_bytes`.
    ///
    /// # Errors
    /// `InvalidRequest` that points at `model`.
    pub fn new(name: String, max_bytes: usize) -> Result<Self, GatewayError> {
        let fault = if name.is_empty() {
            "must not be empty".to_owned()
        } else if name.len() > max_bytes {
            format!("is longer than {max_bytes} bytes")
        } else if name.chars().any(char::is_control) {
            "holds a control character".to_owned()
        } else if name.trim() != name {
            "begins or ends with white space".to_owned()
        } else if let Some(c) = name.chars().find(|c| matches!(c, '?' | '#' | '%' | '\\')) {
            format!("holds `{c}`, which no model's name may")
        } else if name.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            "holds an empty or a dot segment".to_owned()
        } else {
            return Ok(Self(name));
        };
        Err(GatewayError::new(ErrorKind::InvalidRequest, format!("the model's name {fault}")).with_param("model"))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.0
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e5_names_that_could_leave_their_place_are_refused() {
        for safe in
            ["gpt-4o", "meta-llama/Llama-3.1-8B", "ft:gpt-4o:org::id", "claude@2", "a b", "modèle", "..x", "x.."]
        {
            assert!(ModelName::new(safe.to_owned(), 256).is_ok(), "{safe}");
        }
        for unsafe_name in [
            "",
            "../../x",
            "a/../b",
            "a/./b",
            "a//b",
            "/a",
            "a/",
            ".",
            "..",
            "a?b",
            "a#b",
            "%2f",
            "a%2e",
            "a\\b",
            "a\nb",
            "a\0b",
            "a\u{7f}",
            "a\u{85}b",
            " a",
            "a\u{2003}",
        ] {
            let error = ModelName::new(unsafe_name.to_owned(), 256).unwrap_err();
            assert_eq!((error.status(), error.param()), (400, Some("model")), "{unsafe_name:?}");
        }
        assert!(ModelName::new("m".repeat(257), 256).is_err());
    }
}
