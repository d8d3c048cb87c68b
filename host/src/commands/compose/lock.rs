//! `weir.lock`: what each composed file was made of, beside it.
//!
//! It is for people and for version control: one entry for each output, sorted, the same for the same input. With
//! `--locked` a difference is refused, and each thing that differs is named.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use weir_compose::{Composed, Description, sha256};

use crate::exit::Failure;

/// The file's name.
const NAME: &str = "weir.lock";

/// The lock of a folder.
pub(super) struct Lock {
    path: PathBuf,
    content: Content,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    outputs: BTreeMap<String, Entry>,
}

/// What one composed file was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    /// The SHA-256 of the composed file.
    sha256: String,
    /// The SHA-256 of the file of configuration.
    configuration: String,
    /// What it says of itself.
    chain: Description,
}

impl Entry {
    pub(super) fn of(composed: &Composed, configuration: &str) -> Self {
        Self {
            sha256: sha256(&composed.bytes),
            configuration: configuration.to_owned(),
            chain: composed.description.clone(),
        }
    }
}

impl Lock {
    /// The lock beside this output; an empty one where there is none.
    pub(super) fn beside(output: &Path) -> Result<Self, Failure> {
        let path = output.with_file_name(NAME);
        let content = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is not what `weir compose` writes; delete it", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Content { version: Description::VERSION, outputs: BTreeMap::new() }
            }
            Err(error) => return Err(unreadable(&path, error)),
        };
        Ok(Self { path, content })
    }

    /// The lock with this entry for this output.
    pub(super) fn with(mut self, output: &Path, entry: Entry) -> Result<Self, Failure> {
        self.content.outputs.insert(name(output)?, entry);
        Ok(self)
    }

    pub(super) fn write(&self) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(&self.content).map_err(anyhow::Error::from)? + "\n";
        Ok(std::fs::write(&self.path, text).with_context(|| format!("{} cannot be written", self.path.display()))?)
    }

    /// Refuses an entry that differs from the one in the lock.
    pub(super) fn demand(&self, output: &Path, entry: &Entry) -> Result<(), Failure> {
        let (name, path) = (name(output)?, self.path.display());
        let Some(locked) = self.content.outputs.get(&name) else {
            let message = format!("weir: {path} has nothing on `{name}`; compose it once without `--locked`");
            return Err(Failure::Config(message));
        };
        let (locked, found) = (value(locked)?, value(entry)?);
        let mut differences = Vec::new();
        compare("", &locked, &found, &mut differences);
        if differences.is_empty() {
            return Ok(());
        }
        let list = differences.join("\n  ");
        let help = "compose without `--locked` to take this as it is";
        Err(Failure::Config(format!("weir: `{name}` is not what {path} says:\n  {list}\n{help}")))
    }
}

fn name(output: &Path) -> Result<String, Failure> {
    let name = output.file_name().with_context(|| format!("{} is not a file's name", output.display()))?;
    Ok(name.to_string_lossy().into_owned())
}

fn unreadable(path: &Path, error: std::io::Error) -> Failure {
    Failure::Other(anyhow::Error::from(error).context(format!("{} cannot be read", path.display())))
}

fn value(entry: &Entry) -> Result<Value, Failure> {
    Ok(serde_json::to_value(entry).map_err(anyhow::Error::from)?)
}

/// Notes each place where the two differ. The elements of a list are told apart by their names, where they have any.
fn compare(place: &str, locked: &Value, found: &Value, differences: &mut Vec<String>) {
    let below = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
    match (fields(locked), fields(found)) {
        (Some(locked), Some(found)) => {
            for (key, value) in &locked {
                compare(&below(key), value, found.get(key).copied().unwrap_or(&Value::Null), differences);
            }
            for (key, value) in found.iter().filter(|(key, _)| !locked.contains_key(*key)) {
                compare(&below(key), &Value::Null, value, differences);
            }
            let order = |fields: &Fields<'_>| fields.keys().cloned().collect::<Vec<_>>();
            if differences.is_empty() && locked.len() == found.len() && order(&locked) != order(&found) {
                differences.push(format!(
                    "{place}: {} is locked, {} was found",
                    order(&locked).join(", "),
                    order(&found).join(", ")
                ));
            }
        }
        _ if locked != found => {
            differences.push(format!("{place}: {} is locked, {} was found", text(locked), text(found)));
        }
        _ => {}
    }
}

type Fields<'a> = indexmap::IndexMap<String, &'a Value>;

/// The fields of an object, or the elements of a list by name, with their place where the name stands twice.
fn fields(value: &Value) -> Option<Fields<'_>> {
    match value {
        Value::Object(map) => Some(map.iter().map(|(key, value)| (key.clone(), value)).collect()),
        Value::Array(list) => {
            let mut fields = Fields::new();
            for (index, element) in list.iter().enumerate() {
                let name = element.get("name").and_then(Value::as_str)?;
                let key = if fields.contains_key(name) { format!("{name}#{index}") } else { name.to_owned() };
                fields.insert(key, element);
            }
            Some(fields)
        }
        _ => None,
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::String(text) => text.clone(),
        // What is there or not is said, not all that it is made of.
        Value::Object(map) if map.contains_key("sha256") => map["sha256"].as_str().unwrap_or_default().to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn differences(locked: &Value, found: &Value) -> Vec<String> {
        let mut differences = Vec::new();
        compare("", locked, found, &mut differences);
        differences
    }

    #[test]
    fn what_differs_is_named_by_the_part_it_belongs_to() {
        let locked =
            json!({ "sha256": "aa", "parts": [{ "name": "auth", "sha256": "1" }, { "name": "opa", "sha256": "2" }] });
        let mut found = locked.clone();
        assert!(differences(&locked, &found).is_empty());
        found["parts"][1]["sha256"] = json!("3");
        assert_eq!(differences(&locked, &found), ["parts.opa.sha256: 2 is locked, 3 was found"]);
        let found =
            json!({ "sha256": "aa", "parts": [{ "name": "auth", "sha256": "1" }, { "name": "waf", "sha256": "4" }] });
        let expected = ["parts.opa: 2 is locked, nothing was found", "parts.waf: nothing is locked, 4 was found"];
        assert_eq!(differences(&locked, &found), expected);
    }

    #[test]
    fn another_order_is_a_difference() {
        let one = json!({ "parts": [{ "name": "auth" }, { "name": "opa" }] });
        let other = json!({ "parts": [{ "name": "opa" }, { "name": "auth" }] });
        assert_eq!(differences(&one, &other), ["parts: auth, opa is locked, opa, auth was found"]);
    }

    #[test]
    fn a_list_of_names_is_compared_as_a_whole() {
        let one = json!({ "network": ["https://a"], "variables": [] });
        let other = json!({ "network": ["https://a", "https://b"], "variables": [] });
        assert_eq!(
            differences(&one, &other),
            [r#"network: ["https://a"] is locked, ["https://a","https://b"] was found"#]
        );
    }
}
