//! Tools in namespaces, which responses alone has: elsewhere a tool has one name.
//!
//! Within a conversation such a tool is called `<namespace>::<name>`. No provider takes colons in a name, so none that a
//! client gave is mistaken for one.

/// What stands between a namespace and a name.
pub(crate) const SEPARATOR: &str = "::";

/// The one name of a tool in a namespace.
#[must_use]
pub fn join(namespace: &str, name: &str) -> String {
    [namespace, SEPARATOR, name].concat()
}

/// The namespace of a tool, where it has one, and its name there.
#[must_use]
pub fn split(name: &str) -> (Option<&str>, &str) {
    match name.split_once(SEPARATOR) {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, name),
    }
}

/// The name that a target without namespaces may be given, unless another tool has it already or it is too long.
pub(super) fn flat(name: &str) -> Option<String> {
    name.split_once(SEPARATOR).map(|(namespace, name)| format!("{namespace}__{name}"))
}
