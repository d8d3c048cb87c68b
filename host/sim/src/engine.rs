//! A model of a continuous-batching engine, as a step machine.
//!
//! It has no clock and does no I/O: time is an argument, counted from the engine's start, and what happened comes back as
//! [`Output`]s with the moment at which each was due. How often it is asked makes no difference to what happens when.
//!
//! - At most [`EngineParams::max_num_seqs`] sequences run; the others wait, first come, first served.
//! - A sequence holds KV blocks for its prompt and for what it has produced. If none is left, the sequence that was
//!   admitted last is preempted: it gives its blocks back and waits at the head of the queue, to compute them anew.
//! - Prefills share one lane of [`EngineParams::prefill_rate`]; blocks found in the prefix cache cost nothing.
//! - Decoding gets slower as the batch grows, by [`EngineParams::batch_slowdown`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::blocks::{BlockId, BlockPool};
use crate::tokens::Prompt;

/// A moment, counted from the engine's start.
pub type Time = Duration;

/// One sequence in one engine; they count up in order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SequenceId(u64);

/// How large and how fast an engine is.
#[derive(Clone, Debug)]
pub struct EngineParams {
    /// Sequences that run at once.
    pub max_num_seqs: usize,
    /// KV blocks in all.
    pub kv_blocks: usize,
    /// Tokens in a block.
    pub block_size: usize,
    /// From the end of the prefill to the first token.
    pub ttft: Duration,
    /// From token to token, when a sequence runs alone.
    pub tpot: Duration,
    /// How far a single interval strays from its mean: 0.1 is ±10 %.
    pub jitter: f64,
    /// Prompt tokens a second; what the prefix cache holds is free.
    pub prefill_rate: f64,
    /// How much slower a full batch is: 0.5 makes each token take half as long again.
    pub batch_slowdown: f64,
    /// Makes the jitter repeatable.
    pub seed: u64,
}

/// What is asked of the engine: a prompt, and how many tokens shall follow it.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// The prompt and its block hashes.
    pub prompt: Prompt,
    /// Tokens to produce; none for an embedding.
    pub output_tokens: usize,
    /// Replaces [`EngineParams::ttft`] for this sequence.
    pub ttft: Option<Duration>,
    /// Replaces [`EngineParams::tpot`] for this sequence.
    pub tpot: Option<Duration>,
    /// The LoRA adapter that it asks for, for the metrics.
    pub adapter: Option<Arc<str>>,
}

/// What happened to a sequence, and when it was due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// To which one.
    pub id: SequenceId,
    /// When.
    pub at: Time,
    /// What.
    pub event: Event,
}

/// The life of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It left the queue; so many of its prompt tokens were cached. After a preemption this comes again.
    Admitted {
        /// Prompt tokens found in the prefix cache.
        cached: usize,
    },
    /// It produced one more token.
    Token,
    /// It gave way to an older sequence and waits again.
    Preempted,
    /// It is done, and its blocks are free.
    Finished,
}

/// The sequence needs more KV blocks than the engine has.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the sequence needs {needed} KV blocks, and there are {total}")]
pub struct TooLong {
    /// Blocks that it would hold at its end.
    pub needed: usize,
    /// Blocks in all.
    pub total: usize,
}

/// How full an engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Sequences in the batch.
    pub running: usize,
    /// Sequences in the queue.
    pub waiting: usize,
    /// KV blocks that belong to a running sequence.
    pub blocks_used: usize,
    /// KV blocks in all.
    pub blocks_total: usize,
}

/// The engine: see the module.
#[derive(Debug)]
pub struct Engine {
    params: EngineParams,
    pool: BlockPool,
    waiting: VecDeque<Waiting>,
    running: BTreeMap<SequenceId, Running>,
    /// Who does something next. The second part keeps equal moments in the order in which they were planned.
    agenda: BTreeMap<(Time, u64), SequenceId>,
    outputs: Vec<Output>,
    prefill_free: Time,
    now: Time,
    sequences: u64,
    plans: u64,
    admissions: u64,
}

#[derive(Debug)]
struct Waiting {
    id: SequenceId,
    sequence: Sequence,
    produced: usize,
    dice: SmallRng,
}

#[derive(Debug)]
struct Running {
    sequence: Sequence,
    produced: usize,
    dice: SmallRng,
    blocks: Vec<BlockId>,
    due: (Time, u64),
    admission: u64,
}

