//! Which secrets a part may ask for.

/// The name below of the secret that the part calls `name`; `None` where it is granted none of that name.
#[must_use]
pub fn name_below<'a>(granted: &'a [(String, String)], name: &str) -> Option<&'a str> {
    granted.iter().find(|(own, _)| own == name).map(|(_, below)| below.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_below_is_no_name_of_its_own() {
        let granted = [("token".to_owned(), "part.opa.token".to_owned())];
        assert_eq!(name_below(&granted, "token"), Some("part.opa.token"));
        for name in ["part.opa.token", "Token", "", "backend-claude-key"] {
            assert_eq!(name_below(&granted, name), None, "{name}");
        }
    }
}
