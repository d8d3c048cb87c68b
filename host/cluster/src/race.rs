//! An attempt, and where it takes long a second one beside it: the first good answer counts.

use std::pin::pin;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;
use weir_core::Endpoint;

use crate::admit::Call;
use crate::attempt::{Attempt, Fault};
use crate::forward::Forwarder;
use crate::hedge::Hedging;
use crate::pace::Timed;
use crate::pool::Lease;
use crate::tally::Tally;

impl Forwarder {
    /// One attempt, or two of which one is left.
    pub(crate) async fn race(&self, call: &Call, lease: Lease, tally: &mut Tally) -> Attempt {
        let Some(hedging) = self.hedging.as_ref().filter(|hedging| comes_whole(hedging, call)) else {
            return self.attempt(call, lease).await;
        };
        hedging.deposit();
        let begun = Instant::now();
        let attempt = match hedging.after(&call.model.latencies) {
            Some(after) => self.hedged(call, lease, tally, hedging, after).await,
            None => self.attempt(call, lease).await,
        };
        if attempt.outcome.as_ref().is_ok_and(|answer| answer.head.status.is_success()) {
            call.model.latencies.add(begun.elapsed());
        }
        attempt
    }

    async fn hedged(
        &self,
        call: &Call,
        lease: Lease,
        tally: &mut Tally,
        hedging: &Hedging,
        after: Duration,
    ) -> Attempt {
        let tried = [lease.id()];
        let mut first = pin!(self.runner(call, lease));
        tokio::select! {
            biased;
            attempt = &mut first => return attempt,
            () = tokio::time::sleep(after) => {}
        }
        // Room is asked for before the allowance, so that what cannot be done costs nothing.
        let room = self.pool.has_room(&call.model, &tried) && hedging.withdraw(Instant::now().into_std());
        let Some(other) = room.then(|| self.pool.another(&call.model, &tried)).flatten() else { return first.await };
        tally.hedged();
        let mut second = pin!(self.runner(call, other));
        let (attempt, last) = tokio::select! {
            attempt = &mut first => (attempt, Err(second)),
            attempt = &mut second => (attempt, Ok(first)),
        };
        let second_won = if attempt.worth_another().is_none() { last.is_ok() } else { last.is_err() };
        let attempt = match last {
            _ if attempt.worth_another().is_none() => attempt,
            last => {
                // It is the other one's turn alone.
                attempt.report();
                drop(attempt);
                match last {
                    Ok(first) => first.await,
                    Err(second) => second.await,
                }
            }
        };
        tally.hedge_won(second_won, attempt.lease.endpoint().name());
        attempt
    }

    /// An attempt that may be dropped since another is over first; then its endpoint took as long as that, at least. It
    /// is over when the answer's body has begun to come.
    async fn runner(&self, call: &Call, lease: Lease) -> Attempt {
        let sent = Instant::now();
        let mut running = Running { lease: &lease, sent, over: false };
        let outcome = match self.ask(call, &lease, sent).await {
            Ok(answer) if answer.first.is_none() && answer.head.status.is_success() => {
                let until = call.deadline.min(sent + self.timeouts.first_byte);
                match answer.begin(until).await {
                    Ok(answer) if answer.first.is_none() => Err(Fault::Late),
                    begun => begun,
                }
            }
            outcome => outcome,
        };
        running.over = true;
        drop(running);
        Attempt { outcome, lease, sent }
    }
}

/// An attempt under way: dropped before it is over, it tells what that shows of the endpoint.
struct Running<'l> {
    lease: &'l Lease,
    sent: Instant,
    over: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.lease.outlasted(Timed::Whole, self.sent.elapsed());
        }
    }
}

/// Whether a call is one of those that may be made twice, and its answer comes as a whole.
fn comes_whole(hedging: &Hedging, call: &Call) -> bool {
    hedging.covers(&call.model.name, call.body.len())
        && match call.view.endpoint {
            Endpoint::ChatCompletions | Endpoint::Completions | Endpoint::Messages => !is_streamed(&call.body),
            Endpoint::Embeddings | Endpoint::Predict | Endpoint::Infer | Endpoint::Generate => true,
            // A response may be stored under its name: it would be twice.
            _ => false,
        }
}

#[derive(Deserialize)]
struct Streamed {
    #[serde(default)]
    stream: Option<bool>,
}

fn is_streamed(body: &[u8]) -> bool {
    serde_json::from_slice::<Streamed>(body).map_or(true, |body| body.stream.unwrap_or(false))
}
