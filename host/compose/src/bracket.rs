//! The wardens around somebody else's part, behind `auth`.
//!
//! From there on Weir's parts tell each other in internal headers who calls, and on the way back what was used. The part
//! in between may read the former and change neither: the outer warden keeps them back, the inner one puts them in the
//! place of what came. The two share a vault, which the part has no way to.

use wac_graph::NodeId;

use crate::chain::{Wiring, wanted};
use crate::part::HANDLER;
use crate::{ComposeError, Part};

/// The vault as the outer warden sees it.
const OUTSIDE: &str = "weir:gateway/vault-outside@0.1.0";
/// The vault as the inner warden sees it.
const INSIDE: &str = "weir:gateway/vault-inside@0.1.0";

/// The two wardens of one part, and their vault.
pub(crate) struct Bracket<'a> {
    outer: &'a [u8],
    inner: &'a [u8],
    vault: NodeId,
}

impl<'a> Bracket<'a> {
    /// Two wardens for `part`, with a vault of their own.
    pub(crate) fn new(wiring: &mut Wiring<'a>, part: &Part) -> Result<Self, ComposeError> {
        let around = wiring.around;
        let outer = wanted(around.warden_outer.as_deref(), "warden-outer", part)?;
        let inner = wanted(around.warden_inner.as_deref(), "warden-inner", part)?;
        let vault = wiring.instance("vault", wanted(around.vault.as_deref(), "vault", part)?)?;
        Ok(Self { outer, inner, vault })
    }

    /// The handler that the part calls, over that of the part behind it; `None` leaves that one open.
    pub(crate) fn inside(&self, wiring: &mut Wiring<'_>, behind: Option<NodeId>) -> Result<NodeId, ComposeError> {
        self.warden(wiring, ("warden-inner", self.inner), INSIDE, behind)
    }

    /// The handler that the part before it calls, over the part's own.
    pub(crate) fn outside(&self, wiring: &mut Wiring<'_>, handler: NodeId) -> Result<NodeId, ComposeError> {
        self.warden(wiring, ("warden-outer", self.outer), OUTSIDE, Some(handler))
    }

    fn warden(
        &self,
        wiring: &mut Wiring<'_>,
        (name, bytes): (&str, &[u8]),
        interface: &str,
        behind: Option<NodeId>,
    ) -> Result<NodeId, ComposeError> {
        let vault = wiring.alias(self.vault, interface)?;
        let warden = wiring.instance(name, bytes)?;
        wiring.give(warden, interface, vault)?;
        if let Some(behind) = behind {
            wiring.give(warden, HANDLER, behind)?;
        }
        wiring.alias(warden, HANDLER)
    }
}
