//! The queue between requests and workers.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// Jobs that wait for a worker, or workers that wait for a job; rarely both.
pub(crate) struct Queue<T> {
    limit: usize,
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    jobs: VecDeque<T>,
    /// Workers that wait, the one that was busy last at the end.
    waiting: Vec<(WorkerId, Waker)>,
}

/// A worker of one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkerId(pub(crate) u64);

/// What became of a job that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// A worker that waited was woken for it.
    Woke,
    /// Every worker is busy or full.
    Waits,
}

/// As many jobs wait as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

impl<T> Queue<T> {
    /// A queue for at most `limit` jobs.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, inner: Mutex::new(Inner { jobs: VecDeque::new(), waiting: Vec::new() }) }
    }

    /// Jobs that wait.
    pub(crate) fn len(&self) -> usize {
        self.inner.lock().jobs.len()
    }

    /// Adds a job; drops it where the queue is full.
    pub(crate) fn push(&self, job: T) -> Result<Pushed, QueueFull> {
        let woken = {
            let mut inner = self.inner.lock();
            if inner.jobs.len() >= self.limit {
                return Err(QueueFull);
            }
            inner.jobs.push_back(job);
            inner.waiting.pop()
        };
        Ok(match woken {
            Some((_, waker)) => {
                waker.wake();
                Pushed::Woke
            }
            None => Pushed::Waits,
        })
    }

    /// The oldest job; where there is none, `worker` waits for one.
    pub(crate) fn poll_pop(&self, worker: WorkerId, cx: &Context<'_>) -> Poll<T> {
        let mut inner = self.inner.lock();
        inner.waiting.retain(|(waiting, _)| *waiting != worker);
        match inner.jobs.pop_front() {
            Some(job) => Poll::Ready(job),
            None => {
                inner.waiting.push((worker, cx.waker().clone()));
                Poll::Pending
            }
        }
    }

    /// The oldest job, if there is one.
    pub(crate) fn pop(&self) -> Option<T> {
        self.inner.lock().jobs.pop_front()
    }

    /// `worker` is at work, and does not wait.
    pub(crate) fn leave(&self, worker: WorkerId) {
        self.inner.lock().waiting.retain(|(waiting, _)| *waiting != worker);
    }

    /// A worker has no room for a job that it may have been woken for: another gets the chance.
    pub(crate) fn pass_on(&self) {
        let next = {
            let mut inner = self.inner.lock();
            if inner.jobs.is_empty() { None } else { inner.waiting.pop() }
        };
        if let Some((_, waker)) = next {
            waker.wake();
        }
    }

    /// Wakes every worker that waits, to look at something else than the queue.
    pub(crate) fn wake_all(&self) {
        let waiting = std::mem::take(&mut self.inner.lock().waiting);
        for (_, waker) in waiting {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Count(AtomicUsize);
    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn worker() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        (count.clone(), Waker::from(count))
    }

    fn woken(count: &Count) -> usize {
        count.0.load(Ordering::Relaxed)
    }

    #[test]
    fn the_worker_that_was_busy_last_is_woken_first() {
        let queue = Queue::new(8);
        let ((first, first_waker), (second, second_waker)) = (worker(), worker());
        assert!(queue.poll_pop(WorkerId(1), &Context::from_waker(&first_waker)).is_pending());
        assert!(queue.poll_pop(WorkerId(2), &Context::from_waker(&second_waker)).is_pending());
        assert_eq!(queue.push('a'), Ok(Pushed::Woke));
        assert_eq!((woken(&first), woken(&second)), (0, 1));
        assert_eq!(queue.push('b'), Ok(Pushed::Woke));
        assert_eq!(queue.push('c'), Ok(Pushed::Waits));
        assert_eq!(queue.poll_pop(WorkerId(2), &Context::from_waker(&second_waker)), Poll::Ready('a'));
    }

    #[test]
    fn a_job_whose_worker_has_no_room_goes_to_the_next() {
        let queue = Queue::new(8);
        let ((first, first_waker), (_, second_waker)) = (worker(), worker());
        assert!(queue.poll_pop(WorkerId(1), &Context::from_waker(&first_waker)).is_pending());
        assert!(queue.poll_pop(WorkerId(2), &Context::from_waker(&second_waker)).is_pending());
        assert_eq!(queue.push('a'), Ok(Pushed::Woke));
        queue.leave(WorkerId(2));
        assert_eq!(woken(&first), 0);
        queue.pass_on();
        assert_eq!(woken(&first), 1);
    }

    #[test]
    fn a_full_queue_takes_no_more() {
        let queue = Queue::new(1);
        assert_eq!(queue.push('a'), Ok(Pushed::Waits));
        assert_eq!(queue.push('b'), Err(QueueFull));
    }
}
