//! Start, reload and stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::client::Client;
use crate::support::upstream::Upstream;
use crate::support::{edge, get, guest, options, read, read_all, relay_config, serve, until};
use weir_core::Secret;
use weir_edge::{Chain, Edge, EdgeConfig, EdgeError, EdgeOptions, SecretFuture, Secrets, SecretsError};

#[tokio::test(flavor = "multi_thread")]
async fn g2_a_reload_under_load_drops_nothing() {
    let edge = Edge::new(options(&["answers_with_its_settings"], EdgeConfig::new("0"))).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let version = Arc::new(AtomicU64::new(0));
    let load = |_| {
        let (edge, done, version) = (edge.clone(), done.clone(), version.clone());
        tokio::spawn(async move {
            let mut requests = 0;
            while !done.load(Ordering::Relaxed) {
                let at_start = version.load(Ordering::SeqCst);
                let (status, body) = read_all(edge.handle(get("/")).await).await;
                assert_eq!(status, 200);
                assert!(body.parse::<u64>().unwrap() >= at_start, "a request after the reload got the old settings");
                requests += 1;
            }
            requests
        })
    };
    let loads: Vec<_> = (0..8).map(load).collect();
    for next in 1..=100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        edge.reload(EdgeConfig::new(next.to_string())).unwrap();
        version.store(next, Ordering::SeqCst);
    }
    done.store(true, Ordering::Relaxed);
    let mut requests = 0;
    for load in loads {
        requests += load.await.unwrap();
    }
    assert!(requests > 500, "{requests}");
    assert_eq!(read(&edge.stats().instances_trapped), 0);
    until("old instances retire", || read(&edge.stats().instances_live) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g2_a_stream_outlives_the_reload() {
    let edge = edge(&["streams_events"]);
    let response = edge.handle(get("/")).await;
    edge.reload(EdgeConfig::new("new")).unwrap();
    let (_, body) = read_all(response).await;
    assert!(body.ends_with("data: 9\n\n"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_live_streams_finish_within_the_grace() {
    let served = serve(edge(&["streams_events"]));
    let clients = futures::future::join_all((0..100).map(|_| Client::get(served.addr, "/", ""))).await;
    until("all are served", || read(&served.edge.stats().in_flight) == 100).await;
    served.stop.drain(Duration::from_secs(30));
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(served.edge.handle(get("/readyz")).await.status(), 503);
    for client in clients {
        let text = client.read_to_end().await;
        assert!(text.contains("data: 9") && text.ends_with("0\r\n\r\n"), "{text}");
    }
    assert_eq!(served.ended.await.unwrap().cut, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn l1_streams_that_outlive_the_grace_end_with_an_error_event() {
    let (backend, control) = (Upstream::start().await, Upstream::start().await);
    let chain = ["passes_the_stream_on", "relays_a_backend"];
    let served = serve(Edge::new(options(&chain, relay_config(backend.addr, control.addr))).unwrap());
    let mut clients = Vec::new();
    for path in ["/stall/a", "/stream/b", "/stall/c", "/stream/d"] {
        let mut client = Client::get(served.addr, path, "").await;
        client.read_until("data: 0").await;
        clients.push(client);
    }
    assert_eq!(served.edge.handle(get("/readyz")).await.status(), 200);
    served.stop.drain(Duration::from_millis(300));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(served.edge.handle(get("/readyz")).await.status(), 503);
    assert_eq!(served.edge.handle(get("/healthz")).await.status(), 200);
    for client in clients {
        let text = client.read_to_end().await;
        assert!(text.contains("event: error"), "{text}");
        assert!(!text.contains("\r\n0\r\n"), "it must not look whole: {text}");
    }
    served.ended.await.unwrap();
    assert_eq!(control.seen("/settle").len(), 4, "each is settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_get_secrets_by_name() {
    struct Vault;
    impl Secrets for Vault {
        fn secret<'a>(&'a self, name: &'a str) -> SecretFuture<'a> {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                match name {
                    "openai" => Ok(Some(Secret::new("sk-1".to_owned()))),
                    "broken" => Err(SecretsError("the vault at 10.0.0.1 is sealed".to_owned())),
                    _ => Ok(None),
                }
            })
        }
    }
    let config = EdgeConfig { secrets: Arc::new(Vault), ..EdgeConfig::new("c") };
    let edge = Edge::new(options(&["answers_with_its_settings"], config)).unwrap();
    assert_eq!(read_all(edge.handle(get("/secret/openai")).await).await, (200, "sk-1".to_owned()));
    assert_eq!(read_all(edge.handle(get("/secret/other")).await).await.0, 404);
    let (status, told) = read_all(edge.handle(get("/secret/broken")).await).await;
    assert_eq!(status, 500);
    assert!(!told.contains("10.0.0.1"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_compiled_once() {
    let cache = tempfile::tempdir().unwrap();
    let start = |bytes: Vec<u8>| {
        let mut options = EdgeOptions::new(Chain::Bytes(bytes), EdgeConfig::new("c"));
        options.limits.max_instances = 2;
        options.cache = Some(cache.path().to_owned());
        let started = Instant::now();
        (Edge::new(options).unwrap(), started.elapsed())
    };
    let (first, _) = start(guest("answers_with_its_settings"));
    assert_eq!(read(&first.stats().cache_misses), 1);
    let (second, _) = start(guest("answers_with_its_settings"));
    assert_eq!((read(&second.stats().cache_hits), read(&second.stats().cache_misses)), (1, 0));
    assert_eq!(read_all(second.handle(get("/")).await).await, (200, "c".to_owned()));
}

#[tokio::test]
async fn what_is_no_chain_is_refused_at_the_start() {
    let refused = |chain| Edge::new(EdgeOptions::new(chain, EdgeConfig::new(""))).err().unwrap();
    assert!(matches!(refused(Chain::Bytes(b"no component".to_vec())), EdgeError::Compile(_)));
    assert!(matches!(refused(Chain::Bytes(b"\0asm\x0d\0\x01\0".to_vec())), EdgeError::Link(_)));
    assert!(matches!(refused(Chain::Composed("/no/such/file.wasm".into())), EdgeError::Read { .. }));
    assert!(matches!(refused(Chain::Files(vec![])), EdgeError::Compose(_)));
}
