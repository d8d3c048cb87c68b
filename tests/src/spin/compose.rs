//! Composing, in Spin's order.

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, NodeId, PackageId};

use super::{Dependency, Inherits, SpinManifest, Trigger};

/// The name by which Spin chains.
const HANDLER: &str = "wasi:http/handler@0.3.0";

/// The capabilities, by the names that manifests have for them, and the interfaces that each stands for.
const CAPABILITIES: [(&str, &[&str]); 3] = [
    ("allowed_outbound_hosts", &["wasi:http/client@0.3.0"]),
    ("environment", &["wasi:cli/environment@0.2.6", "wasi:cli/environment@0.3.0"]),
    ("variables", &["spin:variables/variables@3.0.0"]),
];

/// Composes what a trigger runs: first the primary component with its own dependencies, then the middleware in front of
/// it, the innermost first. `deny` is the component that stands in for what a dependency does not inherit.
///
/// # Panics
/// When a file cannot be read, or two do not fit together.
#[must_use]
pub fn compose(manifest: &SpinManifest, trigger: &Trigger, deny: &[u8]) -> Vec<u8> {
    let primary = manifest.component(&trigger.component);
    let mut composed = read(&primary.source);
    for (name, dependency) in &primary.dependencies {
        composed = plug(&composed, &inheriting(dependency, deny), |import| satisfies(name, import));
    }
    if trigger.middleware.is_empty() {
        return composed;
    }
    let outer: Vec<_> = trigger.middleware.iter().map(|middleware| inheriting(middleware, deny)).collect();
    chain(&outer, &composed)
}

/// The names of what a component imports.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn imports(component: &[u8]) -> Vec<String> {
    register(&mut CompositionGraph::new(), "component", component).1
}

/// The component of a dependency, with everything that it does not inherit denied.
fn inheriting(dependency: &Dependency, deny: &[u8]) -> Vec<u8> {
    let source = read(&dependency.source);
    let allowed = |interface: &str| {
        CAPABILITIES.iter().any(|(capability, interfaces)| {
            let inherited = match &dependency.inherits {
                Inherits::All => true,
                Inherits::Some(names) => names.iter().any(|name| name == capability),
            };
            inherited && interfaces.contains(&interface)
        })
    };
    plug(&source, deny, |import| !allowed(import))
}

/// Gives `socket` those exports of `plug` that it imports and that `wanted` accepts. Where there is none, it comes back
/// as it was.
fn plug(socket: &[u8], plug: &[u8], wanted: impl Fn(&str) -> bool) -> Vec<u8> {
    let mut graph = CompositionGraph::new();
    let (socket_id, imports, exports) = register(&mut graph, "socket", socket);
    let (plug_id, _, provided) = register(&mut graph, "plug", plug);
    let matching: Vec<_> = provided.into_iter().filter(|name| imports.contains(name) && wanted(name)).collect();
    if matching.is_empty() {
        return socket.to_vec();
    }
    let giver = graph.instantiate(plug_id);
    let taker = graph.instantiate(socket_id);
    for name in matching {
        let export = graph.alias_instance_export(giver, &name).expect("it is exported");
        graph.set_instantiation_argument(taker, &name, export).expect("it is of the same type");
    }
    for name in exports {
        let export = graph.alias_instance_export(taker, &name).expect("it is exported");
        graph.export(export, &name).expect("each name once");
    }
    graph.encode(EncodeOptions::default()).expect("a component")
}

/// Whether a dependency called `name` is for `import`: a package, an interface, or an interface of a version.
fn satisfies(name: &str, import: &str) -> bool {
    let unversioned = import.split('@').next().unwrap_or(import);
    let package = unversioned.split('/').next().unwrap_or(unversioned);
    [import, unversioned, package].contains(&name)
}

/// Puts `outer`, outermost first, in front of `primary`.
fn chain(outer: &[Vec<u8>], primary: &[u8]) -> Vec<u8> {
    let mut graph = CompositionGraph::new();
    let (primary, _, _) = register(&mut graph, "primary", primary);
    let innermost = graph.instantiate(primary);
    let mut handler = handler_of(&mut graph, innermost);
    for (index, middleware) in outer.iter().enumerate().rev() {
        let (package, _, _) = register(&mut graph, &format!("middleware{index}"), middleware);
        let instance = graph.instantiate(package);
        graph.set_instantiation_argument(instance, HANDLER, handler).expect("middleware imports the handler");
        handler = handler_of(&mut graph, instance);
    }
    graph.export(handler, HANDLER).expect("the only export");
    graph.encode(EncodeOptions::default()).expect("a component")
}

fn handler_of(graph: &mut CompositionGraph, instance: NodeId) -> NodeId {
    graph.alias_instance_export(instance, HANDLER).expect("a part exports the handler")
}

/// The package, and the names of its imports and exports.
fn register(graph: &mut CompositionGraph, name: &str, bytes: &[u8]) -> (PackageId, Vec<String>, Vec<String>) {
    let package = Package::from_bytes(name, None, bytes, graph.types_mut()).expect("a component");
    let world = &graph.types()[package.ty()];
    let imports = world.imports.keys().cloned().collect();
    let exports = world.exports.keys().cloned().collect();
    (graph.register_package(package).expect("each name once"), imports, exports)
}

fn read(path: &std::path::Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}: build the components first", path.display()))
}

/// Gives what was composed its variables, as Spin's host does: with a component that reads them out of the environment.
pub(super) fn with_variables(composed: &[u8], variables: &[u8]) -> Vec<u8> {
    plug(composed, variables, |_| true)
}
