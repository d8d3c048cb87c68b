//! One component, what it may see, and what of its type matters here.

use std::collections::BTreeMap;

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
    /// What messages and pictures call it: a file name, or a role such as `auth`.
    pub name: String,
    /// The binary component.
    pub bytes: Vec<u8>,
    /// What it may see, ask for and call.
    pub access: Access,
}

/// What a part may see, ask for and call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// A part of Weir's own that gets from the host whatever it imports.
    #[default]
    Host,
    /// A part of Weir's own whose configuration is baked and whose secrets are named. All else it gets from the host:
    /// where it calls is in its configuration.
    Settings(Grants),
    /// Somebody else's part: it gets this, and nothing else.
    Granted(Grants),
}

/// What is granted to a part. Secrets are in it by name only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Its configuration.
    pub config: Option<String>,
    /// The secrets that it may ask for: the name that it uses, and the name under which the host has it.
    pub secrets: BTreeMap<String, String>,
    /// The origins that it may call, in lower case, a default port left out. `None` where nobody has said, which will do
    /// only for a part that cannot call.
    pub network: Option<Vec<String>>,
    /// All the environment variables that it sees.
    pub environment: BTreeMap<String, String>,
}

impl Part {
    /// A part of Weir's own called `name`, of these bytes, which gets from the host whatever it imports. The bytes are
    /// looked at when the part is composed.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: bytes.into(), access: Access::Host }
    }

    /// The same part with this access.
    #[must_use]
    pub fn with(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// Whether it is one of Weir's own.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        !matches!(self.access, Access::Granted(_))
    }

    /// What it is granted, if that is bounded.
    #[must_use]
    pub fn grants(&self) -> Option<&Grants> {
        match &self.access {
            Access::Host => None,
            Access::Settings(grants) | Access::Granted(grants) => Some(grants),
        }
    }

    /// Registers the part as the `index`th of `graph`.
    pub(crate) fn register(&self, graph: &mut CompositionGraph, index: usize) -> Result<Registered, ComposeError> {
        // Named by position, not by `self.name`: two parts may be called alike, and names get into the result.
        register(graph, &format!("weir:part{index}"), &self.name, &self.bytes)
    }
}

/// Registers a component under `id`; messages call it `name`.
pub(crate) fn register(
    graph: &mut CompositionGraph,
    id: &str,
    name: &str,
    bytes: &[u8],
) -> Result<Registered, ComposeError> {
    let not_a_component = |source| ComposeError::NotAComponent { part: name.to_owned(), source };
    // The composition library panics on bytes that are cut short, so they are validated first.
    Validator::new_with_features(WasmFeatures::all())
        .validate_all(bytes)
        .map_err(|error| not_a_component(error.into()))?;
    let package = Package::from_bytes(id, None, bytes, graph.types_mut()).map_err(not_a_component)?;
    let names = Names::of(&package, graph.types());
    let id = graph.register_package(package).map_err(|error| ComposeError::Encode(error.into()))?;
    Ok(Registered { id, names })
}

/// A part in a composition graph.
#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) id: PackageId,
    pub(crate) names: Names,
}

/// The names of what a component imports and exports.
#[derive(Clone)]
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
