//! What is measured of the whole process: in a process of its own, and one test at a time.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "edge/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use weir_edge::{Edge, EdgeConfig};

use crate::support::{get, options, read, read_all, until};

/// Held by the test that runs.
static ALONE: Mutex<()> = Mutex::const_new(());

fn misbehaving(cpu_deadline: Duration) -> Edge {
    let mut options = options(&["misbehaves_on_request"], EdgeConfig::new(""));
    options.limits.cpu_deadline = cpu_deadline;
    Edge::new(options).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_a_guest_that_loops_is_killed_at_its_deadline() {
    let _alone = ALONE.lock().await;
    let deadline = Duration::from_millis(500);
    let edge = misbehaving(deadline);
    assert_eq!(read_all(edge.handle(get("/")).await).await, (200, "ok".to_owned()));

    let start = Instant::now();
    let looping = edge.handle(get("/loop"));
    let response = looping.await;
    let took = start.elapsed();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    // The upper bound leaves room for a busy machine: turns on the thread are lost to others.
    assert!(took >= deadline, "{took:?}");
    assert!(took < deadline * 11 / 10 + Duration::from_millis(50), "{took:?}");
    assert_eq!(read(&edge.stats().instances_over_deadline), 1);
    assert_eq!(read_all(edge.handle(get("/")).await).await, (200, "ok".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_a_guest_that_takes_four_gigabytes_ends_itself() {
    let _alone = ALONE.lock().await;
    // To fill its memory takes long on a busy machine.
    let edge = misbehaving(Duration::from_secs(20));
    assert_eq!(edge.handle(get("/")).await.status(), 200);
    let before = resident_bytes();
    for _ in 0..4 {
        assert_eq!(edge.handle(get("/allocate")).await.status(), 500);
    }
    until("the instances are gone", || read(&edge.stats().instances_live) == 0).await;
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "the host keeps {grown} bytes");
    assert_eq!(edge.handle(get("/")).await.status(), 200);
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
