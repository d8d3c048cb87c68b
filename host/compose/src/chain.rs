//! Chaining: each part's handler becomes the import of the part before it.

use std::collections::BTreeMap;

use wac_graph::{CompositionGraph, EncodeOptions, InstantiationArgumentError, NodeId, PackageId};
use wasmparser::{BinaryReaderError, Parser, Validator, WasmFeatures};

use crate::around::Around;
use crate::bracket::Bracket;
use crate::data::{self, GRANTED};
use crate::describe::{Composed, Description, Digested, sha256};
use crate::imports::{self, Met};
use crate::part::{Access, Grants, HANDLER, Names, Part, Registered, SETTINGS, register};
use crate::{ComposeError, describe};

/// The order in which a chain has Weir's own parts: each needs what the one before it found out.
const ORDER: [&str; 4] = ["auth", "router", "limiter", "translator"];

/// All four in one component.
const FUSED: &str = "gateway";

/// A chain that is to be composed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// The tenant that it is for; `None` for all.
    pub tenant: Option<String>,
    /// The parts, outermost first.
    pub parts: Vec<Part>,
    /// What stands around them.
    pub around: Around,
}

impl Chain {
    /// Composes the chain into one component that exports [`HANDLER`] and says in a custom section what it is made of.
    /// The result depends on nothing but this value.
    ///
    /// # Errors
    /// See [`ComposeError`]; it names the part at fault.
    pub fn compose(&self) -> Result<Composed, ComposeError> {
        let mut wiring = Wiring::new(&self.around);
        let outermost = wiring.chain(&self.parts)?;
        let description = Description::of(self, wiring.known.values().map(|known| known.digested.clone()).collect());
        let component = wiring.finish(outermost)?;
        let bytes = describe::with_section(component, &description)?;
        Ok(Composed { bytes, description })
    }
}

/// Composes `parts`, outermost first, into one component that exports [`HANDLER`], and no more than that.
///
/// Imports that no part satisfies stay open. A single part comes back composed of itself alone, so that what is
/// refused does not depend on how many there are. The result depends on the parts' bytes and order only.
///
/// # Errors
///
/// See [`ComposeError`]; it names the part at fault.
pub fn compose(parts: &[Part]) -> Result<Vec<u8>, ComposeError> {
    let around = Around::default();
    let mut wiring = Wiring::new(&around);
    let outermost = wiring.chain(parts)?;
    wiring.finish(outermost)
}

/// A composition on its way.
pub(crate) struct Wiring<'a> {
    pub(crate) graph: CompositionGraph,
    pub(crate) around: &'a Around,
    /// What stands around the parts, as far as it was wanted: each is in the result once, however often it is
    /// instantiated.
    known: BTreeMap<String, Known>,
    /// The settings below all grants: an instance of `Around::settings`, once it was wanted.
    below: Option<NodeId>,
}

struct Known {
    digested: Digested,
    package: PackageId,
}

impl<'a> Wiring<'a> {
    pub(crate) fn new(around: &'a Around) -> Self {
        Self { graph: CompositionGraph::new(), around, known: BTreeMap::new(), below: None }
    }

    /// The component that exports this handler.
    pub(crate) fn finish(mut self, handler: NodeId) -> Result<Vec<u8>, ComposeError> {
        self.graph.export(handler, HANDLER).map_err(encode)?;
        // The library's own check would go through the code of every part once more, which was done when each was
        // registered. What the composition has added is checked as well as by it.
        let bytes = self.graph.encode(EncodeOptions { validate: false, ..EncodeOptions::default() }).map_err(encode)?;
        check_structure(&bytes).map_err(encode)?;
        Ok(bytes)
    }

