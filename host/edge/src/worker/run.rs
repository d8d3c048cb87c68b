//! One worker: an instance, and the requests it serves.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::stream::{FuturesUnordered, Stream};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};
use wasmtime::component::Accessor;
use wasmtime::{AsContextMut, Store};
use wasmtime_wasi_http::p3::bindings::Service;
use wasmtime_wasi_http::p3::{Request, Response};
use wasmtime_wasi_http::{Error, WasiHttpView};

use super::busy::{Busy, CpuDeadlineExceeded};
use super::pool::Seat;
use super::{End, Head, Job, Opened, Pool, Shared};
use crate::error::Failure;
use crate::request::RequestBody;
use crate::state::InstanceState;
use crate::stats::up;

/// Makes an instance, serves requests with it, and ends when it has had its share of them, has nothing to do for a
/// while, or traps.
pub(super) async fn worker(mut seat: Seat) {
    let pool = seat.pool.clone();
    let busy = Arc::new(Busy::new(pool.ingredients.limits.cpu_deadline));
    let (id, queue) = (seat.id, &pool.queue);
    let mut store = InstanceState::store(&pool.engine, &pool.ingredients, busy.clone());
    let service = match busy.run(pool.service.instantiate_async(&mut store), || ()).await {
        Ok(service) => service,
        Err(error) => return seat.failed(&error),
    };
    up(&pool.stats().instances_created);

    let shared = Arc::new(Shared::default());
    // Should the host panic while it drives the instance, its requests must not seem to have ended well.
    let _if_dropped = EndedOnDrop(shared.clone());
    let mut life = std::pin::pin!(live(&mut store, &service, &mut seat, &pool, &shared));
    // While the worker is at work it does not wait for requests: one that comes goes to another, if one is free.
    let outcome = busy.run(life.as_mut(), || queue.leave(id)).await;
    shared.ended(match &outcome {
        Ok(()) => End::Clean,
        Err(error) => trapped(error, pool.stats()),
    });
}

/// Marks an instance as trapped, unless it is known how it ended.
struct EndedOnDrop(Arc<Shared>);

impl Drop for EndedOnDrop {
    fn drop(&mut self) {
        self.0.ended(End::Trapped);
    }
}

fn trapped(error: &wasmtime::Error, stats: &crate::EdgeStats) -> End {
    up(&stats.instances_trapped);
    if error.is::<CpuDeadlineExceeded>() {
        up(&stats.instances_over_deadline);
        tracing::warn!(%error, "an instance was killed");
        return End::CpuDeadline;
    }
    // The text of a trap names functions and causes; what a guest prints when it panics is logged apart.
    tracing::warn!(error = %format_args!("{error:#}"), "an instance trapped");
    End::Trapped
}

/// The instance's event loop, from its first request to its end.
async fn live(
    store: &mut Store<InstanceState>,
    service: &Service,
    seat: &mut Seat,
    pool: &Pool,
    shared: &Arc<Shared>,
) -> wasmtime::Result<()> {
    store
        .run_concurrent(async |accessor| {
            let mut serving = Serving::new(accessor, service, seat, pool, shared);
            poll_fn(|cx| serving.poll(cx)).await
        })
        .await?
}

type Running<'a> = Pin<Box<dyn Future<Output = wasmtime::Result<Answered>> + Send + 'a>>;

/// Whether a guest answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answered {
    Yes,
    /// Not in time. What it still does is not waited for, so its instance should not live long.
    Late,
}

/// The state of a worker's loop.
struct Serving<'a> {
    accessor: &'a Accessor<InstanceState>,
    service: &'a Service,
    seat: &'a mut Seat,
    pool: &'a Pool,
    shared: &'a Arc<Shared>,
    /// Requests whose guest has not answered yet.
    running: FuturesUnordered<Running<'a>>,
    taken: u32,
    /// No more requests are taken.
    closed: bool,
    /// Runs while there is nothing to do, or nothing but what guests do by themselves.
    timer: Pin<Box<Sleep>>,
    timing: Option<Lull>,
}

/// Why the timer runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lull {
    Idle,
    Leftovers,
}

impl<'a> Serving<'a> {
    fn new(
        accessor: &'a Accessor<InstanceState>,
        service: &'a Service,
        seat: &'a mut Seat,
        pool: &'a Pool,
        shared: &'a Arc<Shared>,
    ) -> Self {
        Self {
            accessor,
            service,
            seat,
            pool,
            shared,
            running: FuturesUnordered::new(),
            taken: 0,
            closed: false,
            timer: Box::pin(tokio::time::sleep(std::time::Duration::ZERO)),
            timing: None,
        }
    }

