//! The engine on a real clock: a task that polls it when something is due, and tickets that hand its events on.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};

use crate::answer::Finish;
use crate::engine::{Engine, EngineParams, Event, Load, Output, Sequence, SequenceId, Time, TooLong};
use crate::metrics::{ModelMetrics, Timeline};

/// One model's engine, running.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    state: Mutex<State>,
    wake: Notify,
    start: Instant,
    metrics: ModelMetrics,
    capacity: usize,
}

struct State {
    engine: Engine,
    members: HashMap<SequenceId, Member>,
}

struct Member {
    events: mpsc::UnboundedSender<(usize, Event)>,
    index: usize,
    timeline: Timeline,
    finish: Finish,
}

/// Why the engine takes no more.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Refused {
    #[error("the queue is full: {running} requests are running and {waiting} waiting")]
    Full { running: usize, waiting: usize },
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// The sequences of one request. Dropping it ends those that still run, at once.
pub(crate) struct Ticket {
    shared: Arc<Shared>,
    ids: Vec<SequenceId>,
    events: mpsc::UnboundedReceiver<(usize, Event)>,
}

impl Driver {
    /// Starts an engine that holds at most `max_waiting` in its queue. Needs a Tokio runtime.
    pub(crate) fn start(params: EngineParams, max_waiting: usize, metrics: ModelMetrics) -> Self {
        let capacity = params.max_num_seqs.saturating_add(max_waiting);
        let state = State { engine: Engine::new(params), members: HashMap::new() };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            wake: Notify::new(),
            start: Instant::now(),
            metrics,
            capacity,
        });
        let task = tokio::spawn(run(Arc::clone(&shared)));
        Self { shared, task }
    }

    /// Hands the sequences of one request to the engine.
    pub(crate) fn submit(&self, sequences: Vec<(Sequence, Finish)>) -> Result<Ticket, Refused> {
        let (sender, events) = mpsc::unbounded_channel();
        let mut ticket = Ticket { shared: Arc::clone(&self.shared), ids: Vec::new(), events };
        // Locked after the ticket is made, so that on every way out the lock goes before the ticket, whose drop takes it.
        let mut state = self.shared.state.lock();
        let Load { running, waiting, .. } = state.engine.load();
        if running + waiting + sequences.len() > self.shared.capacity {
            return Err(Refused::Full { running, waiting });
        }
        let now = self.shared.now();
        for (index, (sequence, finish)) in sequences.into_iter().enumerate() {
            let prompt_tokens = sequence.prompt.tokens;
            let id = state.engine.add(now, sequence)?;
            let timeline = Timeline { arrived: now, prompt_tokens, ..Timeline::default() };
            state.members.insert(id, Member { events: sender.clone(), index, timeline, finish });
            ticket.ids.push(id);
        }
        drop(state);
        self.shared.wake.notify_one();
        Ok(ticket)
    }

    /// Brings the gauges up to date.
    pub(crate) fn observe(&self) -> (BTreeSet<Arc<str>>, BTreeSet<Arc<str>>) {
        let mut state = self.shared.state.lock();
        state.pump(self.shared.now(), &self.shared.metrics);
        self.shared.metrics.set_load(state.engine.load());
        state.engine.adapters()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Ticket {
    /// The next event, with the index of its sequence in the request; `None` when all have ended.
    pub(crate) async fn next(&mut self) -> Option<(usize, Event)> {
        self.events.recv().await
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        let now = self.shared.now();
        for id in &self.ids {
            if state.members.remove(id).is_some() && state.engine.cancel(now, *id) {
                self.shared.metrics.aborted();
            }
        }
        drop(state);
        self.shared.wake.notify_one();
    }
}

impl Shared {
    fn now(&self) -> Time {
        self.start.elapsed()
    }
}

impl State {
    fn pump(&mut self, now: Time, metrics: &ModelMetrics) {
        for Output { id, at, event } in self.engine.poll(now) {
            let Some(member) = self.members.get_mut(&id) else { continue };
            member.live(at, event, metrics);
            // A receiver that is gone is about to cancel.
            let _ = member.events.send((member.index, event));
            if event == Event::Finished {
                self.members.remove(&id);
            }
        }
    }
}

impl Member {
    fn live(&mut self, at: Time, event: Event, metrics: &ModelMetrics) {
        let timeline = &mut self.timeline;
        match event {
            Event::Admitted { cached } if timeline.admitted.is_none() => {
                timeline.admitted = Some(at);
                metrics.cache_queries.inc_by(timeline.prompt_tokens as u64);
                metrics.cache_hits.inc_by(cached as u64);
                metrics.prompt_tokens.inc_by(timeline.prompt_tokens as u64);
            }
            Event::Admitted { .. } => {}
            Event::Token => {
                metrics.token(timeline, at);
                timeline.first.get_or_insert(at);
                timeline.last = Some(at);
                timeline.tokens += 1;
            }
            Event::Preempted => {
                metrics.preemptions.inc();
            }
            Event::Finished => {
                let reason = if self.finish == Finish::Length { "length" } else { "stop" };
                metrics.finished(timeline, at, reason);
            }
        }
    }
}

async fn run(shared: Arc<Shared>) {
    loop {
        let due = {
            let mut state = shared.state.lock();
            state.pump(shared.now(), &shared.metrics);
            state.engine.next_due()
        };
        match due {
            Some(at) => {
                tokio::select! {
                    () = sleep_until(shared.start + at) => {}
                    () = shared.wake.notified() => {}
                }
            }
            None => shared.wake.notified().await,
        }
    }
}
