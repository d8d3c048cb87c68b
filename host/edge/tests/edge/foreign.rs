//! A part that is not Weir's own stands between two wardens: it may see who calls, and can change nothing of it.

use std::time::Duration;

use crate::support::client::Client;
use crate::support::{Served, get, guest, options_of, read, read_all, serve, until};
use weir_compose::{Access, Grants, Part};
use weir_edge::{Edge, EdgeConfig, EdgeOptions};

const INTERNAL: &str = "x-weir-plan: hidden\nx-weir-principal: alice\nx-weir-request: request-1\n";

/// A guest as a part that is not trusted, and is granted nothing.
fn foreign(name: &str) -> Part {
    let grants = Grants { network: Some(Vec::new()), ..Grants::default() };
    Part::new(name, guest(name)).with(Access::Granted(grants))
}

/// Options for a chain with these foreign parts, between stand-ins for Weir's own.
fn options(foreign: Vec<Part>) -> EdgeOptions {
    let mut parts = vec![Part::new("auth", guest("adds_internal_headers"))];
    parts.extend(foreign);
    parts.push(Part::new("translator", guest("shows_what_it_is_sent")));
    options_of(parts, EdgeConfig::new("{}"))
}

fn served_with(name: &str) -> Served {
    serve(Edge::new(options(vec![foreign(name)])).unwrap())
}

/// The whole answer to a request of Alice's, head and trailers included, as it came over the wire.
async fn ask(served: &Served, path: &str, headers: &str) -> String {
    let headers = format!("x-caller: alice\r\nte: trailers\r\nconnection: close\r\n{headers}");
    Client::get(served.addr, path, &headers).await.read_to_end().await
}

fn is_whole(answer: &str) -> bool {
    answer.contains("\r\n0\r\n")
}

