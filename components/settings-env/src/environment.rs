//! Which variable holds what.

/// The variable that holds the compiled configuration.
pub const CONFIG_VARIABLE: &str = "WEIR_CONFIG";

/// What the names of the variables that hold secrets begin with.
const SECRET_PREFIX: &str = "WEIR_SECRET_";

/// The variable that holds the secret called `name`: in upper case, every character that is no ASCII letter or digit
/// turned into `_`. Names that differ in nothing else share a variable; `weir check` refuses such a pair.
#[must_use]
pub fn secret_variable(name: &str) -> String {
    let mapped = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    SECRET_PREFIX.chars().chain(mapped).collect()
}

/// The variables that a component was given. It has no `Debug`: some of them are secrets.
pub struct Environment(Vec<(String, String)>);

impl Environment {
    /// Of these names and values. Where a name stands twice, the first counts, as for `getenv`.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// The compiled configuration; `None` where the variable is absent or empty.
    #[must_use]
    pub fn config(&self) -> Option<&str> {
        self.value(CONFIG_VARIABLE)
    }

    /// The secret called `name`; `None` where its variable is absent or empty: no key is empty, and a variable that
    /// is set to nothing is how deployments spell "none".
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<&str> {
        self.value(&secret_variable(name))
    }

    fn value(&self, variable: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == variable);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_variables() {
        let cases = [
            ("openai", "WEIR_SECRET_OPENAI"),
            ("openai-key", "WEIR_SECRET_OPENAI_KEY"),
            ("OPENAI_API_KEY", "WEIR_SECRET_OPENAI_API_KEY"),
            ("a.b/c d", "WEIR_SECRET_A_B_C_D"),
            ("clé2", "WEIR_SECRET_CL_2"),
            ("", "WEIR_SECRET_"),
        ];
        for (name, variable) in cases {
            assert_eq!(secret_variable(name), variable);
        }
    }

    #[test]
    fn what_is_absent_or_empty_is_none() {
        let variables = [("WEIR_CONFIG", ""), ("WEIR_SECRET_A", ""), ("WEIR_SECRET_B", "1"), ("WEIR_SECRET_B", "2")];
        let environment = Environment::new(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(environment.config(), None);
        assert_eq!(environment.secret("a"), None);
        assert_eq!(environment.secret("b"), Some("1"));
        assert_eq!(environment.secret("config"), None);
    }

    #[test]
    fn a_secret_name_cannot_reach_another_variable() {
        let environment = Environment::new([("WEIR_CONFIG".to_owned(), "{}".to_owned())]);
        for name in ["../WEIR_CONFIG", "WEIR_CONFIG", "\0WEIR_CONFIG"] {
            assert_eq!(environment.secret(name), None);
        }
    }
}
