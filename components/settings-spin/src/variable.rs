//! Which variable holds what.

/// The variable that holds the compiled configuration.
pub const CONFIG_VARIABLE: &str = "weir_config";

/// What the names of the variables that hold secrets begin with.
const SECRET_PREFIX: &str = "weir_secret";

/// The variable that holds the secret called `name`: in lower case, with one `_` for each run of characters that are no
/// ASCII letters or digits, and none at the end.
///
/// The result is always a name that Spin takes (see [`is_variable_name`]), and never [`CONFIG_VARIABLE`]. Names that
/// differ in nothing else share a variable; whoever writes a manifest refuses such a pair.
#[must_use]
pub fn secret_variable(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.fold(SECRET_PREFIX.to_owned(), |variable, word| variable + "_" + &word.to_ascii_lowercase())
}

/// Whether Spin takes `name` for a variable: ASCII letters in lower case, digits and single `_`, with a letter at the
/// beginning and no `_` at the end.
#[must_use]
pub fn is_variable_name(name: &str) -> bool {
    let plain = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.split('_').all(plain)
}

/// What Spin said about a variable. It has no `Debug`: the value may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum Found {
    /// Its value.
    Value(String),
    /// The manifest gives the component no such variable.
    Undefined,
    /// The provider of variables failed, for this reason.
    Failed(String),
}

impl Found {
    /// The value, without the white space around it: `spin up --variable NAME=@FILE` takes a file with the line feed at
    /// its end. `None` where there is no such variable or where it is empty: no key is empty, and a variable that is set
    /// to nothing is how deployments spell "none".
    ///
    /// # Errors
    /// The provider's reason, for the operator's log.
    pub fn value(self) -> Result<Option<String>, String> {
        match self {
            Self::Value(value) => Ok(Some(value.trim()).filter(|value| !value.is_empty()).map(str::to_owned)),
            Self::Undefined => Ok(None),
            Self::Failed(reason) => Err(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_variables_that_spin_takes() {
        let cases = [
            ("openai", "weir_secret_openai"),
            ("backend-claude-key", "weir_secret_backend_claude_key"),
            ("OPENAI_API_KEY", "weir_secret_openai_api_key"),
            ("a.b//c d", "weir_secret_a_b_c_d"),
            ("-a--1-", "weir_secret_a_1"),
            ("clé2", "weir_secret_cl_2"),
            ("", "weir_secret"),
            ("\0../weir_config", "weir_secret_weir_config"),
        ];
        for (name, variable) in cases {
            assert_eq!(secret_variable(name), variable);
            assert!(is_variable_name(variable), "{variable}");
            assert_ne!(variable, CONFIG_VARIABLE);
        }
        assert!(is_variable_name(CONFIG_VARIABLE));
    }

    #[test]
    fn names_that_spin_refuses_are_told_apart() {
        for name in ["", "aX", "1bc", "_x", "x.y", "x_", "a__b", "x-y", "é"] {
            assert!(!is_variable_name(name), "{name}");
        }
        for name in ["a", "abc", "a1b2c3", "a_1", "a_1_b_3"] {
            assert!(is_variable_name(name), "{name}");
        }
    }

    #[test]
    fn what_is_undefined_or_empty_is_none_and_a_failure_is_told() {
        assert!(Found::Undefined.value() == Ok(None));
        assert!(Found::Value(String::new()).value() == Ok(None));
        assert!(Found::Value(" \n".into()).value() == Ok(None));
        assert!(Found::Value("1 2\r\n".into()).value() == Ok(Some("1 2".into())));
        assert!(Found::Failed("vault is sealed".into()).value() == Err("vault is sealed".into()));
    }
}