async fn is_at_rest(served: &Served) {
    until("all requests are over", || read(&served.edge.stats().in_flight) == 0).await;
    assert_eq!(read(&served.edge.stats().instances_trapped), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_foreign_part_changes_nothing() {
    let served = served_with("passes_the_stream_on");
    let answer = ask(&served, "/", "").await;
    assert!(answer.contains(INTERNAL), "{answer}");
    for told in ["seen-failed: true", "seen-usage: tokens=10 ending=complete", "seen-hidden: 1", "x-note: kept"] {
        assert!(answer.contains(told), "{told}: {answer}");
    }
    assert!(is_whole(&answer), "{answer}");
    is_at_rest(&served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_principal_or_usage_has_no_effect() {
    let served = served_with("forges_internal_headers");
    for _ in 0..20 {
        let answer = ask(&served, "/", "").await;
        assert!(!answer.contains("forged"), "{answer}");
        let seen = "x-added: x-weir-principal=alice x-weir-request=request-1\n";
        assert!(answer.contains(&format!("{seen}{INTERNAL}")), "it saw who calls, and no more: {answer}");
        assert!(answer.contains("foreign-saw: x-weir-dropped\r\n"), "of the answer's headers: {answer}");
        assert!(answer.contains("foreign-saw: x-weir-usage x-note\r\n"), "of the trailers: {answer}");
        assert!(answer.contains("seen-failed: true\r\n"), "{answer}");
        assert!(answer.contains("seen-usage: tokens=10 ending=complete\r\n"), "{answer}");
    }
    is_at_rest(&served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_foreign_parts_in_a_row_are_wardened_each() {
    let options = options(vec![foreign("forges_internal_headers"), foreign("swallows_trailers")]);
    let served = serve(Edge::new(options).unwrap());
    let answer = ask(&served, "/", "").await;
    assert!(answer.contains(INTERNAL) && !answer.contains("forged"), "{answer}");
    assert!(answer.contains("seen-usage: tokens=10 ending=complete\r\n"), "{answer}");
    let cut = ask(&served, "/cut", "").await;
    assert!(cut.contains("event: error") && !is_whole(&cut), "{cut}");
    is_at_rest(&served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_stream_stays_cut_whatever_a_foreign_part_makes_of_its_trailers() {
    for foreign in [
        "passes_the_stream_on",
        "forges_internal_headers",
        "swallows_trailers",
        "ends_before_it_began",
        "answers_before_it_calls_on",
    ] {
        let served = served_with(foreign);
        for _ in 0..10 {
            let cut = ask(&served, "/cut", "").await;
            assert!(cut.contains("event: error") && !is_whole(&cut), "{foreign}: {cut}");
            let aborted = ask(&served, "/abort", "").await;
            assert!(!is_whole(&aborted), "{foreign}: {aborted}");
            let whole = ask(&served, "/", "").await;
            assert!(is_whole(&whole) && whole.contains("seen-usage: tokens=10 ending=complete"), "{foreign}: {whole}");
        }
        is_at_rest(&served).await;
        assert_eq!(read(&served.edge.stats().aborted), 20, "{foreign}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_part_may_answer_by_itself() {
    let served = served_with("answers_itself");
    let answer = ask(&served, "/", "").await;
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("not today"), "{answer}");
    assert!(answer.contains("x-why: policy") && answer.contains("x-note: own"), "{answer}");
    assert!(is_whole(&answer) && !answer.contains("forged"), "{answer}");
    assert!(ask(&served, "/let-me-pass", "").await.contains(INTERNAL));
    is_at_rest(&served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_part_may_lose_patience() {
    let served = served_with("loses_patience");
    for _ in 0..10 {
        let answer = ask(&served, "/late", "").await;
        assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("I cannot wait"), "{answer}");
        assert!(is_whole(&answer), "{answer}");
    }
    assert!(ask(&served, "/", "").await.contains(INTERNAL));
    is_at_rest(&served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_worth_one_call() {
    let served = served_with("calls_on_twice");
    for (path, dialect) in
        [("/v1/chat/completions", r#""code":"misconfigured""#), ("/v1/messages", r#""type":"error""#)]
    {
        let answer = ask(&served, path, "").await;
        assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
        assert!(answer.contains(dialect) && answer.contains("the gateway is misconfigured"), "{answer}");
        assert!(!answer.contains("x-weir-plan"), "{answer}");
    }
    is_at_rest(&served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_an_earlier_request_is_worth_nothing() {
    let served = served_with("keeps_tokens_for_others");
    assert!(ask(&served, "/", "").await.contains(INTERNAL), "the first token is the request's own");
    for path in ["/", "/made-up", "/none", "/"] {
        let answer = ask(&served, path, "").await;
        assert!(answer.starts_with("HTTP/1.1 500") && !answer.contains("x-weir-plan"), "{path}: {answer}");
    }
    is_at_rest(&served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_inside_learns_that_the_client_left() {
    let served = served_with("passes_the_stream_on");
    let mut client = Client::get(served.addr, "/slow", "x-caller: alice\r\n").await;
    client.read_until("data: 0").await;
    client.reset();
    is_at_rest(&served).await;
    assert_eq!(read(&served.edge.stats().client_gone), 1);
    assert!(ask(&served, "/", "").await.contains(INTERNAL));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_at_once_keep_their_own_headers() {
    let served = served_with("forges_internal_headers");
    let addr = served.addr;
    let all = (0..200).map(|number| async move {
        let headers = format!("x-caller: caller-{number}-\r\nconnection: close\r\n");
        (number, Client::get(addr, "/", &headers).await.read_to_end().await)
    });
    for (number, answer) in futures::future::join_all(all).await {
        assert!(answer.contains(&format!("x-weir-principal: caller-{number}-\n")), "{answer}");
    }
    is_at_rest(&served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_a_foreign_part_that_loops_or_traps_or_takes_all_memory_ends_its_instance_only() {
    let mut options = options(vec![foreign("fails_when_asked")]);
    options.limits.cpu_deadline = Duration::from_millis(200);
    options.limits.memory_bytes = 64 << 20;
    let edge = Edge::new(options).unwrap();
    let please = |what: &str| {
        let mut request = get("/");
        request.headers_mut().insert("x-caller", "alice".parse().unwrap());
        request.headers_mut().insert("x-please", what.parse().unwrap());
        edge.handle(request)
    };
    for (number, (what, expected)) in [("loop", 503), ("trap", 500), ("allocate", 500)].into_iter().enumerate() {
        let (status, body) = read_all(please(what).await).await;
        assert_eq!(status, expected, "{what}: {body}");
        assert!(!body.contains("as asked"), "{body}");
        assert_eq!(read(&edge.stats().instances_trapped), number as u64 + 1, "{what}");
        let (status, body) = read_all(please("nothing").await).await;
        assert_eq!(status, 200);
        assert!(body.starts_with(INTERNAL), "{body}");
    }
    assert_eq!(read(&edge.stats().instances_over_deadline), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_a_foreign_part_that_traps_mid_stream_is_seen_as_an_abort() {
    let served = served_with("fails_when_asked");
    let answer = ask(&served, "/slow", "x-please: trap-midstream\r\n").await;
    assert!(answer.contains("data: 0") && !is_whole(&answer), "{answer}");
    assert!(ask(&served, "/", "").await.contains(INTERNAL), "the next request is served");
}
