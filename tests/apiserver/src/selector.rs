//! Label selectors.

use serde_json::Value;

/// What labels have to be like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

impl Selector {
    /// Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        split(text).into_iter().map(|part| Requirement::parse(part.trim())).collect::<Option<_>>().map(Self)
    }

    pub(crate) fn selects(&self, labels: &Value) -> bool {
        self.0.iter().all(|requirement| requirement.is_met(labels))
    }
}

impl Requirement {
    fn parse(text: &str) -> Option<Self> {
        let set = |rest: &str| {
            let inner = rest.trim().strip_prefix('(')?.strip_suffix(')')?;
            Some(inner.split(',').map(|value| value.trim().to_owned()).collect::<Vec<_>>())
        };
        if let Some((key, rest)) = text.split_once(" notin ") {
            return Some(Self::NotIn(word(key)?, set(rest)?));
        }
        if let Some((key, rest)) = text.split_once(" in ") {
            return Some(Self::In(word(key)?, set(rest)?));
        }
        if let Some((key, value)) = text.split_once("!=") {
            return Some(Self::NotIn(word(key)?, vec![value.trim().to_owned()]));
        }
        if let Some((key, value)) = text.split_once('=') {
            let value = value.strip_prefix('=').unwrap_or(value);
            return Some(Self::In(word(key)?, vec![value.trim().to_owned()]));
        }
        match text.strip_prefix('!') {
            Some(key) => Some(Self::Missing(word(key)?)),
            None => Some(Self::Exists(word(text)?)),
        }
    }

    fn is_met(&self, labels: &Value) -> bool {
        let value = |key: &String| labels.get(key).and_then(Value::as_str);
        match self {
            Self::In(key, values) => value(key).is_some_and(|value| values.iter().any(|other| other == value)),
            Self::NotIn(key, values) => value(key).is_none_or(|value| values.iter().all(|other| other != value)),
            Self::Exists(key) => value(key).is_some(),
            Self::Missing(key) => value(key).is_none(),
        }
    }
}

fn word(text: &str) -> Option<String> {
    let text = text.trim();
    let good = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    (!text.is_empty() && text.chars().all(good)).then(|| text.to_owned())
}

/// At commas that are not within brackets.
fn split(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    text.split(move |c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    })
    .filter(|part| !part.trim().is_empty())
    .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_operator_selects_as_the_api_server_does() {
        let labels = json!({ "app": "vllm", "llm-d.ai/role": "decode" });
        for (text, expected) in [
            ("app=vllm", true),
            ("app==vllm,llm-d.ai/role=decode", true),
            ("app=vllm,llm-d.ai/role=prefill", false),
            ("app!=sglang", true),
            ("tier!=gold", true),
            ("app in (sglang, vllm)", true),
            ("app notin (sglang,vllm)", false),
            ("app,!tier", true),
            ("tier", false),
            ("", true),
        ] {
            assert_eq!(Selector::parse(text).unwrap().selects(&labels), expected, "{text}");
        }
        assert_eq!(Selector::parse("a in b"), None);
        assert_eq!(Selector::parse("a b c"), None);
    }
}
