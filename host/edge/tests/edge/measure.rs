//! What the runtime costs, in this process and without a network. Run with `--ignored measure --nocapture`.

use std::time::{Duration, Instant};

use weir_edge::{Edge, EdgeConfig};

use crate::support::{get, options, read, read_all};

/// Requests per second with so many at once.
async fn rate(edge: &Edge, at_once: usize, time: Duration) -> f64 {
    let end = Instant::now() + time;
    let load = |_| {
        let edge = edge.clone();
        tokio::spawn(async move {
            let mut requests = 0_u32;
            while Instant::now() < end {
                assert_eq!(read_all(edge.handle(get("/")).await).await.0, 200);
                requests += 1;
            }
            requests
        })
    };
    let loads: Vec<_> = (0..at_once).map(load).collect();
    let mut requests = 0;
    for load in loads {
        requests += load.await.unwrap();
    }
    f64::from(requests) / time.as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a check"]
async fn measure_requests_per_second() {
    let middleware = "passes_the_stream_on";
    let chains: [&[&str]; 2] =
        [&["misbehaves_on_request"], &[middleware, middleware, middleware, "misbehaves_on_request"]];
    for chain in chains {
        let edge = Edge::new(options(chain, EdgeConfig::new(""))).unwrap();
        for at_once in [1, 16, 64] {
            rate(&edge, at_once, Duration::from_millis(300)).await;
            let before = read(&edge.stats().instances_created);
            let rate = rate(&edge, at_once, Duration::from_secs(2)).await;
            let created = read(&edge.stats().instances_created) - before;
            println!("{} parts, {at_once} at once: {rate:.0} requests/s, {created} instances made", chain.len());
        }
    }
}
