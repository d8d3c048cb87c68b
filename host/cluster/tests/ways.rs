//! The ways to a server: TLS of the cluster's own authorities, HTTP/2, another host; and those that lead nowhere.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Call, Tier, endpoint, options};
use http::{Request, Response};
use serde_json::Value;
use weir_cluster::{EndpointOptions, Model, Trust};
use weir_serve::{Body, Listener, Peer, ServeLimits, Shutdown, ShutdownTrigger, full, serve};
use weir_tests::upstream::{Script, Upstream};

fn code(body: &str) -> String {
    let error: Value = serde_json::from_str(body).unwrap();
    error["error"]["code"].as_str().unwrap_or_default().to_owned()
}

/// A server that tells how it was asked.
struct Teller {
    port: u16,
    _stop: ShutdownTrigger,
}

async fn tell(request: Request<Body>, _: Peer) -> Response<Body> {
    let host = request.headers().get("host").and_then(|host| host.to_str().ok()).or(request.uri().host());
    Response::new(full(format!("{:?} {}", request.version(), host.unwrap_or_default())))
}

fn teller(tls: Option<Arc<rustls::ServerConfig>>) -> Teller {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = listener.local_addr().port();
    let (stop, shutdown) = Shutdown::new();
    tokio::spawn(serve(listener, tls, tell, ServeLimits::default(), shutdown));
    Teller { port, _stop: stop }
}

/// An authority, and a server of that authority with a certificate for this name.
fn secure(name: &str) -> (Arc<[u8]>, Teller) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = weir_serve::server_tls(&cert, &key).unwrap();
    (made.cert.pem().into_bytes().into(), teller(Some(tls)))
}

fn trusting(teller: &Teller, pem: &Arc<[u8]>, name: Option<&str>) -> EndpointOptions {
    let mut options = EndpointOptions::new(format!("https://127.0.0.1:{}", teller.port).parse().unwrap(), "/v1");
    options.trust = Trust::Authorities { pem: pem.clone(), server_name: name.map(str::to_owned) };
    options
}

fn before(endpoints: Vec<EndpointOptions>) -> weir_cluster::ClusterOptions {
    weir_cluster::ClusterOptions { models: vec![Model::new("llama", endpoints)], ..options(&[]) }
}

#[tokio::test]
async fn a_pod_is_trusted_by_its_own_authority_and_name_and_speaks_http2() {
    let (pem, pod) = secure("kserve.llama.svc");
    let tier = Tier::start(before(vec![trusting(&pod, &pem, Some("kserve.llama.svc"))]));
    for _ in 0..3 {
        let (head, body) = tier.answer(&Call::chat("llama")).await;
        assert_eq!((head.status, body.as_str()), (200, "HTTP/2.0 127.0.0.1"));
    }
}

#[tokio::test]
async fn r5_a_certificate_of_another_authority_or_name_is_an_error_of_its_own_and_others_are_tried() {
    let (pem, pod) = secure("kserve.llama.svc");
    let (other_pem, _) = secure("kserve.llama.svc");
    for (what, endpoint) in [
        ("another authority", trusting(&pod, &other_pem, Some("kserve.llama.svc"))),
        ("another name", trusting(&pod, &pem, Some("kserve.other.svc"))),
        ("the address is not in it", trusting(&pod, &pem, None)),
        ("not PEM", trusting(&pod, &Arc::from(&b"no certificate"[..]), Some("kserve.llama.svc"))),
        ("the public authorities", {
            let mut public = trusting(&pod, &pem, None);
            public.trust = Trust::Client;
            public
        }),
    ] {
        let alone = Tier::start(before(vec![endpoint.clone()]));
        let (head, body) = alone.answer(&Call::chat("llama")).await;
        assert_eq!((head.status, code(&body).as_str()), (502, "upstream_tls"), "{what}");

        let good = Upstream::start(|_| Script::json(200, "{}")).await;
        let tier = Tier::start(before(vec![endpoint, common::endpoint(&good)]));
        for _ in 0..6 {
            assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200, "{what}");
        }
    }
}

