//! Names of models: which can be one, and the one that each object has for itself.

use super::report::Fault;

/// No name is longer, in bytes.
pub(super) const LONGEST: usize = 256;

/// Names under this belong to the namespace that they name, as in KServe's model-based routes.
const PUBLISHERS: &str = "publishers/";

/// Whether an object of this namespace may have this name: it must be readable in one way only, in a body, a path and
/// a header.
pub(super) fn check(name: &str, namespace: &str) -> Result<(), Fault> {
    let shown = || name.chars().take(LONGEST).collect::<String>().escape_debug().to_string();
    let odd = |c: char| c.is_control() || c.is_whitespace() || !c.is_ascii_graphic() || "%\\;?#".contains(c);
    let sound = !name.is_empty()
        && name.len() <= LONGEST
        && !name.contains(odd)
        && name.split('/').all(|segment| !matches!(segment, "" | "." | ".."));
    if !sound {
        return Err(Fault::UnsafeName(shown()));
    }
    let own = || name.strip_prefix(PUBLISHERS).and_then(|rest| rest.strip_prefix(namespace)?.strip_prefix("/models/"));
    if name.starts_with(PUBLISHERS) && own().is_none() {
        return Err(Fault::ReservedName(shown()));
    }
    Ok(())
}

/// The name that a model has whoever else wants its plain one.
pub(super) fn qualified(namespace: &str, name: &str) -> String {
    format!("{PUBLISHERS}{namespace}/models/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_read_in_one_way_only() {
        for name in ["a", "Qwen/Qwen2.5-7B-Instruct", "gpt-oss:20b", "a..b", "publishers/ns/models/a/b", "x@1+2"] {
            assert_eq!(check(name, "ns"), Ok(()), "{name}");
        }
        let long = "x".repeat(257);
        for name in [
            "", "a b", "../a", "a/../b", "a//b", "/a", "a/", "a%2f", "a\\b", "a;b", "a?b", "a#b", "a\u{0}", "\u{7f}",
            "é", "./a", &long,
        ] {
            assert!(matches!(check(name, "ns"), Err(Fault::UnsafeName(_))), "{name:?}");
        }
    }

    #[test]
    fn nobody_takes_the_names_of_another_namespace() {
        for name in ["publishers/other/models/a", "publishers/ns", "publishers/nsx/models/a", "publishers/ns/models"] {
            assert!(matches!(check(name, "ns"), Err(Fault::ReservedName(_))), "{name}");
        }
    }
}
