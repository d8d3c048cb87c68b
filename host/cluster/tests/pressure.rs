//! A client that reads slowly: what it does not take stays with the model server. A process of its own, since memory is
//! measured.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{Call, SOON, Tier, within};
use weir_tests::raw::{Next, RawClient};
use weir_tests::upstream::{Script, Upstream};

const STREAMS: usize = 200;
/// What each stream would be, if it were read ahead.
const STREAM: usize = 24 * 1024 * 1024;
/// Per stream, in this process: buffers of both connections and hyper's.
const MOST_PER_STREAM: usize = 256 * 1024;
/// And all of them together.
const MOST: usize = 60 * 1024 * 1024;

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test]
async fn s9_a_slow_client_holds_the_server_back_and_costs_bounded_memory() {
    // One buffer that all scripts share, so that the server's side costs nothing.
    let piece = {
        let mut text = Vec::with_capacity(64 * 1024 + 8);
        text.extend_from_slice(b"10000\r\n");
        text.extend((0..64 * 1024).map(|at| if at % 64 > 61 { b'\n' } else { b'a' }));
        text.extend_from_slice(b"\r\n");
        Bytes::from(text)
    };
    let upstream = Upstream::start(move |_| {
        (0..STREAM / (64 * 1024)).fold(Script::event_stream(), |script, _| script.send(piece.clone())).last_chunk()
    })
    .await;
    let tier = Tier::before(&[&upstream]);
    let mut clients = Vec::new();
    let mut before = 0;
    for count in 0..=STREAMS {
        let mut client = RawClient::connect_narrow(tier.addr, 8 * 1024).await.unwrap();
        client.send(Call::chat("llama").bytes()).await.unwrap();
        within(client.read_head()).await.unwrap();
        clients.push(client);
        if count == 0 {
            // The first one has warmed everything up.
            settled(&upstream).await;
            before = resident();
        }
    }
    settled(&upstream).await;
    let grown = resident().saturating_sub(before);
    assert!(grown <= MOST, "{} KiB", grown / 1024);
    assert!(grown <= STREAMS * MOST_PER_STREAM, "{} KiB a stream", grown / STREAMS / 1024);
    let sent = upstream.sent();
    // The kernel's own buffers hold the rest: they are not the process's memory, but they have an end, too.
    assert!(sent < (STREAMS as u64 + 1) * STREAM as u64 / 2, "{sent} bytes were sent ahead");

    // What is taken moves on, byte for byte, and only so much.
    let client = &mut clients[0];
    let mut taken = 0;
    while taken < 1024 * 1024 {
        match within(client.next_chunk()).await.unwrap() {
            Next::Chunk(chunk) => {
                assert!(chunk.data.iter().all(|byte| matches!(byte, b'a' | b'\n')));
                taken += chunk.data.len();
            }
            other => panic!("{other:?}"),
        }
    }
    println!(
        "{} KiB a stream in memory, {} KiB sent ahead",
        grown / STREAMS / 1024,
        sent / (STREAMS as u64 + 1) / 1024
    );

    let left = Instant::now();
    let open = upstream.closed().len();
    drop(clients);
    let all = |upstream: &Upstream| (upstream.closed().len() - open == STREAMS + 1).then_some(());
    upstream.wait_for(SOON, all).await.unwrap();
    assert!(left.elapsed() < Duration::from_secs(2), "cancelled although the servers were held back");
}

/// Waits until the server has not been able to send for a while.
async fn settled(upstream: &Upstream) {
    let mut last = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let sent = upstream.sent();
        if sent == last {
            return;
        }
        last = sent;
    }
}
