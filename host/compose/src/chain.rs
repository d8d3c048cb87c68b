//! Chaining: each part's handler becomes the import of the part before it.

use wac_graph::{CompositionGraph, EncodeOptions, InstantiationArgumentError, NodeId};

use crate::ComposeError;
use crate::part::{HANDLER, Names, Part, Registered};

/// Composes `parts`, outermost first, into one component that exports [`HANDLER`].
///
/// Imports that no part satisfies stay open. A single part comes back composed of itself alone, so that what is
/// refused does not depend on how many there are. The result depends on the parts' bytes and order only.
///
/// # Errors
///
/// See [`ComposeError`]; it names the part at fault.
pub fn compose(parts: &[Part]) -> Result<Vec<u8>, ComposeError> {
    let mut graph = CompositionGraph::new();
    let mut behind: Option<(NodeId, &Part)> = None;
    for (index, part) in parts.iter().enumerate().rev() {
        let registered = part.register(&mut graph, index)?;
        check_place(part, &registered.names, behind.map(|(_, inner)| inner))?;
        let handler = instantiate(&mut graph, part, &registered, behind)?;
        behind = Some((handler, part));
    }
    let (outermost, _) = behind.ok_or(ComposeError::EmptyChain)?;
    graph.export(outermost, HANDLER).map_err(|error| ComposeError::Encode(error.into()))?;
    graph.encode(EncodeOptions::default()).map_err(|error| ComposeError::Encode(error.into()))
}

/// Whether a part of these names may stand before `inner`, or last where there is none.
fn check_place(part: &Part, names: &Names, inner: Option<&Part>) -> Result<(), ComposeError> {
    let part = part.name.clone();
    if !names.exports(HANDLER) {
        return Err(match Names::foreign_handler(&names.exports) {
            Some(found) => ComposeError::WrongHandlerVersion { part, found: found.to_owned() },
            None => ComposeError::NoHandlerExport { part },
        });
    }
    match (inner, names.calls_handler()) {
        (Some(_), true) | (None, false) => Ok(()),
        (None, true) => Err(ComposeError::UnfinishedChain { part }),
        (Some(inner), false) => Err(match Names::foreign_handler(&names.imports) {
            Some(found) => ComposeError::WrongHandlerVersion { part, found: found.to_owned() },
            None => ComposeError::NoHandlerImport { part, inner: inner.name.clone() },
        }),
    }
}

/// Instantiates a part over the handler of the one behind it, and gives its own handler.
fn instantiate(
    graph: &mut CompositionGraph,
    part: &Part,
    registered: &Registered,
    behind: Option<(NodeId, &Part)>,
) -> Result<NodeId, ComposeError> {
    let instance = graph.instantiate(registered.id);
    if let Some((handler, inner)) = behind {
        graph.set_instantiation_argument(instance, HANDLER, handler).map_err(|error| mismatch(part, inner, error))?;
    }
    graph.alias_instance_export(instance, HANDLER).map_err(|error| ComposeError::Encode(error.into()))
}

/// The error for an argument that did not fit.
pub(crate) fn mismatch(part: &Part, provider: &Part, error: InstantiationArgumentError) -> ComposeError {
    ComposeError::Mismatch { part: part.name.clone(), provider: provider.name.clone(), source: error.into() }
}
