//! A manifest as Spin reads it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, TableLike, Value};

/// A manifest of version 2.
pub struct SpinManifest {
    folder: PathBuf,
    document: DocumentMut,
}

/// An HTTP trigger.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// The paths that it is for.
    pub route: String,
    /// The id of its primary component.
    pub component: String,
    /// Its middleware, outermost first.
    pub middleware: Vec<Dependency>,
}

/// A component.
#[derive(Clone, Debug)]
pub struct Component {
    /// The file.
    pub source: PathBuf,
    /// Where it may call.
    pub allowed_outbound_hosts: Vec<String>,
    /// Its variables: templates.
    pub variables: BTreeMap<String, String>,
    /// What its imports are satisfied with, by name.
    pub dependencies: BTreeMap<String, Dependency>,
}

/// A component that becomes a part of another.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// The file.
    pub source: PathBuf,
    /// What it has of the primary component's capabilities.
    pub inherits: Inherits,
}

/// What of the primary component's capabilities a dependency has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inherits {
    /// All of them.
    All,
    /// Those of these names.
    Some(Vec<String>),
}

impl SpinManifest {
    /// Reads `spin.toml` or another of its kind. Sources are relative to its folder.
    ///
    /// # Panics
    /// When it cannot be read, or is no manifest of version 2.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let document: DocumentMut = text.parse().expect("a manifest is TOML");
        assert_eq!(document["spin_manifest_version"].as_integer(), Some(2));
        Self { folder: path.parent().expect("a file is in a folder").to_owned(), document }
    }

    /// The HTTP triggers.
    ///
    /// # Panics
    /// When one lacks what Spin needs.
    #[must_use]
    pub fn triggers(&self) -> Vec<Trigger> {
        let triggers = self.document["trigger"]["http"].as_array_of_tables().expect("HTTP triggers");
        triggers.iter().map(|table| self.trigger(table)).collect()
    }

    fn trigger(&self, table: &dyn TableLike) -> Trigger {
        let known = ["id", "route", "component", "components", "dependencies", "executor"];
        table.iter().for_each(|(key, _)| assert!(known.contains(&key), "Spin's HTTP trigger has no `{key}`"));
        let middleware = table.get("dependencies").and_then(|dependencies| dependencies.get("middleware"));
        let middleware = middleware.and_then(Item::as_array).into_iter().flatten();
        Trigger {
            route: text(table, "route").expect("a trigger has a route"),
            component: text(table, "component").expect("a trigger has a component"),
            middleware: middleware.map(|entry| self.dependency(entry)).collect(),
        }
    }

    /// A component, by its id.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn component(&self, id: &str) -> Component {
        let words = |id: &str| id.split('-').all(|word| word.starts_with(|c: char| c.is_ascii_lowercase()));
        assert!(words(id), "`{id}` is not in kebab-case");
        let table = self.document["component"].get(id).and_then(Item::as_table_like);
        let table = table.unwrap_or_else(|| panic!("there is no component `{id}`"));
        let list = |key| table.get(key).and_then(Item::as_array).into_iter().flatten();
        let entries = |key| table.get(key).and_then(Item::as_table_like).into_iter().flat_map(TableLike::iter);
        let string = |value: &Value| value.as_str().expect("a string").to_owned();
        Component {
            source: self.folder.join(text(table, "source").expect("a component has a source")),
            allowed_outbound_hosts: list("allowed_outbound_hosts").map(string).collect(),
            variables: entries("variables")
                .map(|(key, item)| (key.to_owned(), string(item.as_value().expect("a value"))))
                .collect(),
            dependencies: entries("dependencies")
                .map(|(key, item)| (key.to_owned(), self.dependency(item.as_value().expect("a value"))))
                .collect(),
        }
    }

    /// `{ path = … }` or `{ component = … }`, with `inherit_configuration`. A component that is a dependency may have
    /// nothing of its own: Spin refuses one that has.
    fn dependency(&self, entry: &Value) -> Dependency {
        let table = entry.as_inline_table().expect("a dependency is a table");
        let source = match (text(table, "path"), text(table, "component")) {
            (Some(path), None) => self.folder.join(path),
            (None, Some(id)) => {
                let component = self.component(&id);
                let own = component.variables.len() + component.allowed_outbound_hosts.len();
                assert_eq!(own + component.dependencies.len(), 0, "`{id}` has capabilities and is a dependency");
                component.source
            }
            _ => panic!("a dependency has a path or a component"),
        };
        let inherits = match table.get("inherit_configuration") {
            Some(Value::Boolean(all)) if *all.value() => Inherits::All,
            Some(Value::Array(some)) => {
                Inherits::Some(some.iter().map(|name| name.as_str().expect("a name").to_owned()).collect())
            }
            _ => Inherits::Some(Vec::new()),
        };
        Dependency { source, inherits }
    }

    /// The component variables of a primary component, resolved: `given` is what the deployment sets.
    ///
    /// # Panics
    /// When a required variable is not given, or a template names one that the application has not.
    #[must_use]
    pub fn variables(&self, component: &Component, given: &[(&str, &str)]) -> BTreeMap<String, String> {
        let resolve = |template: &String| {
            let mut value = String::new();
            let mut rest = template.as_str();
            while let Some((before, after)) = rest.split_once("{{") {
                let (name, after) = after.split_once("}}").expect("`{{` is closed");
                value.push_str(before);
                value.push_str(&self.application_variable(name.trim(), given));
                rest = after;
            }
            value + rest
        };
        component.variables.iter().map(|(name, template)| (name.clone(), resolve(template))).collect()
    }

    fn application_variable(&self, name: &str, given: &[(&str, &str)]) -> String {
        let table = self.document["variables"].get(name).and_then(Item::as_table_like);
        let table = table.unwrap_or_else(|| panic!("there is no variable `{name}`"));
        let given = given.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        given.or_else(|| text(table, "default")).unwrap_or_else(|| panic!("the variable `{name}` is required"))
    }
}

fn text(table: &dyn TableLike, key: &str) -> Option<String> {
    table.get(key).and_then(Item::as_str).map(str::to_owned)
}