#[tokio::test]
async fn http2_is_spoken_in_the_clear_where_it_is_stated_and_the_host_is_what_is_told() {
    let server = teller(None);
    let origin: weir_core::Origin = format!("http://127.0.0.1:{}", server.port).parse().unwrap();
    let mut iris = EndpointOptions::new(origin.clone(), "/v1");
    iris.host = Some("iris.ns.example.com".into());
    let mut fast = EndpointOptions::new(origin, "/v1");
    (fast.host, fast.h2c) = (Some("fast.ns.example.com".into()), true);
    let models = vec![Model::new("iris", vec![iris]), Model::new("fast", vec![fast])];
    let tier = Tier::start(weir_cluster::ClusterOptions { models, ..options(&[]) });
    assert_eq!(tier.answer(&Call::chat("iris")).await.1, "HTTP/1.1 iris.ns.example.com");
    assert_eq!(tier.answer(&Call::chat("fast")).await.1, "HTTP/2.0 fast.ns.example.com");
    let names: Vec<String> = tier.cluster.snapshot().endpoints().map(|endpoint| endpoint.name.clone()).collect();
    assert_eq!(names.len(), 2);
    assert!(names[0].ends_with(";host=iris.ns.example.com"), "two routes behind one gateway are two: {names:?}");
}

#[tokio::test]
async fn r6_a_name_without_an_address_is_an_error_of_its_own() {
    // No such name can ever be (RFC 6761).
    let nowhere = EndpointOptions::new("http://model.invalid:80".parse().unwrap(), "/v1");
    let tier = Tier::start(before(vec![nowhere.clone()]));
    let (head, body) = tier.answer(&Call::chat("llama")).await;
    assert_eq!((head.status, code(&body).as_str()), (502, "upstream_dns"));

    let good = Upstream::start(|_| Script::json(200, "{}")).await;
    let tier = Tier::start(before(vec![nowhere, endpoint(&good)]));
    for _ in 0..6 {
        assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200);
    }
}

#[tokio::test]
async fn r5_a_black_hole_is_given_up_after_three_seconds() {
    // A listener whose queue is full answers no handshake.
    let full = tokio::net::TcpSocket::new_v4().unwrap();
    full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = full.listen(0).unwrap();
    let hole = full.local_addr().unwrap();
    let _taken = [tokio::net::TcpStream::connect(hole).await.unwrap()];
    let endpoint = EndpointOptions::new(format!("http://{hole}").parse().unwrap(), "/v1");
    let tier = Tier::start(before(vec![endpoint]));
    let begun = Instant::now();
    let (head, body) = tier.answer(&Call::chat("llama")).await;
    assert_eq!((head.status, code(&body).as_str()), (502, "upstream_connect"));
    let took = begun.elapsed();
    assert!((Duration::from_millis(2_800)..Duration::from_millis(3_400)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn r3_a_server_that_asks_for_time_gets_it_and_the_caller_is_told_how_long_that_is() {
    let busy = Script::default()
        .send("HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
    let script = busy.clone();
    let limited = Upstream::start(move |_| script.clone()).await;
    let good = Upstream::start(|_| Script::json(200, "{}")).await;
    let tier = Tier::before(&[&limited, &good]);
    for _ in 0..40 {
        assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200);
    }
    assert_eq!(limited.calls().len(), 1, "nothing for seven seconds");

    let alone = Upstream::start(move |_| busy.clone()).await;
    let tier = Tier::before(&[&alone]);
    assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 429);
    let (head, body) = tier.answer(&Call::chat("llama")).await;
    assert_eq!((head.status, code(&body).as_str()), (429, "upstream_rate_limited"));
    let wait: u64 = head.header("retry-after").unwrap().parse().unwrap();
    assert!((6..=7).contains(&wait), "{wait}");
    assert_eq!(alone.calls().len(), 1);
}

#[tokio::test]
async fn r8_one_server_that_is_ten_times_slower_does_not_slow_the_others_callers() {
    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    let takes = |ms: u64| Upstream::start(move |_| Script::default().delay(Duration::from_millis(ms)).send(OK));
    let (slow, one, two) = (takes(600).await, takes(60).await, takes(60).await);
    let tier = Tier::before(&[&slow, &one, &two]);
    let run = async |turns: usize| {
        for _ in 0..turns {
            let calls = [(); 3].map(|()| async { tier.answer(&Call::chat("llama")).await.0.status });
            assert_eq!(futures::future::join_all(calls).await, [200; 3]);
        }
    };
    // It is found out by a few answers.
    run(15).await;
    let before = slow.calls().len();
    assert!(before >= 5, "{before}");
    run(70).await;
    // Fewer than one in a hundred, so that the 99th percentile is that of the others; times themselves say nothing on a
    // machine that is busy.
    let after = slow.calls().len() - before;
    assert!(after <= 2, "{after} of 210");
}
