//! Label selectors, as `kubectl get -l` takes them: whether one can be understood. The API server reads them; here it is
//! told before, with its place, what it would refuse.
//!
//! ```text
//! selector    = requirement { "," requirement }
//! requirement = key | "!" key | key ("=" | "==" | "!=") [value] | key ("in" | "notin") "(" [value] { "," [value] } ")"
//! key         = [ subdomain "/" ] name
//! ```

/// Whether `text` is a label selector. An empty one selects all.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Ok(());
    }
    requirements(text)?.into_iter().try_for_each(requirement)
}

/// Splits at the commas that are not within parentheses.
fn requirements(text: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut start, mut open) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match (c, open) {
            ('(', false) => open = true,
            (')', true) => open = false,
            ('(' | ')', _) => return Err("its parentheses do not match".into()),
            (',', false) => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if open {
        return Err("a `)` is missing".into());
    }
    parts.push(&text[start..]);
    Ok(parts)
}

fn requirement(text: &str) -> Result<(), String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("there is nothing between two commas, or at its end".into());
    }
    if let Some(absent) = text.strip_prefix('!') {
        return key(absent.trim());
    }
    if let Some(list) = text.strip_suffix(')') {
        return set(list);
    }
    match text.split_once('=') {
        None => key(text),
        Some((left, right)) => {
            key(left.strip_suffix('!').unwrap_or(left).trim())?;
            value(right.strip_prefix('=').unwrap_or(right).trim())
        }
    }
}

/// `key in (a, b`, without its last parenthesis.
fn set(text: &str) -> Result<(), String> {
    let (left, values) = text.split_once('(').ok_or("its parentheses do not match")?;
    let left = left.trim_end();
    let operator = left.rsplit(char::is_whitespace).next().unwrap_or_default();
    if !matches!(operator, "in" | "notin") || operator.len() == left.len() {
        return Err(format!("before a list stands a key and `in` or `notin`, not `{left}`"));
    }
    key(left[..left.len() - operator.len()].trim())?;
    values.split(',').try_for_each(|text| value(text.trim()))
}

fn key(text: &str) -> Result<(), String> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    let subdomain = |text: &str| {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        !text.is_empty() && text.len() <= 253 && text.chars().all(good)
    };
    if prefix.is_some_and(|prefix| !subdomain(prefix)) || name.is_empty() || !is_word(name) {
        return Err(format!("`{text}` is no label's key"));
    }
    Ok(())
}

fn value(text: &str) -> Result<(), String> {
    if is_word(text) { Ok(()) } else { Err(format!("`{text}` is no label's value")) }
}

/// At most 63 letters, digits, `-`, `_` and `.`, letters and digits at both ends; or nothing.
fn is_word(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63 && text.chars().all(good) && (text.is_empty() || (text.starts_with(edge) && text.ends_with(edge)))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_kubernetes_documents_is_understood() {
        for good in [
            "",
            " ",
            "team=research",
            "team==research , tier!=test",
            "partition",
            "!partition",
            "environment in (production, qa)",
            "tier notin (frontend,backend),app.kubernetes.io/name=llm",
            "x in (),y=",
            "serving.kserve.io/inferenceservice=a.b_c-d",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_it_is_not_is_refused() {
        for bad in [
            ",",
            "a,",
            "a=b,,c",
            "a b",
            "a in b",
            "in (b)",
            "a within (b)",
            "a in (b",
            "a in b)",
            "a in ((b))",
            "-a",
            "a/b/c",
            "/a",
            "a=b=c",
            "a>1",
            "UPPER.example/x",
            "a=é",
            "!",
            "!=a",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
