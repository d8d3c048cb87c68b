//! Which of an instance's requests a call belongs to.
//!
//! An instance serves many requests at once, and `WasiHttpHooks` is not told which of them is calling. But each request
//! is a task of the component model, whose id the host learns when it starts the task; and while a guest calls the
//! host, the stack of tasks can be read: the task that calls, the one that called it in another component, and so on up
//! to the one that the host started. That first one names the request.
//!
//! It holds for work that a guest spawned, too, since spawned work belongs to the task that spawned it and keeps that
//! task alive. It ends where an *outer* part's task has ended while an inner part's still works: then the stack breaks
//! off below the request's own task. Such a call belongs to no request, and goes on when the client leaves. The parts
//! of a Weir chain do not do that with calls to backends: an outer part waits for the inner one's response, and the
//! backend has been called by then. (Calls to the control plane need no owner.)
//!
//! Ids are used again once a task has ended. So a request's id is forgotten when the next request begins after its end.

use std::sync::Arc;

use wasmtime::AsContextMut;
use wasmtime::component::{Accessor, GuestTaskId, HasData, Linker, Resource};
use wasmtime_wasi::TrappableError;
use wasmtime_wasi_http::p3::bindings::http::client::{HostWithStore, add_to_linker};
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p3::{Request, Response};
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtxView, WasiHttpView};

use crate::call::Call;
use crate::state::InstanceState;

/// The requests of one instance, by the task that serves each.
#[derive(Default)]
pub(crate) struct Callers(Vec<(GuestTaskId, Arc<Call>)>);

impl Callers {
    /// Notes that `task` serves `call`.
    pub(crate) fn insert(&mut self, task: GuestTaskId, call: Arc<Call>) {
        // A call that only this list still knows is over, unless it was cut: then its guest may still try to call.
        self.0.retain(|(known, call)| *known != task && (Arc::strong_count(call) > 1 || call.is_cut().is_some()));
        self.0.push((task, call));
    }

    /// The request that the task at the root of a stack serves.
    fn find(&self, root: GuestTaskId) -> Option<Arc<Call>> {
        self.0.iter().find(|(task, _)| *task == root).map(|(_, call)| call.clone())
    }
}

/// Gives `wasi:http/client` to guests: wasmtime's own, with the caller noted before each call.
pub(crate) fn link(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    add_to_linker::<_, Attributed>(linker, InstanceState::http)
}

struct Attributed;

impl HasData for Attributed {
    type Data<'a> = WasiHttpCtxView<'a>;
}

impl HostWithStore<InstanceState> for Attributed {
    async fn send(
        store: &Accessor<InstanceState, Self>,
        request: Resource<Request>,
    ) -> Result<Resource<Response>, TrappableError<ErrorCode>> {
        store
            .with(|mut access| -> wasmtime::Result<()> {
                let mut context = access.as_context_mut();
                let root = context.async_call_stack()?.last();
                let state = context.data_mut();
                state.hooks.caller = root.and_then(|root| state.callers.find(root));
                Ok(())
            })
            .map_err(TrappableError::trap)?;
        // Nothing runs between the line above and `send_request`, which takes the caller: the first poll of this
        // future goes there straight.
        WasiHttp::send(&store.with_getter::<WasiHttp>(InstanceState::http), request).await
    }
}
