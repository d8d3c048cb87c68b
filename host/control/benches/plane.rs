//! A reservation and a settlement as an edge makes them, without the socket: signing, checking, JSON, quota, ledger.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark is no library")]

#[path = "../tests/support/mod.rs"]
mod support;

use axum::body::Body;
use criterion::{Criterion, criterion_group, criterion_main};
use http::Request;
use support::{Caller, ask, limit, options, settle};
use tower::ServiceExt as _;
use weir_core::config::LimitUnit;
use weir_core::control::{RESERVE, SETTLE};
use weir_core::header::to_json;
use weir_core::{Ending, UnixMillis};

const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

fn reserve_and_settle(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let limits = vec![
        limit("requests", LimitUnit::Requests, u64::MAX / 2),
        limit("tokens", LimitUnit::TotalTokens, u64::MAX / 2),
    ];
    let mut registry = prometheus_client::registry::Registry::default();
    let plane = weir_control::ControlPlane::new(options(limits), &mut registry, std::sync::Arc::new(|| NOW)).unwrap();
    let (router, edge, mut number) = (plane.router(), Caller::any(), 0);
    let call = async |path: &'static str, body: Vec<u8>| {
        let mut request = Request::post(path).body(Body::empty()).unwrap();
        *request.headers_mut() = edge.signed(NOW, path, &body);
        *request.body_mut() = Body::from(body);
        assert_eq!(router.clone().oneshot(request).await.unwrap().status(), 200);
    };
    criterion.bench_function("sign, reserve, sign, settle", |bencher| {
        bencher.iter(|| {
            number += 1;
            let ask = ask(number, "acme");
            runtime.block_on(async {
                call(RESERVE, to_json(&ask).into_bytes()).await;
                call(SETTLE, to_json(&settle(&ask, 7, Ending::Complete)).into_bytes()).await;
            });
        });
    });
}

criterion_group!(benches, reserve_and_settle);
criterion_main!(benches);