    /// Wires all parts, and gives the handler of the outermost.
    fn chain(&mut self, parts: &[Part]) -> Result<NodeId, ComposeError> {
        check_order(parts)?;
        let mut behind: Option<(NodeId, &Part)> = None;
        for (index, part) in parts.iter().enumerate().rev() {
            let registered = part.register(&mut self.graph, index)?;
            check_place(part, &registered.names, behind.map(|(_, inner)| inner))?;
            let inner = behind.map(|(handler, _)| handler);
            let handler = match &part.access {
                Access::Host => self.part(part, &registered, inner, BTreeMap::new())?,
                Access::Settings(grants) => self.part_with_settings(part, &registered, inner, grants)?,
                Access::Granted(grants) => {
                    self.foreign(part, &registered, inner, grants, is_bracketed(parts, index))?
                }
            };
            behind = Some((handler, part));
        }
        behind.map(|(outermost, _)| outermost).ok_or(ComposeError::EmptyChain)
    }

    /// A part of Weir's own whose settings are baked.
    fn part_with_settings(
        &mut self,
        part: &Part,
        registered: &Registered,
        behind: Option<NodeId>,
        grants: &Grants,
    ) -> Result<NodeId, ComposeError> {
        let mut given = BTreeMap::new();
        if registered.names.imports(SETTINGS) {
            let grant = self.grant(part, grants)?;
            given.insert(SETTINGS.to_owned(), self.alias(grant, SETTINGS)?);
        }
        self.part(part, registered, behind, given)
    }

    /// Somebody else's part: whatever it imports is met by its grant, or harmless, or refused. Behind `auth` it stands
    /// between two wardens, so that what Weir's parts tell each other passes by it.
    pub(crate) fn foreign(
        &mut self,
        part: &Part,
        registered: &Registered,
        behind: Option<NodeId>,
        grants: &Grants,
        bracketed: bool,
    ) -> Result<NodeId, ComposeError> {
        imports::check(&part.name, &registered.names, grants.network.is_some())?;
        let bracket = if bracketed { Some(Bracket::new(self, part)?) } else { None };
        let behind = match &bracket {
            Some(bracket) if registered.names.calls_handler() => Some(bracket.inside(self, behind)?),
            _ => behind,
        };
        let (mut given, mut grant) = (BTreeMap::new(), None);
        for import in &registered.names.imports {
            let node = match imports::met(import) {
                Some(Met::Grant(export)) => {
                    let grant = match grant {
                        Some(grant) => grant,
                        None => *grant.insert(self.grant(part, grants)?),
                    };
                    self.alias(grant, export)?
                }
                Some(Met::NoFolders(version)) => {
                    let folders = self.instance("no-folders", &data::no_folders(version)?)?;
                    self.alias(folders, import)?
                }
                Some(Met::Behind | Met::Host) | None => continue,
            };
            given.insert(import.clone(), node);
        }
        let handler = self.part(part, registered, behind, given)?;
        match bracket {
            Some(bracket) => bracket.outside(self, handler),
            None => Ok(handler),
        }
    }

    /// An instance of `grant` of the part's own.
    fn grant(&mut self, part: &Part, grants: &Grants) -> Result<NodeId, ComposeError> {
        let bytes = wanted(self.around.grant.as_deref(), "grant", part)?;
        let data = self.instance("granted", &data::granted(grants)?)?;
        let granted = self.alias(data, GRANTED)?;
        let grant = self.instance("grant", bytes)?;
        self.give(grant, GRANTED, granted)?;
        if let Some(settings) = self.settings()? {
            self.give(grant, SETTINGS, settings)?;
        }
        Ok(grant)
    }

    /// The settings below all grants, where the host has none.
    fn settings(&mut self) -> Result<Option<NodeId>, ComposeError> {
        let Some(bytes) = self.around.settings.as_deref() else {
            return Ok(None);
        };
        if self.below.is_none() {
            let instance = self.instance("settings", bytes)?;
            self.below = Some(self.alias(instance, SETTINGS)?);
        }
        Ok(self.below)
    }

