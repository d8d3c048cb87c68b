//! A graceful stop, as a value that can be cloned and asked.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Starts the stop of everything that holds the [`Shutdown`] it was made with.
///
/// Dropping it starts nothing.
#[derive(Debug)]
pub struct ShutdownTrigger(watch::Sender<Phase>);

/// Says whether the process is stopping. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<Phase>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    Draining { until: Instant },
}

impl Shutdown {
    /// A trigger, and what it triggers.
    #[must_use]
    pub fn new() -> (ShutdownTrigger, Self) {
        let (sender, receiver) = watch::channel(Phase::Running);
        (ShutdownTrigger(sender), Self(receiver))
    }

    /// Whether the stop has begun: `/readyz` answers 503 from now on.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        *self.0.borrow() != Phase::Running
    }

    /// The end of the grace, once the stop has begun.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match *self.0.borrow() {
            Phase::Running => None,
            Phase::Draining { until } => Some(until),
        }
    }

    /// Completes when the stop begins, with the end of the grace; never if its trigger is dropped
    /// before that. Cancel safe.
    pub async fn draining(&self) -> Instant {
        let mut phase = self.0.clone();
        loop {
            if let Phase::Draining { until } = *phase.borrow_and_update() {
                return until;
            }
            if phase.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Completes when the grace is over. A streaming service that watches it has a moment
    /// (`ServeLimits::linger`) to end its stream with an error event before it is cut.
    pub async fn expired(&self) {
        let mut phase = self.0.clone();
        let mut until = self.draining().await;
        loop {
            // A second, shorter `drain` moves the deadline.
            tokio::select! {
                () = tokio::time::sleep_until(until) => return,
                changed = phase.changed() => match changed {
                    Ok(()) => until = self.draining().await,
                    Err(_) => return tokio::time::sleep_until(until).await,
                },
            }
        }
    }
}

impl ShutdownTrigger {
    /// Begins the stop: listeners stop accepting at once, requests in flight have `grace` to end.
    /// Called again, it moves the deadline (a second signal drains with no grace).
    pub fn drain(&self, grace: Duration) {
        let until = Instant::now() + grace;
        self.0.send_replace(Phase::Draining { until });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_drain_moves_the_deadline() {
        let (trigger, shutdown) = Shutdown::new();
        assert!(!shutdown.is_draining());
        assert_eq!(shutdown.deadline(), None);

        trigger.drain(Duration::from_secs(60));
        assert!(shutdown.is_draining());
        let started = Instant::now();
        let waiting = tokio::spawn(async move { shutdown.expired().await });
        tokio::time::sleep(Duration::from_secs(1)).await;
        trigger.drain(Duration::ZERO);
        waiting.await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_trigger_starts_nothing() {
        let (trigger, shutdown) = Shutdown::new();
        drop(trigger);
        let waited = tokio::time::timeout(Duration::from_secs(3600), shutdown.draining()).await;
        assert!(waited.is_err());
        assert!(!shutdown.is_draining());
    }
}
