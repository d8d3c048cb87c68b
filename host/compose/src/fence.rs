//! One part of somebody else's as a middleware of its own, for a runtime that chains by itself.

use crate::chain::{Wiring, check_middleware};
use crate::part::{Access, Part};
use crate::{Around, ComposeError};

/// Puts somebody else's `part` behind the fence that it has in a composed chain: over its grant, and between two wardens
/// where it stands `behind_auth`. What comes back is a middleware that still imports the handler behind it.
///
/// # Errors
/// See [`ComposeError`]: a part that calls no handler, or that imports what was not granted. A part of Weir's own has no
/// fence, and comes back as it is.
pub fn fence(part: &Part, behind_auth: bool, around: &Around) -> Result<Vec<u8>, ComposeError> {
    let Access::Granted(grants) = &part.access else { return Ok(part.bytes.clone()) };
    let mut wiring = Wiring::new(around);
    let registered = part.register(&mut wiring.graph, 0)?;
    check_middleware(part, &registered.names)?;
    let handler = wiring.foreign(part, &registered, None, grants, behind_auth)?;
    wiring.finish(handler)
}
