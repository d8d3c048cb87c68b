//! Waiting for a change of what is watched.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Tells that something has changed: the first change at once, those that follow within a short time together. Nothing
/// is told until the picture is complete; that it is, is the first that is told.
#[derive(Debug)]
pub struct Changes {
    generation: watch::Receiver<u64>,
    /// How much is missing from a complete picture.
    missing: Arc<AtomicUsize>,
    /// The generation that was told, and when.
    told: Option<(u64, Instant)>,
    gather: Duration,
}

impl Changes {
    /// Waits until something has changed since the last time; `false`: nobody watches any more.
    ///
    /// Cancelling it loses no change.
    pub async fn next(&mut self) -> bool {
        let (missing, told) = (&self.missing, self.told.map_or(0, |(generation, _)| generation));
        let news = |generation: &u64| *generation > told && missing.load(Ordering::Acquire) == 0;
        if self.generation.wait_for(news).await.is_err() {
            return false;
        }
        if let Some((_, when)) = self.told {
            tokio::time::sleep_until(when + self.gather).await;
        }
        self.told = Some((*self.generation.borrow_and_update(), Instant::now()));
        true
    }
}

/// The side that says so.
#[derive(Clone, Debug)]
pub(crate) struct Bell {
    generation: watch::Sender<u64>,
}

impl Bell {
    pub(crate) fn new() -> Self {
        Self { generation: watch::Sender::new(0) }
    }

    pub(crate) fn ring(&self) {
        self.generation.send_modify(|generation| *generation += 1);
    }

    pub(crate) fn listen(&self, gather: Duration, missing: Arc<AtomicUsize>) -> Changes {
        Changes { generation: self.generation.subscribe(), missing, told: None, gather }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GATHER: Duration = Duration::from_millis(20);

    #[tokio::test(start_paused = true)]
    async fn the_first_is_told_at_once_and_a_thousand_more_together() {
        let bell = Bell::new();
        let mut changes = bell.listen(GATHER, Arc::default());
        let start = Instant::now();
        bell.ring();
        assert!(changes.next().await);
        assert_eq!(start.elapsed(), Duration::ZERO);

        (0..1_000).for_each(|_| bell.ring());
        assert!(changes.next().await);
        assert_eq!(start.elapsed(), GATHER);

        let none = tokio::time::timeout(Duration::from_secs(60), changes.next()).await;
        assert!(none.is_err(), "all of them were told");
        bell.ring();
        assert!(changes.next().await);
        assert_eq!(start.elapsed(), Duration::from_secs(60) + GATHER, "after a quiet time: at once again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_wait_loses_nothing() {
        let bell = Bell::new();
        let mut changes = bell.listen(GATHER, Arc::default());
        bell.ring();
        assert!(changes.next().await);
        bell.ring();
        assert!(tokio::time::timeout(GATHER / 2, changes.next()).await.is_err());
        assert!(tokio::time::timeout(GATHER, changes.next()).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_told_of_a_picture_with_holes() {
        let bell = Bell::new();
        let missing = Arc::new(AtomicUsize::new(1));
        let mut changes = bell.listen(GATHER, Arc::clone(&missing));
        bell.ring();
        assert!(tokio::time::timeout(Duration::from_secs(60), changes.next()).await.is_err());
        missing.store(0, Ordering::Release);
        bell.ring();
        assert!(changes.next().await);
    }

    #[tokio::test]
    async fn it_ends_with_those_who_watch() {
        let bell = Bell::new();
        let mut changes = bell.listen(GATHER, Arc::default());
        drop(bell);
        assert!(!changes.next().await);
    }
}
