//! The guest programs that stand in for what Spin has and `wasmtime serve` has not: each is in `examples/`, named after
//! what it does.
