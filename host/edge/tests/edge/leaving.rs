//! When a client leaves: its backends see it at once, its guest settles, and nobody else notices.

use std::time::{Duration, Instant};

use crate::support::client::Client;
use crate::support::upstream::Upstream;
use crate::support::{Served, options, read, relay_config, serve, until};
use weir_edge::Edge;

/// What is promised, from the client's leaving to the upstream's seeing it.
const PROMISE: Duration = Duration::from_millis(250);

struct Scene {
    served: Served,
    backend: Upstream,
    control: Upstream,
}

/// `relays_a_backend`, behind these middlewares.
async fn scene(middlewares: &[&str]) -> Scene {
    let (backend, control) = (Upstream::start().await, Upstream::start().await);
    let chain = [middlewares, &["relays_a_backend"]].concat();
    let mut options = options(&chain, relay_config(backend.addr, control.addr));
    // One instance serves all, so that requests do meet.
    options.limits.parallelism = 1;
    let served = serve(Edge::new(options).unwrap());
    Scene { served, backend, control }
}

impl Scene {
    /// Lets `client` leave, and checks that the upstream of `path` sees it in time, and that the guest settles.
    async fn leaves(&self, client: Client, path: &str, settled_as: &str) {
        let leaving = Instant::now();
        client.reset();
        until("the upstream sees the close", || self.backend.left(path).is_some()).await;
        let seen_after = self.backend.left(path).unwrap() - leaving;
        assert!(seen_after <= PROMISE, "{path}: {seen_after:?}");
        until("the guest settles", || self.settlement(path).is_some()).await;
        let settled = self.settlement(path).unwrap();
        assert!(settled.contains(settled_as), "{settled}");
    }

    fn settlement(&self, path: &str) -> Option<String> {
        let of_path = |body: &String| body.starts_with(&format!("{path} "));
        self.control.seen("/settle").into_iter().map(|seen| seen.body).find(of_path)
    }
}

const CHAINS: [&[&str]; 2] = [&[], &["passes_the_stream_on", "passes_the_stream_on", "passes_the_stream_on"]];

