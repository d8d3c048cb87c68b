//! How long an instance has been computing.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

/// How long a guest may compute before others get a turn on its thread.
const TURN: Duration = Duration::from_millis(5);

/// The time that an instance has computed since it last waited for something.
///
/// The runtime's clock interrupts a guest every few milliseconds, and asks here what to do with it. What counts is the
/// time spent in polls of the instance's event loop: it is set back whenever a poll ends because everything in the
/// instance waits, and kept when it ends because the guest's turn was over.
pub(crate) struct Busy {
    limit: Duration,
    since: Instant,
    /// When the current poll began, in nanoseconds from `since`.
    began: AtomicU64,
    /// The sum of the polls before it, in nanoseconds.
    spent: AtomicU64,
    turn_over: AtomicBool,
}

/// A guest computed for longer than it may.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the instance computed for more than {limit:?}")]
pub(crate) struct CpuDeadlineExceeded {
    limit: Duration,
}

/// What is left of a guest's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    used_up: bool,
}

impl Share {
    pub(crate) fn is_used_up(self) -> bool {
        self.used_up
    }
}

impl Busy {
    /// A count with this limit.
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            limit,
            since: Instant::now(),
            began: AtomicU64::new(0),
            spent: AtomicU64::new(0),
            turn_over: AtomicBool::new(false),
        }
    }

    /// Asked by the clock while the guest computes: whether it may go on, and whether others should have a turn first.
    pub(crate) fn check(&self) -> Result<Share, CpuDeadlineExceeded> {
        let turn = self.now().saturating_sub(self.began.load(Ordering::Relaxed));
        let total = Duration::from_nanos(self.spent.load(Ordering::Relaxed).saturating_add(turn));
        if total > self.limit {
            return Err(CpuDeadlineExceeded { limit: self.limit });
        }
        let used_up = Duration::from_nanos(turn) > TURN;
        if used_up {
            self.turn_over.store(true, Ordering::Relaxed);
        }
        Ok(Share { used_up })
    }

    /// Runs an instance's future, and counts. `before` is called before each poll.
    pub(crate) async fn run<F: Future>(&self, future: F, mut before: impl FnMut()) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            before();
            self.began.store(self.now(), Ordering::Relaxed);
            let polled = future.as_mut().poll(cx);
            self.poll_ended(&polled);
            polled
        })
        .await
    }

    fn poll_ended<T>(&self, polled: &Poll<T>) {
        let spent = self.now().saturating_sub(self.began.load(Ordering::Relaxed));
        if polled.is_pending() && self.turn_over.swap(false, Ordering::Relaxed) {
            self.spent.fetch_add(spent, Ordering::Relaxed);
        } else {
            self.spent.store(0, Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compute(time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {
            std::hint::spin_loop();
        }
    }

    #[tokio::test]
    async fn waiting_sets_the_count_back() {
        let busy = Busy::new(Duration::from_millis(40));
        let waits = async {
            for _ in 0..4 {
                compute(Duration::from_millis(20));
                tokio::time::sleep(Duration::from_millis(1)).await;
                assert!(busy.check().is_ok());
            }
        };
        busy.run(waits, || ()).await;
    }

    #[tokio::test]
    async fn turns_add_up_to_the_limit() {
        let busy = Busy::new(Duration::from_millis(60));
        let start = Instant::now();
        let loops = async {
            loop {
                compute(Duration::from_millis(6));
                match busy.check() {
                    Err(exceeded) => return exceeded,
                    Ok(share) => assert!(share.is_used_up()),
                }
                tokio::task::yield_now().await;
            }
        };
        busy.run(loops, || ()).await;
        assert!(start.elapsed() >= Duration::from_millis(60));
    }
}
