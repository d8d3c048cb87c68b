//! Reserving and settling, with a realistic set of limits.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark is no library")]

#[path = "../tests/support/mod.rs"]
mod support;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use support::{START, ask, limit, settle};
use weir_core::config::{LimitUnit, Per, Window};
use weir_limiter::{Quota, QuotaBounds};

fn reserve_and_settle(criterion: &mut Criterion) {
    let limits = [
        limit("rpm", Per::Key, LimitUnit::Requests, u64::MAX / 2, Window::Minute),
        limit("tpm", Per::Key, LimitUnit::TotalTokens, u64::MAX / 2, Window::Minute),
        limit("tpd", Per::Tenant, LimitUnit::TotalTokens, u64::MAX / 2, Window::Day),
        limit("backend", Per::Backend, LimitUnit::OutputTokens, u64::MAX / 2, Window::Minute),
    ];
    let mut quota = Quota::new(&limits, QuotaBounds::default());
    let mut number = 0;
    criterion.bench_function("reserve and settle, 4 limits", |bencher| {
        bencher.iter_batched(
            || {
                number += 1;
                let ask = ask(number, 1_000, 4_000);
                let settle = settle(&ask, 900, 300);
                (ask, settle)
            },
            |(ask, settle)| (quota.reserve(START, &ask), quota.settle(START, &settle)),
            BatchSize::SmallInput,
        );
    });
    let mut spent =
        Quota::new(&[limit("rpm", Per::Key, LimitUnit::Requests, 0, Window::Minute)], QuotaBounds::default());
    criterion.bench_function("denied", |bencher| bencher.iter(|| spent.reserve(START, &ask(1, 1, 1))));
}

criterion_group!(benches, reserve_and_settle);
criterion_main!(benches);