impl Engine {
    /// An idle engine at time zero.
    #[must_use]
    pub fn new(params: EngineParams) -> Self {
        Self {
            pool: BlockPool::new(params.kv_blocks),
            params,
            waiting: VecDeque::new(),
            running: BTreeMap::new(),
            agenda: BTreeMap::new(),
            outputs: Vec::new(),
            prefill_free: Time::ZERO,
            now: Time::ZERO,
            sequences: 0,
            plans: 0,
            admissions: 0,
        }
    }

    /// Takes a sequence in at `now`.
    ///
    /// # Errors
    /// [`TooLong`] when it could never finish here.
    pub fn add(&mut self, now: Time, sequence: Sequence) -> Result<SequenceId, TooLong> {
        let needed = self.blocks_for(sequence.prompt.tokens + sequence.output_tokens);
        if needed > self.pool.total() {
            return Err(TooLong { needed, total: self.pool.total() });
        }
        self.advance(now);
        self.sequences += 1;
        let id = SequenceId(self.sequences);
        let dice = SmallRng::seed_from_u64(self.params.seed ^ self.sequences.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        self.waiting.push_back(Waiting { id, sequence, produced: 0, dice });
        self.admit(self.now);
        Ok(id)
    }

    /// Ends a sequence at `now`, wherever it is; its blocks are free at once. Answers whether it was still there.
    pub fn cancel(&mut self, now: Time, id: SequenceId) -> bool {
        self.advance(now);
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.id != id);
        let running = self.running.remove(&id);
        let found = running.is_some() || before != self.waiting.len();
        if let Some(running) = running {
            self.agenda.remove(&running.due);
            self.pool.release(running.blocks);
        }
        self.admit(self.now);
        found
    }

    /// Everything that happened up to `now` and was not told yet, in order.
    pub fn poll(&mut self, now: Time) -> Vec<Output> {
        self.advance(now);
        std::mem::take(&mut self.outputs)
    }

    /// When to poll next: the moment of the next event, or `None` while there is nothing to do.
    #[must_use]
    pub fn next_due(&self) -> Option<Time> {
        if !self.outputs.is_empty() {
            return Some(self.now);
        }
        self.agenda.keys().next().map(|(at, _)| *at)
    }

