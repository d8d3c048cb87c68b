//! One client request, as the host knows it: who it is, and what is open on its behalf.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body as _, Frame};
use parking_lot::Mutex;
use tokio::sync::Notify;
use weir_serve::{Body, BoxError};

use crate::worker::Shared;

/// Why the calls that a guest makes for a request are failed by the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The client left, or was told that its request failed: nobody is there for what the guest still gets.
    ClientGone,
    /// The process stops, and its grace is over.
    Stopping,
}

impl Cut {
    /// What the guest reads in the error of a pending call.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::ClientGone => "client-gone",
            Self::Stopping => "stopping",
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::ClientGone),
            2 => Some(Self::Stopping),
            _ => None,
        }
    }
}

/// One client request.
#[derive(Default)]
pub(crate) struct Call {
    /// A [`Cut`]'s code; zero as long as nothing was cut.
    cut: AtomicU8,
    legs: Mutex<Vec<Weak<Leg>>>,
    /// The instance that took it.
    instance: OnceLock<Arc<Shared>>,
    /// Bytes of its body that were handed to that instance, and count against its budget.
    held: Mutex<Held>,
    over_budget: AtomicBool,
    went_over_budget: Notify,
}

impl Call {
    /// Notes which instance took the call.
    pub(crate) fn taken_by(&self, instance: Arc<Shared>) {
        // A call is given to one instance only, so this is the first time.
        drop(self.instance.set(instance));
    }

    /// The instance that took the call, if one has.
    pub(crate) fn instance(&self) -> Option<&Arc<Shared>> {
        self.instance.get()
    }

    /// Why it was cut, if it was.
    pub(crate) fn is_cut(&self) -> Option<Cut> {
        Cut::from_code(self.cut.load(Ordering::Acquire))
    }

