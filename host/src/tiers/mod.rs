//! The two tiers, made from a configuration and run.

mod connections;
mod discovery;
mod metrics;
mod one;
mod two;

use weir_config::Loaded;

pub(crate) use one::TierOne;
pub(crate) use two::TierTwo;

use crate::exit::Failure;

/// What this process runs: one tier, or both.
pub(crate) struct Tiers {
    /// Tier one.
    pub(crate) one: Option<TierOne>,
    /// Tier two.
    pub(crate) two: Option<TierTwo>,
}

impl Tiers {
    /// Takes another configuration over; what cannot change while it runs stays.
    pub(crate) async fn reload(&self, loaded: &Loaded) -> Result<(), Failure> {
        if let Some(two) = &self.two {
            two.reload(loaded).await?;
        }
        self.one.as_ref().map_or(Ok(()), |one| one.reload(loaded))
    }

    /// Stops gracefully: tier one first, since it still has to settle with tier two.
    pub(crate) async fn stop(&mut self) {
        if let Some(one) = &mut self.one {
            one.drain();
            one.ended().await;
        }
        if let Some(two) = &mut self.two {
            two.drain();
            two.ended().await;
        }
    }
}
