//! How endpoints are connected to: one way for each set of authorities that is trusted, shared by all who trust it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use weir_serve::{ClientBuildError, Dialer};

use crate::model::Trust;

/// The ways to connect, made when an endpoint first needs one.
pub(crate) struct Dialers {
    /// For those who trust whom the client trusts.
    own: Dialer,
    trusting: Mutex<HashMap<Arc<[u8]>, Dialer>>,
}

impl Dialers {
    pub(crate) fn new(own: Dialer) -> Self {
        Self { own, trusting: Mutex::default() }
    }

    /// The one for this trust. Authorities that cannot be read leave nobody to trust: calls fail, and say so.
    pub(crate) fn of(&self, trust: &Trust) -> Result<Dialer, ClientBuildError> {
        let Trust::Authorities { pem, .. } = trust else { return Ok(self.own.clone()) };
        let mut trusting = self.trusting.lock();
        if let Some(known) = trusting.get(pem) {
            return Ok(known.clone());
        }
        let made = self.own.trusting(pem).or_else(|error| {
            tracing::warn!(%error, "the authorities of an endpoint cannot be read: no certificate will do");
            self.own.trusting_nobody()
        })?;
        Ok(trusting.entry(pem.clone()).or_insert(made).clone())
    }

    /// Forgets those that none of these needs any more.
    pub(crate) fn keep<'t>(&self, needed: impl Iterator<Item = &'t Trust>) {
        let mut trusting = self.trusting.lock();
        if trusting.is_empty() {
            return;
        }
        let needed: std::collections::HashSet<&[u8]> = needed
            .filter_map(|trust| match trust {
                Trust::Client => None,
                Trust::Authorities { pem, .. } => Some(&**pem),
            })
            .collect();
        trusting.retain(|pem, _| needed.contains(&**pem));
    }
}
