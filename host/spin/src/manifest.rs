//! The manifest as text (version 2 of the format).

use std::fmt;

use toml_edit::{Array, DocumentMut, InlineTable, Item, Key, Table, Value, value};

use crate::application::{Application, Configuration};
use crate::plan::{Plan, Trigger};

const HEAD: &str = "\
# Tier one of Weir, for Spin 4.1 or newer. Made by `weir compose --spin`: change the configuration and make it again.

";
const VARIABLES: &str = "
# Configurations hold secrets by name only. What is `required` is set at deployment, for example with
# `spin up --variable NAME=@FILE`.
";
const MIDDLEWARE: &str = "
# Middleware has nothing of its own: what it inherits, it has from the component of the trigger that runs it.
";

/// A Spin manifest. [`Display`](fmt::Display) gives the text.
#[derive(Clone, Debug)]
pub struct Manifest(DocumentMut);

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Manifest {
    pub(crate) fn of(application: &Application, plan: &Plan) -> Self {
        let mut document = DocumentMut::new();
        document.insert("spin_manifest_version", value(2));
        document.decor_mut().set_prefix(HEAD);
        document.insert("application", Item::Table(about(application)));
        document.insert("variables", Item::Table(variables(plan)));
        let triggers = plan.triggers.iter().map(trigger).collect();
        let mut http = implicit();
        http.insert("http", Item::ArrayOfTables(triggers));
        document.insert("trigger", Item::Table(http));
        document.insert("component", Item::Table(components(plan)));
        Self(document)
    }
}

fn about(application: &Application) -> Table {
    let mut table = Table::new();
    table.insert("name", value(&application.name));
    table.insert("version", value(&application.version));
    table.insert("description", value("Weir, tier one: who calls, where it goes, how much may be used"));
    table
}

fn variables(plan: &Plan) -> Table {
    let mut table = Table::new();
    table.decor_mut().set_prefix(VARIABLES);
    for (name, configuration) in &plan.configurations {
        let mut entry = InlineTable::new();
        match configuration {
            Configuration::Default(text) => entry.insert("default", text.into()),
            Configuration::Required => entry.insert("required", true.into()),
        };
        table.insert(name, value(entry));
    }
    for name in plan.secrets.keys() {
        table.insert(name, value(InlineTable::from_iter([("required", true), ("secret", true)])));
    }
    table
}

fn trigger(trigger: &Trigger) -> Table {
    let mut table = Table::new();
    if let Some(tenant) = &trigger.tenant {
        table.decor_mut().set_prefix(format!("\n# The tenant {}\n", one_line(tenant)));
    }
    table.insert("route", value(&trigger.route));
    table.insert("component", value(&trigger.component));
    if !trigger.middleware.is_empty() {
        let mut dependencies = Table::new();
        dependencies.set_dotted(true);
        dependencies.insert_formatted(&Key::new("middleware"), value(middleware(trigger)));
        table.insert("dependencies", Item::Table(dependencies));
    }
    table
}

/// Outermost first, one a line.
fn middleware(trigger: &Trigger) -> Array {
    let mut array = Array::new();
    for (component, inherits) in &trigger.middleware {
        let inherited: Value = match inherits.as_slice() {
            [] => false.into(),
            some => some.iter().map(|capability| capability.as_str()).collect::<Array>().into(),
        };
        let entry: InlineTable =
            [("component", Value::from(component)), ("inherit_configuration", inherited)].into_iter().collect();
        let mut entry = Value::from(entry);
        entry.decor_mut().set_prefix("\n    ");
        array.push_formatted(entry);
    }
    array.set_trailing("\n");
    array.set_trailing_comma(true);
    array
}

fn components(plan: &Plan) -> Table {
    let mut table = implicit();
    for trigger in &plan.triggers {
        table.insert(&trigger.component, Item::Table(primary(trigger)));
    }
    for (index, (id, source)) in plan.middleware.iter().enumerate() {
        let mut component = Table::new();
        if index == 0 {
            component.decor_mut().set_prefix(MIDDLEWARE);
        }
        component.insert("source", value(source));
        table.insert(id, Item::Table(component));
    }
    table
}

fn primary(trigger: &Trigger) -> Table {
    let mut component = Table::new();
    component.insert("source", value(&trigger.source));
    if !trigger.hosts.is_empty() {
        component.insert("allowed_outbound_hosts", value(trigger.hosts.iter().collect::<Array>()));
    }
    let mut variables = Table::new();
    for (variable, from) in &trigger.variables {
        variables.insert(variable, value(format!("{{{{ {from} }}}}")));
    }
    component.insert("variables", Item::Table(variables));
    component
}

/// A table that is there for its children only.
fn implicit() -> Table {
    let mut table = Table::new();
    table.set_implicit(true);
    table
}

/// A name in a comment must not end it.
fn one_line(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).collect()
}
