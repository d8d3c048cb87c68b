//! An admitted attempt, from its grant to its settlement.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use weir_core::config::Runtime;
use weir_core::control::{Grant, Reserve};
use weir_core::{Candidate, Millis};
use weir_face::clock;

use super::{End, Instance, call};
use crate::control_call::ControlFault;

/// Where a reservation was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    /// At the control plane.
    Shared,
    /// In this instance.
    Local,
}

/// Room for one attempt. It must be settled, whatever becomes of the attempt; [`Permit::settle`] takes it, so that
/// it cannot be settled twice.
pub(super) struct Permit {
    instance: Rc<Instance>,
    ask: Reserve,
    chosen: Candidate,
    reservation: Option<String>,
    store: Store,
    started: clock::Mark,
    over: Rc<Over>,
}

impl Permit {
    /// Begins to keep the reservation alive, too.
    pub(super) fn new(instance: Rc<Instance>, ask: Reserve, grant: &Grant, store: Store) -> Self {
        let over = Rc::new(Over::default());
        if let Some(reservation) = grant.reservation.clone() {
            weir_face::spawn(renew(instance.clone(), reservation, grant.lease, store, over.clone()));
        }
        Self {
            instance,
            // Who granted it checked that there is such a candidate.
            chosen: ask.candidates[grant.candidate].clone(),
            ask,
            reservation: grant.reservation.clone(),
            store,
            started: clock::Mark::now(),
            over,
        }
    }

    /// Which runtime it is settled under.
    pub(super) fn runtime(&self) -> Runtime {
        self.instance.config.runtime
    }

    /// Settles the attempt with what its trailer says.
    pub(super) async fn settle(self, trailer: Option<Vec<u8>>, status: Option<u16>) {
        self.over.now();
        let end = End { trailer, status, took: self.started.elapsed() };
        let shared = self.reservation.filter(|_| self.store == Store::Shared);
        let settle = call::settle(&self.ask, &self.chosen, shared, &end);
        if self.store == Store::Local {
            self.instance.local.borrow_mut().settle(clock::now(), &settle);
        }
        if let Some(control) = &self.instance.control {
            control.settle(&settle).await;
        }
    }
}

/// Keeps a reservation alive until the attempt is over.
async fn renew(instance: Rc<Instance>, reservation: String, lease: Millis, store: Store, over: Rc<Over>) {
    let every = Duration::from(lease).checked_div(3).unwrap_or_default().clamp(SHORTEST, LONGEST);
    while clock::within(every, over.wait()).await.is_none() {
        let lives = match (store, &instance.control) {
            (Store::Shared, Some(control)) => !matches!(control.renew(&reservation).await, Err(ControlFault::Unknown)),
            _ => instance.local.borrow_mut().renew(clock::now(), &reservation).is_some(),
        };
        if !lives {
            return;
        }
    }
}

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Tells the task that renews that there is nothing more to renew.
#[derive(Default)]
struct Over {
    is_over: Cell<bool>,
    waiting: RefCell<Option<Waker>>,
}

impl Over {
    fn now(&self) {
        self.is_over.set(true);
        if let Some(waker) = self.waiting.take() {
            waker.wake();
        }
    }

    async fn wait(&self) {
        poll_fn(|context| {
            if self.is_over.get() {
                return Poll::Ready(());
            }
            self.waiting.replace(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}
