//! The runtime's engine, and the clock that its CPU deadline runs on.

use std::time::Duration;

use wasmtime::{Config, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::{EdgeError, EdgeLimits};

/// Core instances that a part made by the usual tools consists of: itself, a shim, its fix-ups, and adapters.
const CORE_INSTANCES_PER_PART: u32 = 5;
/// Tables of such a part: its own and the shim's.
const TABLES_PER_PART: u32 = 3;
/// Fibers of an instance: one for the event loop, and one for each call that blocks a guest's stack.
const STACKS_PER_INSTANCE: u32 = 20;

/// An engine with these limits.
///
/// Its pool reserves addresses, not memory: each linear memory may take 4 GiB of them, so that compiled code needs no
/// bounds checks.
pub(crate) fn build(limits: &EdgeLimits) -> Result<Engine, EdgeError> {
    let instances = limits.max_instances;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(limits.max_parts * CORE_INSTANCES_PER_PART))
        .max_core_instances_per_component(limits.max_parts * CORE_INSTANCES_PER_PART)
        .total_memories(instances.saturating_mul(limits.max_parts))
        .max_memories_per_component(limits.max_parts)
        .total_tables(instances.saturating_mul(limits.max_parts * TABLES_PER_PART))
        .max_tables_per_component(limits.max_parts * TABLES_PER_PART)
        .total_stacks(instances.saturating_mul(STACKS_PER_INSTANCE))
        .max_memory_size(limits.memory_bytes);

    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .memory_init_cow(true)
        .wasm_component_model(true)
        .wasm_component_model_async(true);
    Engine::new(&config).map_err(EdgeError::Engine)
}

/// Starts the clock of the CPU deadline. It stops by itself once the engine is gone.
pub(crate) fn start_clock(engine: &Engine, tick: Duration) -> std::io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new().name("edge-clock".into()).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(tick);
        }
    })?;
    Ok(())
}