    /// Fails every call to a backend that is open on its behalf, and every one that is still to come. Their connections
    /// are closed here and now, whatever the guest is doing.
    pub(crate) fn cut(&self, cut: Cut) {
        let code = match cut {
            Cut::ClientGone => 1,
            Cut::Stopping => 2,
        };
        // Under the lock, so that a leg that is being opened is either seen here or sees the cut.
        let legs = {
            let mut legs = self.legs.lock();
            if self.cut.compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire).is_err() {
                return;
            }
            std::mem::take(&mut *legs)
        };
        for leg in legs.iter().filter_map(Weak::upgrade) {
            leg.cut(cut);
        }
    }

    /// Opens a call to a backend on its behalf.
    pub(crate) fn open_leg(&self) -> Result<Arc<Leg>, Cut> {
        let mut legs = self.legs.lock();
        if let Some(cut) = self.is_cut() {
            return Err(cut);
        }
        legs.retain(|leg| leg.strong_count() > 0);
        let leg = Arc::new(Leg::default());
        legs.push(Arc::downgrade(&leg));
        Ok(leg)
    }

    /// Notes that `bytes` more of its body went to its instance; whether that is within the instance's budget.
    pub(crate) fn hold(&self, bytes: u64, budget: u64) -> bool {
        let Some(instance) = self.instance() else { return true };
        {
            let mut held = self.held.lock();
            if held.released {
                return true;
            }
            held.bytes += bytes;
        }
        let within = instance.held.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) <= budget;
        if !within {
            self.over_budget.store(true, Ordering::Release);
            self.went_over_budget.notify_one();
        }
        within
    }

    /// Takes its body off the budget of its instance: the request is over.
    pub(crate) fn release(&self) {
        let bytes = {
            let mut held = self.held.lock();
            held.released = true;
            std::mem::take(&mut held.bytes)
        };
        if let Some(instance) = self.instance() {
            instance.held.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Whether its body went over the budget of its instance.
    pub(crate) fn is_over_budget(&self) -> bool {
        self.over_budget.load(Ordering::Acquire)
    }

    /// Completes when its body went over the budget of its instance.
    pub(crate) async fn over_budget(&self) {
        while !self.is_over_budget() {
            self.went_over_budget.notified().await;
        }
    }
}

#[derive(Default)]
struct Held {
    bytes: u64,
    released: bool,
}

/// One call to a backend that a guest makes for a request. It is shared by the guest, which waits for it and reads it,
/// and by the host, which ends it when the client leaves.
#[derive(Default)]
pub(crate) struct Leg(Mutex<LegState>);

#[derive(Default)]
struct LegState {
    cut: Option<Cut>,
    /// The response's body, from the head on until its end.
    body: Option<Body>,
    waiting: Option<Waker>,
}

/// What polling a body gives.
pub(crate) type PolledFrame = Poll<Option<Result<Frame<Bytes>, BoxError>>>;

/// The host cut the call.
pub(crate) struct WasCut(pub(crate) Cut);

impl Leg {
    fn cut(&self, cut: Cut) {
        let (body, waiting) = {
            let mut state = self.0.lock();
            state.cut = Some(cut);
            (state.body.take(), state.waiting.take())
        };
        // Outside the lock: dropping the body closes the upstream connection.
        drop(body);
        if let Some(waker) = waiting {
            waker.wake();
        }
    }

    /// Waits for `work`, unless the host cuts the call first; then `work` is dropped.
    pub(crate) async fn run<F: Future>(&self, work: F) -> Result<F::Output, WasCut> {
        let mut work = std::pin::pin!(work);
        poll_fn(|cx| {
            if let Some(cut) = self.watch(cx) {
                return Poll::Ready(Err(WasCut(cut)));
            }
            work.as_mut().poll(cx).map(Ok)
        })
        .await
    }

    fn watch(&self, cx: &Context<'_>) -> Option<Cut> {
        let mut state = self.0.lock();
        if state.cut.is_none() {
            remember(&mut state.waiting, cx);
        }
        state.cut
    }

    /// Takes custody of the response's body.
    pub(crate) fn begin_body(&self, body: Body) -> Result<(), WasCut> {
        let mut state = self.0.lock();
        match state.cut {
            Some(cut) => Err(WasCut(cut)),
            None => {
                state.body = Some(body);
                Ok(())
            }
        }
    }

    /// The next frame of the body; the end of it once the body was let go of.
    pub(crate) fn poll_body(&self, cx: &mut Context<'_>) -> Result<PolledFrame, WasCut> {
        let mut state = self.0.lock();
        if let Some(cut) = state.cut {
            return Err(WasCut(cut));
        }
        remember(&mut state.waiting, cx);
        Ok(state.body.as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(cx)))
    }

    /// Looks at the body, where it is still there.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Body) -> R) -> Option<R> {
        self.0.lock().body.as_ref().map(look)
    }

    /// Lets go of the body: it is at its end, or the guest reads no more.
    pub(crate) fn end_body(&self) {
        let body = self.0.lock().body.take();
        drop(body);
    }
}

fn remember(waiting: &mut Option<Waker>, cx: &Context<'_>) {
    match waiting {
        Some(waker) if waker.will_wake(cx.waker()) => {}
        _ => *waiting = Some(cx.waker().clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cut_ends_what_is_open_and_refuses_what_is_to_come() {
        let call = Arc::new(Call::default());
        let leg = call.open_leg().unwrap();
        let waiting = {
            let leg = leg.clone();
            tokio::spawn(async move { leg.run(std::future::pending::<()>()).await.err().map(|cut| cut.0) })
        };
        tokio::task::yield_now().await;
        call.cut(Cut::ClientGone);
        assert_eq!(waiting.await.unwrap(), Some(Cut::ClientGone));
        assert!(matches!(call.open_leg(), Err(Cut::ClientGone)));
        call.cut(Cut::Stopping);
        assert_eq!(call.is_cut(), Some(Cut::ClientGone), "the first reason stays");
    }

    #[test]
    fn a_cut_drops_the_body_at_once() {
        struct Told(Arc<AtomicBool>);
        impl Drop for Told {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let closed = Arc::new(AtomicBool::new(false));
        let told = Told(closed.clone());
        let body = http_body_util::StreamBody::new(futures::stream::poll_fn(move |_| {
            let _kept = &told;
            Poll::<Option<Result<http_body::Frame<bytes::Bytes>, weir_serve::BoxError>>>::Pending
        }));
        let call = Call::default();
        let leg = call.open_leg().unwrap();
        assert!(leg.begin_body(http_body_util::BodyExt::boxed_unsync(body)).is_ok());
        assert!(!closed.load(Ordering::Relaxed));
        call.cut(Cut::ClientGone);
        assert!(closed.load(Ordering::Relaxed));
    }
}
