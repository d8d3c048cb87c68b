//! The load: raw HTTP/1.1 over kept connections, so that the generator costs little.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use weir_tests::chat;
use weir_tests::raw::{Next, RawClient};

use crate::process::{Memory, processor_time};
use crate::scene::Scene;

/// Latencies of requests that came one after another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latency {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// What many clients together got done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throughput {
    /// Requests for each second of the wall.
    pub(crate) per_second: f64,
    /// Requests for each second of the measured process's processor time.
    pub(crate) per_core_second: f64,
}

/// What a chunk of a stream costs the measured process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PerChunk {
    /// Processor time.
    pub(crate) processor: Duration,
    /// From one chunk to the next, as the client sees it.
    pub(crate) wall: Duration,
}

/// What an open stream holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    pub(crate) streams: usize,
    pub(crate) bytes_each: u64,
    pub(crate) peak: Memory,
}

/// Waits until somebody listens there.
pub(crate) async fn wait_until_open(address: SocketAddr) {
    for _ in 0..500 {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nobody listens on {address} within 10 s");
}

/// Waits until a request is answered with 200: a router may listen before it knows its model servers.
pub(crate) async fn wait_until_it_answers(scene: &Scene) {
    wait_until_open(scene.asker.address).await;
    for _ in 0..300 {
        let mut client = RawClient::connect(scene.asker.address).await.expect("it listens");
        let asked = client.send(scene.asker.request(1, false)).await;
        if asked.is_ok() && client.read_head().await.is_ok_and(|head| head.status == 200) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no request is answered within 30 s");
}

async fn exchange(client: &mut RawClient, request: &[u8]) {
    client.send(request).await.expect("the request is sent");
    let head = client.read_head().await.expect("an answer comes");
    chat::heed(&head);
    let body = client.read_body(&head).await.expect("the answer is whole");
    assert_eq!(head.status, 200, "{}", String::from_utf8_lossy(&body));
}

/// One client, `samples` requests, the first tenth not counted.
pub(crate) async fn one_after_another(scene: &Scene, samples: usize) -> Latency {
    let mut client = RawClient::connect(scene.asker.address).await.expect("it listens");
    let mut taken = Vec::with_capacity(samples);
    for index in 0..samples {
        let request = scene.asker.request(16, false);
        let start = Instant::now();
        exchange(&mut client, &request).await;
        if index >= samples / 10 {
            taken.push(start.elapsed());
        }
    }
    taken.sort_unstable();
    Latency { p50: taken[taken.len() / 2], p99: taken[taken.len() * 99 / 100] }
}

/// So many clients, each asking again as soon as it has its answer.
pub(crate) async fn together(scene: &Scene, clients: usize, length: Duration) -> Throughput {
    let before = processor_time(scene.pid());
    let start = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let asker = scene.asker;
            tokio::spawn(async move {
                let mut client = RawClient::connect(asker.address).await.expect("it listens");
                let mut done = 0_u64;
                while start.elapsed() < length {
                    exchange(&mut client, &asker.request(16, false)).await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.expect("no client fails");
    }
    let (wall, used) = (start.elapsed(), processor_time(scene.pid()).saturating_sub(before));
    Throughput {
        per_second: done as f64 / wall.as_secs_f64(),
        per_core_second: done as f64 / used.as_secs_f64().max(0.01),
    }
}

/// So many streams at once, of so many tokens each.
pub(crate) async fn long_streams(scene: &Scene, streams: usize, tokens: usize) -> PerChunk {
    let before = processor_time(scene.pid());
    let start = Instant::now();
    let tasks: Vec<_> = (0..streams)
        .map(|_| {
            let asker = scene.asker;
            tokio::spawn(async move {
                let mut client = RawClient::connect(asker.address).await.expect("it listens");
                client.send(asker.request(tokens, true)).await.expect("the request is sent");
                assert_eq!(client.read_head().await.expect("an answer comes").status, 200);
                let mut events = 0_usize;
                while let Next::Chunk(chunk) = client.next_chunk().await.expect("the stream goes on") {
                    events += chunk.data.windows(2).filter(|pair| pair == b"\n\n").count();
                }
                events
            })
        })
        .collect();
    let mut events = 0;
    for task in tasks {
        events += task.await.expect("no client fails");
    }
    assert!(events >= streams * tokens, "{events} events of {streams} streams");
    let events = u32::try_from(events).unwrap_or(u32::MAX);
    PerChunk { processor: processor_time(scene.pid()).saturating_sub(before) / events, wall: start.elapsed() / events }
}

/// So many streams that have begun, and then wait for a model that takes its time.
pub(crate) async fn open_streams(scene: &Scene, streams: usize) -> Open {
    let before = scene.memory();
    let mut clients = Vec::with_capacity(streams);
    for _ in 0..streams {
        let mut client = RawClient::connect(scene.asker.address).await.expect("it listens");
        client.send(scene.asker.slow_request()).await.expect("the request is sent");
        assert_eq!(client.read_head().await.expect("an answer comes").status, 200);
        clients.push(client);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let peak = scene.memory();
    drop(clients);
    Open { streams, bytes_each: peak.bytes.saturating_sub(before.bytes) / streams as u64, peak }
}