    /// Instantiates a part over the handler of the one behind it and over what it is given, and gives its own handler.
    fn part(
        &mut self,
        part: &Part,
        registered: &Registered,
        behind: Option<NodeId>,
        given: BTreeMap<String, NodeId>,
    ) -> Result<NodeId, ComposeError> {
        let instance = self.graph.instantiate(registered.id);
        let behind = behind.map(|handler| (HANDLER.to_owned(), handler));
        for (import, node) in behind.into_iter().chain(given) {
            self.graph
                .set_instantiation_argument(instance, &import, node)
                .map_err(|error| mismatch(part, &import, error))?;
        }
        self.alias(instance, HANDLER)
    }

    /// An instance of a component that stands around the parts.
    pub(crate) fn instance(&mut self, name: &str, bytes: &[u8]) -> Result<NodeId, ComposeError> {
        let sha256 = sha256(bytes);
        if let Some(known) = self.known.get(&sha256) {
            return Ok(self.graph.instantiate(known.package));
        }
        let number = self.known.len();
        let package = register(&mut self.graph, &format!("weir:around{number}"), name, bytes)?.id;
        let digested = Digested { name: name.to_owned(), sha256: sha256.clone(), bytes: bytes.len() };
        self.known.insert(sha256, Known { digested, package });
        Ok(self.graph.instantiate(package))
    }

    pub(crate) fn alias(&mut self, instance: NodeId, export: &str) -> Result<NodeId, ComposeError> {
        self.graph.alias_instance_export(instance, export).map_err(encode)
    }

    pub(crate) fn give(&mut self, instance: NodeId, import: &str, node: NodeId) -> Result<(), ComposeError> {
        self.graph.set_instantiation_argument(instance, import, node).map_err(encode)
    }
}

/// Whether the part at this place stands between two wardens: somebody else's, behind `auth`.
pub(crate) fn is_bracketed(parts: &[Part], place: usize) -> bool {
    !parts[place].is_ours() && parts[..place].iter().any(|outer| outer.is_ours() && outer.name == "auth")
}

/// A component that a part needs around it.
pub(crate) fn wanted<'a>(
    bytes: Option<&'a [u8]>,
    component: &'static str,
    part: &Part,
) -> Result<&'a [u8], ComposeError> {
    bytes.ok_or_else(|| ComposeError::Missing { part: part.name.clone(), component })
}

fn check_order(parts: &[Part]) -> Result<(), ComposeError> {
    let ranks = |part: &Part| {
        let fused = (part.name == FUSED).then_some((0, ORDER.len() - 1));
        fused.or_else(|| ORDER.iter().position(|name| part.name == *name).map(|rank| (rank, rank)))
    };
    let mut last: Option<(usize, &Part)> = None;
    for part in parts.iter().filter(|part| part.is_ours()) {
        let Some((lowest, highest)) = ranks(part) else { continue };
        match last {
            Some((reached, before)) if reached >= lowest => {
                return Err(ComposeError::Order { part: part.name.clone(), before: before.name.clone() });
            }
            _ => last = Some((highest, part)),
        }
    }
    Ok(())
}

/// Whether a part of these names may stand before another, whatever that one is.
pub(crate) fn check_middleware(part: &Part, names: &Names) -> Result<(), ComposeError> {
    let next = Part::new("the part behind it", Vec::new());
    check_place(part, names, Some(&next))
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

/// The error for an argument that did not fit.
pub(crate) fn mismatch(part: &Part, import: &str, error: InstantiationArgumentError) -> ComposeError {
    ComposeError::Mismatch { part: part.name.clone(), import: import.to_owned(), source: error.into() }
}

/// Validates everything in a component but the bodies of its functions.
fn check_structure(bytes: &[u8]) -> Result<(), BinaryReaderError> {
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    for payload in Parser::new(0).parse_all(bytes) {
        validator.payload(&payload?)?;
    }
    Ok(())
}

pub(crate) fn encode(error: impl Into<anyhow::Error>) -> ComposeError {
    ComposeError::Encode(error.into())
}