    /// Ready when the worker is to end.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<wasmtime::Result<()>> {
        self.shared.register(cx.waker());
        loop {
            match Pin::new(&mut self.running).poll_next(cx) {
                Poll::Ready(Some(Ok(Answered::Yes))) => continue,
                Poll::Ready(Some(Ok(Answered::Late))) => {
                    self.closed = true;
                    continue;
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) | Poll::Pending => {}
            }
            if !self.has_room(cx) {
                self.pool.queue.pass_on();
            } else if let Poll::Ready(job) = self.pool.queue.poll_pop(self.seat.id, cx) {
                self.timing = None;
                self.begin(job);
                continue;
            }
            return self.poll_lull(cx);
        }
    }

    /// Whether one more request may be taken now.
    fn has_room(&mut self, cx: &mut Context<'_>) -> bool {
        let limits = &self.pool.ingredients.limits;
        self.closed |= self.taken >= limits.requests_per_instance;
        let func = *self.service.wasi_http_handler().func_handle().func();
        let room = !self.closed
            && self.shared.open() < limits.concurrent_per_instance
            && self.shared.held() < limits.body_bytes_per_instance
            && self.accessor.poll_ready_for_concurrent_call(func, cx).is_ready();
        self.seat.set_full(!room);
        room
    }

    fn begin(&mut self, job: Job) {
        // A client that left while its request waited needs no guest.
        if job.reply.is_closed() {
            return;
        }
        self.taken += 1;
        self.running.push(Box::pin(serve(self.accessor, self.service, self.shared, self.pool, job)));
    }

    /// With nothing more to take, whether to wait on or to end.
    fn poll_lull(&mut self, cx: &mut Context<'_>) -> Poll<wasmtime::Result<()>> {
        if !self.running.is_empty() || self.shared.open() > 0 {
            self.timing = None;
            return Poll::Pending;
        }
        let limits = &self.pool.ingredients.limits;
        let at_rest = self.accessor.poll_no_interesting_tasks(cx).is_ready();
        let retired = self.pool.is_retired();
        let (lull, wait) = match (at_rest, self.closed || retired) {
            (true, true) => return Poll::Ready(Ok(())),
            (true, false) => (Lull::Idle, limits.idle),
            (false, true) => (Lull::Leftovers, limits.leftover_grace),
            (false, false) => {
                self.timing = None;
                return Poll::Pending;
            }
        };
        if self.timing != Some(lull) {
            self.timing = Some(lull);
            self.timer.as_mut().reset(Instant::now() + wait);
        }
        self.timer.as_mut().poll(cx).map(Ok)
    }
}

/// Serves one request: starts the guest's task for it, and hands on the head of what it answers. The rest of the
/// response flows by itself.
async fn serve(
    accessor: &Accessor<InstanceState>,
    service: &Service,
    shared: &Arc<Shared>,
    pool: &Pool,
    job: Job,
) -> wasmtime::Result<Answered> {
    let Job { request, call, reply } = job;
    let opened = shared.open_for(call.clone());
    let limits = &pool.ingredients.limits;
    let budget = limits.body_bytes_per_instance;
    let request = RequestBody::of(request, call.clone(), budget, pool.ingredients.stats.clone());
    let handler = service.wasi_http_handler();

    let started = accessor.with(|mut access| -> wasmtime::Result<_> {
        let state = access.get();
        let view = state.http();
        let (request, _read) = Request::from_http(view.hooks, request);
        let request = view.table.push(request)?;
        let started = handler.func_handle().start_call_concurrent(access.as_context_mut(), (request,))?;
        access.get().callers.insert(started.task(), call.clone());
        Ok(started)
    })?;
    // The list of callers keeps the call as long as it is needed from here on.
    drop(call);
    let answering = handler.func_handle().finish_call_concurrent(accessor, started);
    let Ok(answered) = tokio::time::timeout(limits.head_timeout, answering).await else {
        drop(reply.send(Err(Failure::HeadTimeout)));
        return Ok(Answered::Late);
    };
    let answer = match answered?.0 {
        Ok(response) => accessor.with(|mut access| {
            let response = access.get().http().table.delete(response)?;
            head(response, access.as_context_mut(), opened)
        })?,
        Err(code) => Err(Failure::Guest(code)),
    };
    // Where the client has left, dropping the response tells the guest: its writes fail.
    drop(reply.send(answer));
    Ok(Answered::Yes)
}

/// A guest's response, for the client.
fn head(
    response: Response,
    store: impl AsContextMut<Data = InstanceState>,
    opened: Opened,
) -> wasmtime::Result<Result<Head, Failure>> {
    let (transmitted, outcome) = oneshot::channel();
    let outcome = async move { outcome.await.unwrap_or(Err(Error::ConnectionTerminated)) };
    let response = response.into_http(store, outcome)?;
    Ok(Ok(Head { response, transmitted, opened }))
}
