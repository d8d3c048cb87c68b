//! Where guests may call, and what they are told when a call fails.

use std::time::{Duration, Instant};

use crate::support::upstream::Upstream;
use crate::support::{get, options, read, read_all, relay_config};
use weir_edge::{Destination, Edge, EdgeConfig};
use weir_serve::NetworkPolicy;

fn relaying(config: EdgeConfig) -> Edge {
    Edge::new(options(&["relays_a_backend"], config)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_a_destination_that_is_not_listed_is_not_called() {
    let (backend, control) = (Upstream::start().await, Upstream::start().await);
    let mut config = relay_config(backend.addr, control.addr);
    config.destinations.remove(0);
    let edge = relaying(config);
    let (status, told) = read_all(edge.handle(get("/ok")).await).await;
    assert_eq!((status, told.as_str()), (502, "ErrorCode::HttpRequestDenied"));
    assert!(backend.seen("").is_empty());
    assert_eq!(read(&edge.stats().outbound_denied), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn e4_an_address_that_the_policy_forbids_is_not_connected_to() {
    let (backend, control) = (Upstream::start().await, Upstream::start().await);
    let mut config = relay_config(backend.addr, control.addr);
    config.destinations[0].network = NetworkPolicy::Public;
    let (_, told) = read_all(relaying(config).handle(get("/ok")).await).await;
    assert_eq!(told, "ErrorCode::DestinationIpProhibited");
    assert!(backend.seen("").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_failures_to_connect_are_told_apart() {
    let control = Upstream::start().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (_, told) = read_all(relaying(relay_config(free, control.addr)).handle(get("/ok")).await).await;
    assert_eq!(told, "ErrorCode::ConnectionRefused");

    let origin = "http://models.invalid:8000";
    let mut config = EdgeConfig::new(format!("{origin} http://{}", control.addr));
    config.destinations = vec![
        Destination::backend(origin.parse().unwrap()),
        Destination::control(format!("http://{}", control.addr).parse().unwrap()),
    ];
    let (_, told) = read_all(relaying(config).handle(get("/ok")).await).await;
    assert!(told.starts_with("ErrorCode::DnsError"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_a_backend_that_breaks_off_is_not_taken_for_whole() {
    let (backend, control) = (Upstream::start().await, Upstream::start().await);
    let edge = relaying(relay_config(backend.addr, control.addr));
    let response = edge.handle(get("/cut")).await;
    let ended = http_body_util::BodyExt::collect(response.into_body()).await;
    assert!(ended.is_err());
    let settled = control.seen("/settle");
    assert!(settled[0].body.contains("truncated ErrorCode::HttpResponseIncomplete"), "{settled:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_and_lengths_are_told() {
    let (backend, control) = (Upstream::start().await, Upstream::start().await);
    let edge = relaying(relay_config(backend.addr, control.addr));
    for _ in 0..3 {
        assert_eq!(read_all(edge.handle(get("/ok")).await).await, (200, "ok".to_owned()));
    }
    let settled = control.seen("/settle");
    assert!(settled.iter().all(|seen| seen.head.contains("content-length: ")), "{settled:?}");
    assert!(settled.iter().all(|seen| !seen.head.contains("transfer-encoding")), "{settled:?}");
    assert!(backend.seen("/ok").iter().all(|seen| seen.head.contains(&format!("host: {}", backend.addr))));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeouts_that_a_guest_asks_for_are_kept() {
    let (backend, control) = (Upstream::start().await, Upstream::start().await);
    let edge = relaying(relay_config(backend.addr, control.addr));
    let start = Instant::now();
    let (status, told) = read_all(edge.handle(get("/silent/impatient")).await).await;
    assert_eq!((status, told.as_str()), (502, "ErrorCode::ConnectionReadTimeout"));
    assert!(start.elapsed() >= Duration::from_millis(100) && start.elapsed() < Duration::from_secs(2));

    let response = edge.handle(get("/stall/impatient")).await;
    assert!(http_body_util::BodyExt::collect(response.into_body()).await.is_err());
    let settled = control.seen("/settle").into_iter().map(|seen| seen.body).find(|body| body.contains("/stall"));
    assert!(settled.unwrap().contains("truncated ErrorCode::ConnectionReadTimeout delivered=9"));

    // An address of a network for documentation: nobody answers.
    let nowhere = "192.0.2.1:9".parse().unwrap();
    let edge = relaying(relay_config(nowhere, control.addr));
    let start = Instant::now();
    let (_, told) = read_all(edge.handle(get("/ok/impatient")).await).await;
    assert!(start.elapsed() < Duration::from_secs(2), "{told}");
    // Where the machine has no route at all, it says so at once.
    let expected = ["ConnectionTimeout", "ConnectionReadTimeout", "DestinationIpUnroutable", "ConnectionRefused"];
    assert!(expected.iter().any(|code| told == format!("ErrorCode::{code}")), "{told}");
}
