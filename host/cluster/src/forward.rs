//! One call: an endpoint, perhaps another, and the answer on its way back.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Response};
use parking_lot::Mutex;
use tokio::time::Instant;
use weir_serve::Body;

use crate::admit::Call;
use crate::attempt::{Answer, Attempt, Fault, Shows, Told, not_for_the_caller};
use crate::budget::Budget;
use crate::dialers::Dialers;
use crate::fleet::EndpointId;
use crate::hedge::Hedging;
use crate::options::{Retry, Timeouts};
use crate::pool::{Lease, Pool};
use crate::relay::{Patience, Relay};
use crate::tally::Tally;
use crate::{answer, request};

/// What sends calls to model servers.
pub(crate) struct Forwarder {
    pub(crate) dialers: Dialers,
    pub(crate) pool: Arc<Pool>,
    pub(crate) budget: Mutex<Budget>,
    pub(crate) timeouts: Timeouts,
    pub(crate) retry: Retry,
    pub(crate) heartbeat: Duration,
    pub(crate) hedging: Option<Hedging>,
}

impl Forwarder {
    /// The answer to a call. Another endpoint is tried only as long as this has not returned: once an answer's head is
    /// handed over, what becomes of it is for the caller to see.
    pub(crate) async fn forward(&self, call: Call, mut tally: Tally) -> Response<Body> {
        self.budget.lock().deposit();
        let mut lease = match self.pool.acquire(&call.model, call.deadline).await {
            Ok(lease) => lease,
            Err(why) => {
                let response = answer::no_room(call.view.dialect, why, &call.model.status, self.pool.retry_after());
                return answer::close(response, tally);
            }
        };
        let mut tried = Vec::new();
        loop {
            let number = u32::try_from(tried.len() + 1).unwrap_or(u32::MAX);
            tally.attempt(number, lease.endpoint().name());
            let attempt = self.race(&call, lease, &mut tally).await;
            attempt.report();
            if let Some(reason) = attempt.worth_another() {
                tried.push(attempt.lease.id());
                if let Some(next) = self.another(&call, number, &tried, &attempt) {
                    tally.retried(reason);
                    lease = next;
                    continue;
                }
            }
            let Attempt { outcome, lease, sent } = attempt;
            return match outcome {
                Ok(answer) => self.relay(answer, &call, lease, tally, sent),
                Err(fault) => give_up(&fault, &call, &lease, tally),
            };
        }
    }

    pub(crate) async fn attempt(&self, call: &Call, lease: Lease) -> Attempt {
        let sent = Instant::now();
        let outcome = self.ask(call, &lease, sent).await;
        Attempt { outcome, lease, sent }
    }

    pub(crate) async fn ask(&self, call: &Call, lease: &Lease, sent: Instant) -> Result<Answer, Fault> {
        let request = request::request(call, lease)?;
        let until = call.deadline.min(sent + self.timeouts.first_byte);
        let response =
            tokio::time::timeout_at(until, lease.endpoint().send(request)).await.map_err(|_| Fault::Late)??;
        let (head, body) = response.into_parts();
        let answer = Answer { came: Instant::now(), head, first: None, body, refused: None, shows: Shows::default() };
        let answer = answer.hear(&call.view, until).await;
        if !(answer.head.status.is_success() && answer.is_event_stream()) {
            return Ok(answer);
        }
        // From the first comment on the caller has something.
        let held = until.min(answer.came + self.heartbeat);
        let answer = answer.begin(held).await?;
        if answer.first.is_none() && Instant::now() >= until { Err(Fault::Late) } else { Ok(answer) }
    }

    /// An endpoint for a further attempt: another one, or the same one again where its connection was closed.
    fn another(&self, call: &Call, number: u32, tried: &[EndpointId], attempt: &Attempt) -> Option<Lease> {
        if number >= self.retry.attempts || Instant::now() >= call.deadline {
            return None;
        }
        let again = || if attempt.was_closed() { self.pool.another(&call.model, &[]) } else { None };
        let lease = self.pool.another(&call.model, tried).or_else(again)?;
        // Asked last, so that a retry that cannot be made costs nothing.
        self.budget.lock().withdraw(Instant::now().into_std()).then_some(lease)
    }

    fn relay(&self, answer: Answer, call: &Call, lease: Lease, mut tally: Tally, sent: Instant) -> Response<Body> {
        let is_event_stream = answer.is_event_stream();
        let Answer { came, mut head, first, body, refused, .. } = answer;
        if let Some(error) = not_for_the_caller(head.status) {
            tracing::warn!(endpoint = lease.endpoint().name(), status = head.status.as_u16(), "unfit answer");
            return answer::close(answer::refusal(call.view.dialect, &error), tally);
        }
        if let Some(refused) = refused {
            let mut response = refused.answer(head, &call.view);
            answer::identify(response.headers_mut(), &call.headers);
            return answer::close(response, tally);
        }
        answer::clean(&mut head.headers);
        answer::identify(&mut head.headers, &call.headers);
        if is_event_stream {
            answer::without_length(&mut head.headers);
            head.headers.entry("cache-control").or_insert(HeaderValue::from_static("no-cache"));
        }
        tally.answered(head.status, is_event_stream);
        let heartbeat = is_event_stream.then_some(self.heartbeat);
        let Timeouts { first_byte, idle, .. } = self.timeouts;
        let patience = Patience { first: sent + first_byte, idle, quiet_since: came, heartbeat };
        Response::from_parts(head, Relay::body(first, body, lease, tally, patience))
    }
}

fn give_up(fault: &Fault, call: &Call, lease: &Lease, tally: Tally) -> Response<Body> {
    if let Fault::Request(_) = fault {
        let (endpoint, error) = (lease.endpoint().name(), Told(fault));
        tracing::error!(endpoint, %error, "no request can be made for this endpoint");
    }
    answer::close(answer::refusal(call.view.dialect, &fault.told()), tally)
}