#[tokio::test(flavor = "multi_thread")]
async fn s1_a_client_that_leaves_before_the_first_byte_cancels_its_backend() {
    for chain in CHAINS {
        let scene = scene(chain).await;
        let client = Client::get(scene.served.addr, "/silent", "").await;
        until("the backend is called", || !scene.backend.seen("/silent").is_empty()).await;
        scene.leaves(client, "/silent", "failed ErrorCode::InternalError(Some(\"client-gone\"))").await;
        assert_eq!(read(&scene.served.edge.stats().client_gone), 1);
        assert_eq!(read(&scene.served.edge.stats().outbound_cancelled), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s1_a_client_that_leaves_before_the_first_event_cancels_its_backend() {
    for chain in CHAINS {
        let scene = scene(chain).await;
        let mut client = Client::get(scene.served.addr, "/stall", "").await;
        client.read_until("data: 0").await;
        // The guest waits for the next event: there is no write that could fail.
        scene.leaves(client, "/stall", "truncated ErrorCode::InternalError(Some(\"client-gone\"))").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_a_client_that_leaves_mid_stream_cancels_its_backend() {
    for chain in CHAINS {
        let scene = scene(chain).await;
        let mut client = Client::get(scene.served.addr, "/stream", "").await;
        client.read_until("data: 5").await;
        scene.leaves(client, "/stream", "delivered=").await;
        assert!(!scene.settlement("/stream").unwrap().contains("complete"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_told_of_a_timeout_leaves_no_backend_at_work() {
    let (backend, control) = (Upstream::start().await, Upstream::start().await);
    let mut options = options(&["relays_a_backend"], relay_config(backend.addr, control.addr));
    options.limits.head_timeout = Duration::from_millis(200);
    let scene = Scene { served: serve(Edge::new(options).unwrap()), backend, control };
    let mut client = Client::get(scene.served.addr, "/silent", "").await;
    client.read_until("HTTP/1.1 504").await;
    until("the upstream sees the close", || scene.backend.left("/silent").is_some()).await;
    until("the guest settles", || scene.settlement("/silent").is_some()).await;
    assert!(scene.settlement("/silent").unwrap().contains("client-gone"));
    assert_eq!(read(&scene.served.edge.stats().client_gone), 0, "it has not left");
}

#[tokio::test(flavor = "multi_thread")]
async fn s1_a_call_from_spawned_work_is_cancelled_too() {
    for chain in CHAINS {
        let scene = scene(chain).await;
        // The guest has answered; the call is made from work that it spawned.
        let mut client = Client::get(scene.served.addr, "/late/silent", "").await;
        client.read_until("\r\n\r\n").await;
        until("the backend is called", || !scene.backend.seen("/late/silent").is_empty()).await;
        scene.leaves(client, "/late/silent", "failed ErrorCode::InternalError(Some(\"client-gone\"))").await;
        assert_eq!(read(&scene.served.edge.stats().outbound_unattributed), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_requests_on_one_instance_are_told_apart() {
    for chain in CHAINS {
        for kind in ["/silent", "/stream", "/late/silent", "/late/stream"] {
            let scene = scene(chain).await;
            let paths: Vec<_> = (0..6).map(|i| format!("{kind}/{i}")).collect();
            let mut clients = Vec::new();
            for path in &paths {
                clients.push(Client::get(scene.served.addr, path, "").await);
            }
            until("all are at the backend", || scene.backend.seen(kind).len() == paths.len()).await;
            assert_eq!(read(&scene.served.edge.stats().instances_created), 1, "they share an instance");

            // They leave one by one, in an odd order; the backends of the others stay.
            for leaves in [3, 0, 5, 1] {
                let client = std::mem::replace(
                    &mut clients[leaves],
                    Client::get(scene.served.addr, "/ok", "connection: close\r\n").await,
                );
                scene.leaves(client, &paths[leaves], "").await;
                tokio::time::sleep(Duration::from_millis(30)).await;
                let gone = scene.backend.seen(kind).iter().filter(|seen| seen.left.is_some()).count();
                let expected = [3, 0, 5, 1].iter().position(|&left| left == leaves).unwrap() + 1;
                assert_eq!(gone, expected, "{kind} with {} middlewares", chain.len());
            }
            assert!(scene.backend.left(&paths[2]).is_none() && scene.backend.left(&paths[4]).is_none());
            assert_eq!(read(&scene.served.edge.stats().outbound_unattributed), 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_used_again_are_not_mistaken() {
    // Many requests in a row on one instance: their tasks' ids are used again and again.
    let scene = scene(&["passes_the_stream_on", "passes_the_stream_on"]).await;
    let stays = Client::get(scene.served.addr, "/silent/stays", "").await;
    until("it is at the backend", || !scene.backend.seen("stays").is_empty()).await;
    for round in 0..40 {
        let path = format!("/silent/{round}");
        let done = Client::get(scene.served.addr, "/ok", "connection: close\r\n").await.read_to_end().await;
        assert!(done.contains("ok"), "{done}");
        let client = Client::get(scene.served.addr, &path, "").await;
        until("it is at the backend", || !scene.backend.seen(&path).is_empty()).await;
        scene.leaves(client, &path, "client-gone").await;
    }
    assert!(scene.backend.left("stays").is_none());
    assert_eq!(read(&scene.served.edge.stats().instances_created), 1);
    scene.leaves(stays, "/silent/stays", "client-gone").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stays_gets_everything() {
    let scene = scene(&["passes_the_stream_on"]).await;
    let answer = Client::get(scene.served.addr, "/trailers", "connection: close\r\n").await.read_to_end().await;
    assert!(answer.contains("data: 0") && answer.ends_with("0\r\n\r\n"), "{answer}");
    until("it settles", || scene.settlement("/trailers").is_some()).await;
    assert!(scene.settlement("/trailers").unwrap().contains("complete delivered=9"));
    assert_eq!(read(&scene.served.edge.stats().client_gone), 0);
    assert_eq!(read(&scene.served.edge.stats().outbound_cancelled), 0);
}
