//! A stream from its first event to its end.

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use weir_core::config::OnClientGone;
use weir_core::{ErrorKind, GatewayError, Millis};
use weir_face::answer::Outlet;
use weir_face::clock::{Mark, Silence, Waited, within};

use super::call::{Started, closing};
use super::outcome::Account;
use crate::stream::Close;

/// How many answers an instance reads to their end for the sake of the bill alone.
const MOST_DRAINS: u32 = 8;

/// For how long at most one is read so: a backend that never comes to an end is not waited out.
const LONGEST_DRAIN: Millis = Millis(120_000);

/// For how long the end of a body is waited for after the stream's own: with it the connection can be used again.
const LEAVE: Duration = Duration::from_millis(500);

thread_local! {
    static DRAINS: Cell<u32> = const { Cell::new(0) };
}

/// A stream between its backend and its client.
pub(super) struct Pump {
    pub(super) started: Started,
    pub(super) outlet: Outlet,
    /// How long the backend may be silent between two events.
    pub(super) idle: Millis,
    pub(super) on_gone: OnClientGone,
    /// Since when it is.
    pub(super) silence: Silence,
    /// How many events have come.
    pub(super) events: u64,
    /// Whether the client is still there.
    pub(super) attended: bool,
}

impl Pump {
    /// Runs the stream to its end, and settles it in the trailers.
    pub(super) async fn run(mut self, account: Account) {
        let close = self.stream().await;
        if close == Close::ClientGone && self.on_gone == OnClientGone::Drain {
            self.drain().await;
        }
        let Self { started, mut outlet, .. } = self;
        let Started { answer, mut machine, mut buffer } = started;
        let mut closed = machine.close(close.clone());
        if !closed.tail.is_empty() && outlet.write(std::mem::take(&mut closed.tail)).await.is_err() {
            closed = machine.close(Close::ClientGone);
        }
        outlet.finish(Some(account.trailers(closed.usage, closed.ending)));
        if let Some(mut answer) = answer.filter(|_| close == Close::End) {
            let rest = async { while answer.next(&mut buffer).await {} };
            within(LEAVE, rest).await;
        }
    }

    /// Carries frames until the stream is over, one way or another.
    async fn stream(&mut self) -> Close {
        loop {
            while let Some(frame) = self.started.machine.poll_output() {
                // What could not be written has no reader any more.
                if self.outlet.write(frame).await.is_err() {
                    return Close::ClientGone;
                }
            }
            if self.started.machine.is_over() {
                return Close::End;
            }
            if let Some(close) = self.next_events().await {
                return close;
            }
        }
    }

    /// Reads until there is something to write, or says how the stream ended. Comments do not count as signs of life,
    /// nor does the time in which the client did not read count as silence. Where nothing is left to read, that is the
    /// end. Meanwhile the client gets heartbeats, which keep proxies on its way from giving up.
    async fn next_events(&mut self) -> Option<Close> {
        let Started { answer, machine, buffer } = &mut self.started;
        while !machine.is_over() && !machine.has_output() {
            // Looked at only now, when the client has taken what came before.
            if machine.events() != self.events {
                self.events = machine.events();
                self.silence.broken();
            }
            let Some(mut reading) = answer.take() else {
                return Some(Close::End);
            };
            let more = {
                let mut read = pin!(reading.next(buffer));
                loop {
                    match self.silence.wait(read.as_mut()).await {
                        Waited::Done(more) => break more,
                        Waited::Over => return Some(Close::Broken(silent(self.idle))),
                        Waited::Beat => {
                            if let Some(beat) = machine.heartbeat().filter(|_| self.attended)
                                && self.outlet.write(beat).await.is_err()
                            {
                                return Some(Close::ClientGone);
                            }
                        }
                    }
                }
            };
            if !more {
                return Some(closing(reading).await);
            }
            machine.feed(buffer);
            *answer = Some(reading);
        }
        None
    }

    /// Reads on without a client, since the provider bills the whole answer and says only at its end how much it was.
    async fn drain(&mut self) {
        let Some(_draining) = Draining::claim() else {
            return;
        };
        self.attended = false;
        let began = Mark::now();
        while self.started.answer.is_some() && !self.started.machine.is_over() {
            // Asked here as well: where there is always something to read, no timer gets its turn.
            let left = LONGEST_DRAIN.0.saturating_sub(began.elapsed().0);
            if left == 0 || within(Duration::from_millis(left), self.next_events()).await != Some(None) {
                return;
            }
            while self.started.machine.poll_output().is_some() {}
        }
    }
}

/// One of the drains that there may be, given back when it is dropped.
struct Draining;

impl Draining {
    fn claim() -> Option<Self> {
        let drains = DRAINS.get();
        (drains < MOST_DRAINS).then(|| {
            DRAINS.set(drains + 1);
            Self
        })
    }
}

impl Drop for Draining {
    fn drop(&mut self) {
        DRAINS.set(DRAINS.get().saturating_sub(1));
    }
}

fn silent(idle: Millis) -> GatewayError {
    GatewayError::new(ErrorKind::UpstreamTimeout, format!("the backend was silent for {idle}"))
}
