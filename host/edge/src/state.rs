//! What the host keeps for one instance of the chain.

use std::sync::Arc;

use wasmtime::component::{Linker, ResourceTable};
use wasmtime::{Engine, ResourceLimiter, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::p3::bindings::http::types;
use wasmtime_wasi_http::{WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::outbound::Destinations;
use crate::outbound::{self, Callers, Hooks};
use crate::settings::{self, Settings};
use crate::stderr::{GuestLog, Stderr};
use crate::worker::Busy;
use crate::{EdgeLimits, EdgeStats};

/// The data of one instance's store.
pub(crate) struct InstanceState {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    pub(crate) hooks: Hooks,
    pub(crate) callers: Callers,
    pub(crate) settings: Settings,
    memory: MemoryLimit,
}

/// What instances are made from.
pub(crate) struct Ingredients {
    pub(crate) settings: Settings,
    pub(crate) destinations: Arc<Destinations>,
    pub(crate) stats: Arc<EdgeStats>,
    pub(crate) limits: Arc<EdgeLimits>,
    /// Where guests' standard error goes.
    pub(crate) log: Arc<GuestLog>,
}

impl InstanceState {
    /// A store for one instance, with its limits set. `busy` counts how long it computes.
    pub(crate) fn store(engine: &Engine, ingredients: &Ingredients, busy: Arc<Busy>) -> Store<Self> {
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(ingredients.limits.field_bytes);
        let state = Self {
            table: ResourceTable::new(),
            // No files, no sockets, no environment, no arguments, no standard output.
            wasi: WasiCtxBuilder::new().stderr(Stderr::new(ingredients.log.clone())).build(),
            http,
            hooks: Hooks {
                destinations: ingredients.destinations.clone(),
                stats: ingredients.stats.clone(),
                caller: None,
            },
            callers: Callers::default(),
            settings: ingredients.settings.clone(),
            memory: MemoryLimit { used: 0, limit: ingredients.limits.memory_bytes },
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            let share = busy.check()?;
            Ok(if share.is_used_up() { UpdateDeadline::Yield(1) } else { UpdateDeadline::Continue(1) })
        });
        store
    }
}

/// Gives a chain all that this host gives.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<InstanceState>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    types::add_to_linker::<_, WasiHttp>(&mut linker, InstanceState::http)?;
    outbound::link(&mut linker)?;
    settings::link(&mut linker)?;
    Ok(linker)
}

impl WasiView for InstanceState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for InstanceState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Keeps all linear memories of an instance together under one limit.
struct MemoryLimit {
    used: usize,
    limit: usize,
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        if used > self.limit {
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        // The pool's own limit holds for what a table begins with; guests have no need to grow one far.
        Ok(desired <= 20_000)
    }
}
