//! One component, and what of its type matters here.

use wac_graph::types::{ItemKind, Package, Types};
use wac_graph::{CompositionGraph, PackageId};
use wasmparser::{Validator, WasmFeatures};

use crate::ComposeError;

/// The interface by whose literal name parts are chained.
pub const HANDLER: &str = "wasi:http/handler@0.3.0";

/// The interface through which a part gets its configuration and secrets.
pub const SETTINGS: &str = "weir:gateway/settings@0.1.0";

/// One component of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What messages call it: a file name, or a role such as `auth`. It does not get into the result.
    pub name: String,
    /// The binary component.
    pub bytes: Vec<u8>,
}

impl Part {
    /// A part called `name`, of these bytes. They are looked at when the part is composed.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }

    /// Registers the part as the `index`th of `graph`.
    pub(crate) fn register(&self, graph: &mut CompositionGraph, index: usize) -> Result<Registered, ComposeError> {
        let not_a_component = |source| ComposeError::NotAComponent { part: self.name.clone(), source };
        // The composition library panics on bytes that are cut short, so they are validated first.
        Validator::new_with_features(WasmFeatures::all())
            .validate_all(&self.bytes)
            .map_err(|error| not_a_component(error.into()))?;
        // Named by position, not by `self.name`: two parts may be called alike, and names get into the result.
        let package = Package::from_bytes(&format!("weir:part{index}"), None, self.bytes.as_slice(), graph.types_mut())
            .map_err(not_a_component)?;
        let names = Names::of(&package, graph.types());
        let id = graph.register_package(package).map_err(|error| ComposeError::Encode(error.into()))?;
        Ok(Registered { id, names })
    }
}

/// A part in a composition graph.
pub(crate) struct Registered {
    pub(crate) id: PackageId,
    pub(crate) names: Names,
}

/// The names of what a component imports and exports.
pub(crate) struct Names {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    calls_handler: bool,
}

impl Names {
    fn of(package: &Package, types: &Types) -> Self {
        let world = &types[package.ty()];
        Self {
            imports: world.imports.keys().cloned().collect(),
            exports: world.exports.keys().cloned().collect(),
            calls_handler: world.imports.get(HANDLER).is_some_and(|import| has_function(*import, types)),
        }
    }

    /// Whether the component can call a handler behind it. A service that was made from a world with both sides imports
    /// the interface for its types only, and calls nothing.
    pub(crate) fn calls_handler(&self) -> bool {
        self.calls_handler
    }

    pub(crate) fn imports(&self, name: &str) -> bool {
        self.imports.iter().any(|import| import == name)
    }

    pub(crate) fn exports(&self, name: &str) -> bool {
        self.exports.iter().any(|export| export == name)
    }

    /// The HTTP handler of another version that is among `names`, if any: for messages.
    pub(crate) fn foreign_handler(names: &[String]) -> Option<&str> {
        let family = ["wasi:http/handler@", "wasi:http/incoming-handler@"];
        names.iter().map(String::as_str).find(|name| *name != HANDLER && family.iter().any(|f| name.starts_with(f)))
    }
}

fn has_function(import: ItemKind, types: &Types) -> bool {
    match import {
        ItemKind::Instance(interface) => {
            types[interface].exports.values().any(|export| matches!(export, ItemKind::Func(_)))
        }
        _ => false,
    }
}
