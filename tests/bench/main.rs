//! Weir measured from outside, as ratios against a direct call: whole requests over real sockets, in one run.
//!
//! Every process is the binary that users run. Latency is measured with one client, one request after another;
//! throughput with 32, as requests for each second of processor time that Weir's process used, so that the figure
//! does not depend on how many cores the load generator took. Memory is the resident set as the kernel tells it.
//!
//! `--quick` measures less of everything; `--peers` tier two and its peers alone, `--promises` what tier two promises.

mod load;
mod peers;
mod process;
mod promises;
mod report;
mod scene;

use std::time::Duration;

use report::Report;
use scene::{Scene, Way};
use weir_tests::weir::Built;

#[tokio::main]
async fn main() {
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
    let effort = if has("--quick") { Effort::QUICK } else { Effort::FULL };
    let weir = std::env::var("WEIR_BIN").unwrap_or_else(|_| "target/release/weir".to_owned());
    let built = weir_tests::weir::Built::at(&weir);
    if has("--promises") {
        return promises::measure(&built, &effort).await;
    }
    let mut report = Report::new(&built);

    if !has("--peers") {
        measure(&built, &Way::ALL, &effort, effort.streams, &mut report).await;
    }
    report.section("Tier two beside its peers, in front of two model servers");
    measure(&built, &Way::of_two(), &effort, 2 * effort.streams, &mut report).await;
    report.write();
    if !has("--peers") {
        promises::measure(&built, &effort).await;
    }
}

/// How much is measured.
struct Effort {
    samples: usize,
    throughput: Duration,
    streams: usize,
    /// Changes of a cluster.
    changes: usize,
}

impl Effort {
    const QUICK: Self = Self { samples: 300, throughput: Duration::from_secs(2), streams: 200, changes: 50 };
    const FULL: Self = Self { samples: 3_000, throughput: Duration::from_secs(8), streams: 1_000, changes: 200 };
}

async fn measure(built: &Built, ways: &[Way], effort: &Effort, streams: usize, report: &mut Report) {
    for &way in ways {
        eprintln!("measuring: {}", way.name());
        let scene = Scene::start(built, way).await;
        let idle = scene.memory();
        scene.warm_up().await;
        let latency = load::one_after_another(&scene, effort.samples).await;
        let throughput = load::together(&scene, 32, effort.throughput).await;
        let chunks = load::long_streams(&scene, 8, 2_000).await;
        let loaded = scene.memory();
        drop(scene);
        // In processes of their own: what was freed before would hide what is taken.
        let fresh = Scene::start(built, way).await;
        fresh.warm_up().await;
        let open = load::open_streams(&fresh, streams).await;
        report.add(way, &report::Measured { idle, latency, throughput, chunks, loaded, open });
    }
}
