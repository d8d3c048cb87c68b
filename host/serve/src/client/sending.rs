//! Request bodies that can be given up while they wait for room.
//!
//! On HTTP/2 a request whose body is a stream is sent by a task of its own. While the upstream takes nothing, that task
//! waits for room, and learns neither that nobody wants the answer any more nor that the body has failed: the stream would
//! stay open for as long as the upstream likes. hyper has no handle on that task; so it is found by the body that it reads,
//! when it is given to the executor or polled, and ends when the body's [`Hold`] is dropped. With the task goes its end of
//! the stream, which is reset.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::task::AtomicWaker;
use http::Request;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::rt::Executor;

use crate::body::{Body, BoxError, Holding};

thread_local! {
    /// The body that was read last, on its way to the task that reads it.
    static READ: RefCell<Option<Arc<State>>> = const { RefCell::new(None) };
}

#[derive(Default)]
struct State {
    over: AtomicBool,
    task: AtomicWaker,
}

/// Keeps a request's body being sent. Dropping it ends that.
pub(super) struct Hold(Arc<State>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
        self.0.task.wake();
    }
}

/// A request as it is sent, and what keeps that going; nothing where the body is at hand, which is sent to its end soon.
pub(super) fn held(request: Request<Body>) -> (Request<Body>, Option<Hold>) {
    if request.body().size_hint().exact().is_some() {
        return (request, None);
    }
    let state = Arc::new(State::default());
    let hold = Hold(state.clone());
    (request.map(|body| Sending { body, state }.boxed_unsync()), Some(hold))
}

/// The body of an answer; for as long as it is read, the request's is sent.
pub(super) fn holding(body: Body, hold: Option<Hold>) -> Body {
    match hold {
        Some(hold) => Holding::new(body, hold).boxed_unsync(),
        None => body,
    }
}

struct Sending {
    body: Body,
    state: Arc<State>,
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        READ.set(Some(self.state.clone()));
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        READ.with_borrow_mut(|read| *read = read.take().filter(|read| !Arc::ptr_eq(read, &self.state)));
    }
}

/// Runs the tasks of connections on Tokio.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tasks;

impl<F> Executor<F> for Tasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        // A body that was just read, and not to its end, is handed over in the same breath.
        let state = READ.take();
        tokio::spawn(Task { future: Some(Box::pin(future)), state });
    }
}

struct Task<F> {
    future: Option<Pin<Box<F>>>,
    /// Of the body that it sends, once that is known.
    state: Option<Arc<State>>,
}

impl<F: Future<Output = ()>> Future for Task<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(future) = &mut this.future else { return Poll::Ready(()) };
        READ.take();
        if future.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        // A connection's task leaves nothing: what was read in it was handed over or dropped.
        let read = READ.take();
        if this.state.is_none() {
            this.state = read;
        }
        let Some(state) = &this.state else { return Poll::Pending };
        state.task.register(cx.waker());
        if state.over.load(Ordering::Acquire) {
            this.future = None;
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
