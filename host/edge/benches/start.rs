//! From nothing to the first answer, of a chain that was compiled before; and from one more instance to its first.
//!
//! The answer is a 401, which `auth` gives alone: what is measured is the start, not a call upstream.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use http::Request;
use tokio::runtime::Runtime;
use weir_compose::{Part, compose};
use weir_edge::{Chain, Edge, EdgeConfig, EdgeOptions};

const CONFIG: &str = r#"{"version":1,"policy":"bench","chain":["auth","router","limiter","translator"],"tenants":[],
    "backends":{},"routes":[],"limits":[],"control":null,"retry":{"attempts":3,"percent":20,"per_second":10},
    "sizes":{"body_bytes":20971520,"json_depth":64,"model_bytes":256,"sse_line_bytes":10485760,"sse_event_bytes":16777216,
    "answer_bytes":33554432,"error_bytes":65536,"instance_bytes":33554432}}"#;

/// How long an instance without a request is kept.
const IDLE: Duration = Duration::from_millis(10);

fn start(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, parts) in [("chain", &["auth", "router", "limiter", "translator"][..]), ("fused", &["gateway"])] {
        let composed = composed(folder.path(), name, parts);
        let new = || {
            let mut options = EdgeOptions::new(Chain::Composed(composed.clone()), EdgeConfig::new(CONFIG));
            options.cache = Some(folder.path().join("cache"));
            options.limits.idle = IDLE;
            Edge::new(options).unwrap()
        };
        // Compiles it.
        runtime.block_on(ask(&new()));
        let mut group = criterion.benchmark_group(format!("start/{name}"));
        group.bench_function("edge, compiled before", |bencher| {
            bencher.iter_custom(|times| {
                let mut took = Duration::ZERO;
                for _ in 0..times {
                    let began = Instant::now();
                    runtime.block_on(async { ask(&new()).await });
                    took += began.elapsed();
                    // Its instance ends, and gives the memory back that was reserved for all that there could be.
                    std::thread::sleep(10 * IDLE);
                }
                took
            });
        });
        let edge = new();
        group.bench_function("one more instance", |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    // Retires the instances that there are.
                    edge.reload(EdgeConfig::new(CONFIG)).unwrap();
                    ask(&edge).await;
                });
            });
        });
        group.bench_function("an instance that is there", |bencher| bencher.iter(|| runtime.block_on(ask(&edge))));
        group.finish();
    }
}

/// A composed chain, in a file.
fn composed(folder: &Path, name: &str, parts: &[&str]) -> PathBuf {
    let components = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/components");
    let read = |part: &&str| Part::new(*part, std::fs::read(components.join(format!("{part}.wasm"))).unwrap());
    let file = folder.join(format!("{name}.wasm"));
    std::fs::write(&file, compose(&parts.iter().map(read).collect::<Vec<_>>()).unwrap()).unwrap();
    file
}

/// A call without a key.
async fn ask(edge: &Edge) {
    let request = Request::get("http://weir.example/v1/models").body(weir_serve::empty()).unwrap();
    let response = edge.handle(request).await;
    assert_eq!(response.status(), 401);
    black_box(response);
}

criterion_group!(benches, start);
criterion_main!(benches);
