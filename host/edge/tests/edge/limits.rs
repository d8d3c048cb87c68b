//! A guest that misbehaves ends itself, and nothing else.

use std::time::{Duration, Instant};

use crate::support::client::Client;
use crate::support::{edge, get, options, read, read_all, serve, until};
use http_body_util::BodyExt;
use weir_edge::{Edge, EdgeConfig};

fn misbehaving(cpu_deadline: Duration) -> Edge {
    let mut options = options(&["misbehaves_on_request"], EdgeConfig::new(""));
    options.limits.cpu_deadline = cpu_deadline;
    Edge::new(options).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_others_are_served_while_a_guest_loops() {
    let edge = misbehaving(Duration::from_secs(2));
    let looping = tokio::spawn({
        let edge = edge.clone();
        async move { edge.handle(get("/loop")).await.status() }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut slowest = Duration::ZERO;
    for _ in 0..50 {
        let start = Instant::now();
        assert_eq!(edge.handle(get("/")).await.status(), 200);
        slowest = slowest.max(start.elapsed());
    }
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    assert_eq!(looping.await.unwrap(), 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_may_compute_up_to_its_deadline() {
    let edge = misbehaving(Duration::from_secs(20));
    assert_eq!(edge.handle(get("/compute")).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_a_trap_ends_one_instance_and_the_next_request_is_fine() {
    let edge = edge(&["misbehaves_on_request"]);
    for _ in 0..20 {
        let (status, body) = read_all(edge.handle(get("/trap")).await).await;
        assert_eq!(status, 500);
        assert!(!body.contains("as asked"), "{body}");
        assert_eq!(edge.handle(get("/")).await.status(), 200);
    }
    assert_eq!(read(&edge.stats().instances_trapped), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_a_guests_error_does_not_tell_its_cause() {
    let edge = edge(&["misbehaves_on_request"]);
    let (status, body) = read_all(edge.handle(get("/error")).await).await;
    assert_eq!(status, 500);
    assert!(!body.contains("secret cause"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_a_trap_mid_stream_is_seen_as_an_abort() {
    let served = serve(edge(&["misbehaves_on_request"]));
    let answer = Client::get(served.addr, "/trap-midstream", "").await.read_to_end().await;
    assert!(answer.contains("data: 1"), "{answer}");
    assert!(!answer.contains("\r\n0\r\n"), "it must not look whole: {answer}");
    assert_eq!(read(&served.edge.stats().aborted), 1);
    assert_eq!(read(&served.edge.stats().client_gone), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn t2_too_many_headers_are_the_guests_problem() {
    let edge = edge(&["misbehaves_on_request"]);
    let (status, body) = read_all(edge.handle(get("/headers")).await).await;
    assert_eq!(status, 200);
    let taken: Vec<usize> = body.split(' ').map(|count| count.parse().unwrap()).collect();
    assert!(taken.iter().all(|&taken| taken < 32_768), "{body}");
    assert_eq!(read(&edge.stats().instances_trapped), 0);
    assert_eq!(edge.handle(get("/")).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_never_answers_is_given_up() {
    let mut options = options(&["misbehaves_on_request"], EdgeConfig::new(""));
    options.limits.head_timeout = Duration::from_millis(200);
    options.limits.leftover_grace = Duration::from_millis(300);
    let edge = Edge::new(options).unwrap();
    assert_eq!(edge.handle(get("/never")).await.status(), 504);
    until("its instance is dropped", || read(&edge.stats().instances_live) == 0).await;
    assert_eq!(edge.handle(get("/")).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn overload_is_answered_with_503() {
    let mut options = options(&["misbehaves_on_request"], EdgeConfig::new(""));
    options.limits.max_instances = 1;
    options.limits.concurrent_per_instance = 2;
    options.limits.queue = 3;
    let edge = Edge::new(options).unwrap();
    let all = futures::future::join_all((0..12).map(|_| {
        let edge = edge.clone();
        async move {
            let response = edge.handle(get("/slow")).await;
            let retry_after = response.headers().get("retry-after").cloned();
            (read_all(response).await.0, retry_after)
        }
    }));
    let mut counts = [0; 2];
    for (status, retry_after) in all.await {
        match status {
            200 => counts[0] += 1,
            503 => {
                assert_eq!(retry_after.unwrap(), "1");
                counts[1] += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(counts[0] >= 3 && counts[1] >= 7, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_beyond_an_instances_budget_are_answered_with_503() {
    let mut options = options(&["counts_the_body"], EdgeConfig::new(""));
    options.limits.max_instances = 1;
    options.limits.body_bytes_per_instance = 1 << 20;
    let edge = Edge::new(options).unwrap();
    let post = |bytes: usize| {
        let request = http::Request::post("http://gateway.example/").body(weir_serve::full(vec![b'x'; bytes]));
        edge.handle(request.unwrap())
    };
    assert_eq!(read_all(post(1000).await).await, (200, "1000".to_owned()));
    assert_eq!(post(2 << 20).await.status(), 503);
    // What was held is given back: the instance takes as much again, many times over.
    for _ in 0..5 {
        assert_eq!(read_all(post(900 << 10).await).await.0, 200);
    }
    assert_eq!(read(&edge.stats().instances_trapped), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn t3_calls_dropped_in_flight_leave_nothing_behind() {
    let mut options = options(&["misbehaves_on_request"], EdgeConfig::new(""));
    options.limits.idle = Duration::from_millis(50);
    let edge = Edge::new(options).unwrap();
    assert_eq!(edge.handle(get("/")).await.status(), 200);
    let metrics = tokio::runtime::Handle::current().metrics();
    until("all is quiet", || read(&edge.stats().instances_live) == 0).await;
    let baseline = metrics.num_alive_tasks();

    for round in 0..10_000_u32 {
        let path = ["/", "/slow", "/trap-midstream", "/headers"][round as usize % if round < 200 { 4 } else { 1 }];
        let mut handling = std::pin::pin!(edge.handle(get(path)));
        // Dropped after a different number of polls each time: before, while and after the guest runs.
        for _ in 0..round % 4 {
            if futures::poll!(handling.as_mut()).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    until("all is quiet", || read(&edge.stats().instances_live) == 0).await;
    until("its tasks are gone", || metrics.num_alive_tasks() <= baseline).await;
    assert_eq!(read(&edge.stats().in_flight), 0);
    assert_eq!(edge.handle(get("/")).await.into_body().collect().await.unwrap().to_bytes(), "ok");
}
