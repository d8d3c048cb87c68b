//! Plugging: one component's exports become the imports of another, which otherwise stays what it was.

use wac_graph::{CompositionGraph, EncodeOptions};

use crate::ComposeError;
use crate::chain::mismatch;
use crate::part::Part;

/// Gives `part` what `provider` exports, by literal name, and keeps all that `part` exports.
///
/// Used to give each part its settings where the platform has none, such as `settings-env` for
/// [`SETTINGS`](crate::SETTINGS). What neither provides for stays open.
///
/// # Errors
///
/// [`ComposeError::NothingToPlug`] where no name matches, [`ComposeError::Mismatch`] where a type does not, and
/// [`ComposeError::NotAComponent`].
pub fn plug(part: &Part, provider: &Part) -> Result<Vec<u8>, ComposeError> {
    let mut graph = CompositionGraph::new();
    let socket = part.register(&mut graph, 0)?;
    let plug = provider.register(&mut graph, 1)?;
    let wanted: Vec<_> = plug.names.exports.iter().filter(|name| socket.names.imports(name)).collect();
    if wanted.is_empty() {
        return Err(ComposeError::NothingToPlug { part: part.name.clone(), provider: provider.name.clone() });
    }
    let encode = |error: anyhow::Error| ComposeError::Encode(error);
    let giver = graph.instantiate(plug.id);
    let taker = graph.instantiate(socket.id);
    for name in wanted {
        let export = graph.alias_instance_export(giver, name).map_err(|error| encode(error.into()))?;
        graph.set_instantiation_argument(taker, name, export).map_err(|error| mismatch(part, name, error))?;
    }
    for name in &socket.names.exports {
        let export = graph.alias_instance_export(taker, name).map_err(|error| encode(error.into()))?;
        graph.export(export, name).map_err(|error| encode(error.into()))?;
    }
    graph.encode(EncodeOptions::default()).map_err(|error| encode(error.into()))
}
