//! Weir measured from outside, as ratios against a direct call: whole requests over real sockets, in one run.
//!
//! Every process is the binary that users run. Latency is measured with one client, one request after another;
//! throughput with 32, as requests for each second of processor time that Weir's process used, so that the figure
//! does not depend on how many cores the load generator took. Memory is the resident set as the kernel tells it.

mod load;
mod process;
mod report;
mod scene;

use std::time::Duration;

use report::Report;
use scene::{Scene, Way};

#[tokio::main]
async fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let (samples, seconds, streams) = if quick { (300, 2, 200) } else { (3_000, 8, 1_000) };
    let weir = std::env::var("WEIR_BIN").unwrap_or_else(|_| "target/release/weir".to_owned());
    let built = weir_tests::weir::Built::at(&weir);
    let mut report = Report::new(&built);

    for way in Way::ALL {
        eprintln!("measuring: {}", way.name());
        let scene = Scene::start(&built, way).await;
        let idle = scene.memory();
        scene.warm_up().await;
        let latency = load::one_after_another(&scene, samples).await;
        let throughput = load::together(&scene, 32, Duration::from_secs(seconds)).await;
        let chunks = load::long_streams(&scene, 8, 2_000).await;
        let loaded = scene.memory();
        drop(scene);
        // In processes of their own: what was freed before would hide what is taken.
        let fresh = Scene::start(&built, way).await;
        fresh.warm_up().await;
        let open = load::open_streams(&fresh, streams).await;
        report.add(way, &report::Measured { idle, latency, throughput, chunks, loaded, open });
    }
    report.write();
}