    /// How full it is.
    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            running: self.running.len(),
            waiting: self.waiting.len(),
            blocks_used: self.pool.used(),
            blocks_total: self.pool.total(),
        }
    }

    /// The adapters of the running sequences, and those of the waiting ones.
    #[must_use]
    pub fn adapters(&self) -> (BTreeSet<Arc<str>>, BTreeSet<Arc<str>>) {
        let running = self.running.values().filter_map(|running| running.sequence.adapter.clone()).collect();
        let waiting = self.waiting.iter().filter_map(|waiting| waiting.sequence.adapter.clone()).collect();
        (running, waiting)
    }

    /// Lives through all that is due until `now`, each thing at its own moment: a late call changes nothing.
    fn advance(&mut self, now: Time) {
        while let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= now) {
            let at = entry.key().0;
            let id = entry.remove();
            self.now = self.now.max(at);
            self.step(at, id);
        }
        self.now = self.now.max(now);
    }

    /// The prefill of `id` ended, or its next token is ready.
    fn step(&mut self, at: Time, id: SequenceId) {
        let Some(running) = self.running.get_mut(&id) else { return };
        if running.produced < running.sequence.output_tokens {
            running.produced += 1;
            self.outputs.push(Output { id, at, event: Event::Token });
        }
        if running.produced >= running.sequence.output_tokens {
            self.finish(at, id);
        } else if self.make_room(at, id) {
            self.plan_token(at, id);
        }
    }

    fn finish(&mut self, at: Time, id: SequenceId) {
        if let Some(running) = self.running.remove(&id) {
            self.pool.release(running.blocks);
        }
        self.outputs.push(Output { id, at, event: Event::Finished });
        self.admit(at);
    }

    /// Moves sequences from the queue into the batch, strictly in order: a small one does not overtake a large one.
    fn admit(&mut self, at: Time) {
        while self.running.len() < self.params.max_num_seqs {
            let Some(next) = self.waiting.front() else { return };
            let tokens = next.sequence.prompt.tokens + next.produced;
            let hashes = &next.sequence.prompt.blocks;
            // The last prompt token is always computed: its result is where the first answer token comes from.
            let most = next.sequence.prompt.tokens.saturating_sub(1) / self.params.block_size;
            let hits = self.pool.hits(&hashes[..most.min(hashes.len())]);
            let Some(blocks) = self.pool.take(hashes, hits, self.blocks_for(tokens)) else { return };
            let Some(Waiting { id, sequence, produced, mut dice }) = self.waiting.pop_front() else { return };
            let cached = hits * self.params.block_size;
            let first = self.prefill(at, tokens - cached, &sequence, &mut dice);
            let due = self.plan(first, id);
            self.admissions += 1;
            let admission = self.admissions;
            self.running.insert(id, Running { sequence, produced, dice, blocks, due, admission });
            self.outputs.push(Output { id, at, event: Event::Admitted { cached } });
        }
    }

    /// When the first token after a prefill of `tokens` is ready.
    fn prefill(&mut self, at: Time, tokens: usize, sequence: &Sequence, dice: &mut SmallRng) -> Time {
        #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
        let work = Duration::from_secs_f64(tokens as f64 / self.params.prefill_rate);
        self.prefill_free = self.prefill_free.max(at) + work;
        self.prefill_free + stray(sequence.ttft.unwrap_or(self.params.ttft), self.params.jitter, dice)
    }

    /// Sees to a block for the next token of `id`, at the cost of younger sequences. False: `id` itself had to go.
    fn make_room(&mut self, at: Time, id: SequenceId) -> bool {
        while let Some(running) = self.running.get_mut(&id) {
            let tokens = running.sequence.prompt.tokens + running.produced;
            if running.blocks.len() * self.params.block_size >= tokens {
                return true;
            }
            match self.pool.take_one() {
                Some(block) => running.blocks.push(block),
                None => self.preempt_youngest(at),
            }
        }
        false
    }

    fn preempt_youngest(&mut self, at: Time) {
        let youngest = self.running.iter().max_by_key(|(_, running)| running.admission).map(|(id, _)| *id);
        let Some((id, running)) = youngest.and_then(|id| self.running.remove_entry(&id)) else { return };
        self.agenda.remove(&running.due);
        self.pool.release(running.blocks);
        let Running { sequence, produced, dice, .. } = running;
        self.waiting.push_front(Waiting { id, sequence, produced, dice });
        self.outputs.push(Output { id, at, event: Event::Preempted });
    }

    fn plan_token(&mut self, at: Time, id: SequenceId) {
        let crowd = self.crowd();
        let (tpot, jitter) = (self.params.tpot, self.params.jitter);
        let Some(running) = self.running.get_mut(&id) else { return };
        let pace = running.sequence.tpot.unwrap_or(tpot).mul_f64(crowd);
        let due = at + stray(pace, jitter, &mut running.dice);
        let due = self.plan(due, id);
        if let Some(running) = self.running.get_mut(&id) {
            running.due = due;
        }
    }

    fn plan(&mut self, at: Time, id: SequenceId) -> (Time, u64) {
        self.plans += 1;
        self.agenda.insert((at, self.plans), id);
        (at, self.plans)
    }

    /// What the batch's size does to the time of a token: 1 alone, `1 + batch_slowdown` when full.
    #[expect(clippy::cast_precision_loss, reason = "batch sizes are far below 2^52")]
    fn crowd(&self) -> f64 {
        let others = self.running.len().saturating_sub(1) as f64;
        let most = self.params.max_num_seqs.saturating_sub(1).max(1) as f64;
        1.0 + self.params.batch_slowdown * others / most
    }

    fn blocks_for(&self, tokens: usize) -> usize {
        tokens.max(1).div_ceil(self.params.block_size)
    }

    #[cfg(test)]
    pub(crate) fn check(&self) {
        self.pool.check();
        assert!(self.running.len() <= self.params.max_num_seqs);
        assert_eq!(self.agenda.len(), self.running.len());
        for (id, running) in &self.running {
            assert_eq!(self.agenda.get(&running.due), Some(id));
        }
        if self.running.is_empty() {
            assert_eq!((self.pool.used(), self.waiting.len()), (0, 0));
        }
    }
}

/// `mean`, give or take `jitter` of it.
fn stray(mean: Duration, jitter: f64, dice: &mut SmallRng) -> Duration {
    if jitter <= 0.0 {
        return mean;
    }
    mean.mul_f64((1.0 + dice.random_range(-jitter..=jitter)).max(0.0))
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
