//! Names that Spin takes, made of ours.

/// The id of a component: words of lower-case letters and digits that begin with a letter, with `-` between them. `None`
/// where `name` has no ASCII letter.
pub(crate) fn kebab(name: &str) -> Option<String> {
    words(name, '-')
}

/// The same for a part of a variable's name, with `_` between the words.
pub(crate) fn snake(name: &str) -> Option<String> {
    words(name, '_')
}

/// A word that begins with a digit is not one for every Spin: it is joined to the word before it.
fn words(name: &str, between: char) -> Option<String> {
    let mut made = String::new();
    for word in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let begins_with_letter = word.starts_with(|c: char| c.is_ascii_alphabetic());
        if made.is_empty() && !begins_with_letter {
            made.push('x');
        } else if begins_with_letter && !made.is_empty() {
            made.push(between);
        }
        made.push_str(&word.to_ascii_lowercase());
    }
    made.contains(|c: char| c.is_ascii_alphanumeric()).then_some(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_words_that_begin_with_letters() {
        let cases = [
            ("auth", Some("auth")),
            ("My_Filter.v2", Some("my-filter-v2")),
            ("opa-1.2", Some("opa12")),
            ("2fa", Some("x2fa")),
            ("--a--", Some("a")),
            ("é", None),
            ("", None),
        ];
        for (name, id) in cases {
            assert_eq!(kebab(name).as_deref(), id, "{name}");
        }
        assert_eq!(snake("team-a.b").as_deref(), Some("team_a_b"));
    }
}
