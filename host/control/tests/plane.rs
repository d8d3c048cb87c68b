//! The control plane as its edges, its operators and its attackers see it.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod support;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::json;
use support::*;
use weir_core::config::LimitUnit;
use weir_core::control::{RENEW, RESERVE, Renew, Renewed, Reserve, Reserved, SETTLE, Settled};
use weir_core::header::{SESSION, TOKEN, to_json};
use weir_core::{Ending, Millis};

fn tokens(amount: u64) -> Vec<weir_core::config::Limit> {
    vec![limit("tokens", LimitUnit::TotalTokens, amount)]
}

async fn granted(world: &World, edge: &Caller, ask: &Reserve) -> String {
    match world.ask(edge, RESERVE, ask).await {
        Reserved::Granted(grant) => grant.reservation.unwrap(),
        Reserved::Denied(deny) => panic!("{deny:?}"),
    }
}

async fn refused(world: &World, edge: &Caller, path: &str, body: &impl serde::Serialize) {
    let (status, answer) = world.call(edge, path, body).await;
    assert_eq!((status.as_u16(), answer), (401, json!({"error": {"message": "signature refused"}})));
}

#[tokio::test]
async fn an_attempt_is_reserved_renewed_settled_and_written_down() {
    let (world, edge) = (World::start(tokens(100)), Caller::any());
    let ask = ask(1, "acme");
    let reservation = granted(&world, &edge, &ask).await;
    let renewed: Renewed = world.ask(&edge, RENEW, &Renew { reservation: reservation.clone() }).await;
    assert_eq!(renewed.lease, Millis(90_000));
    let settle = settle(&ask, 3, Ending::Complete);
    assert!(world.ask::<Settled>(&edge, SETTLE, &settle).await.first);
    assert!(!world.ask::<Settled>(&edge, SETTLE, &settle).await.first);
    let (status, _) = world.call(&edge, RENEW, &Renew { reservation }).await;
    assert_eq!(status, 404);

    let page = world.usage("").await;
    assert_eq!((&page["attempts"], page["records"].as_array().unwrap().len()), (&json!(1), 1));
    let record = &page["records"][0];
    let expected = json!({"tenant": "acme", "key": "laptop", "user": "ada", "model": "gpt", "backend": "cluster",
        "backend_model": "sim", "edge": "edge-1", "ending": "complete", "attempt": 1, "status": 200});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(record[name], *value, "{name}");
    }
    assert_eq!(record["usage"], json!({"input": 9, "output": 3}));

    let metrics = world.metrics().await;
    for line in [
        r#"weir_quota_reservations_total{decision="granted"} 1"#,
        "weir_quota_renewals_total 1",
        r#"weir_quota_settlements_total{ending="complete",settlement="settled"} 1"#,
        r#"weir_quota_settlements_total{ending="complete",settlement="repeated"} 1"#,
        r#"weir_tokens_total{tenant="acme",model="gpt",type="output"} 3"#,
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    world.end().await;
}

#[tokio::test]
async fn who_is_not_registered_is_refused_and_told_no_more() {
    let world = World::start(tokens(100));
    refused(&world, &Caller::forger(), RESERVE, &ask(1, "acme")).await;
    refused(&world, &Caller::stranger(), RESERVE, &ask(1, "acme")).await;
    let mut elsewhere = Caller::any();
    elsewhere.audience = "another";
    refused(&world, &elsewhere, RESERVE, &ask(1, "acme")).await;
    let body = to_json(&ask(1, "acme")).into_bytes();
    let (status, _) = world.send(Method::POST, RESERVE, HeaderMap::new(), body).await;
    assert_eq!(status, 401);
    let metrics = world.metrics().await;
    for reason in ["bad-signature", "unknown-issuer", "wrong-audience", "no-token"] {
        assert!(metrics.contains(&format!("weir_signature_refusals_total{{reason=\"{reason}\"}} 1")), "{metrics}");
    }
    assert_eq!(world.usage("").await["attempts"], 0);
}

#[tokio::test]
async fn a_token_is_for_one_call_once() {
    let (world, edge) = (World::start(tokens(100)), Caller::any());
    let body = to_json(&ask(1, "acme")).into_bytes();
    let headers = edge.signed(world.now(), RESERVE, &body);
    let send = async |path: &'static str, headers: &HeaderMap, body: &[u8]| {
        world.send(Method::POST, path, headers.clone(), body.to_vec()).await.0.as_u16()
    };
    assert_eq!(send(SETTLE, &headers, &body).await, 401, "another path");
    let mut more = headers.clone();
    more.insert("x-weir-principal", HeaderValue::from_static("{}"));
    assert_eq!(send(RESERVE, &more, &body).await, 401, "another header");
    let mut twice = headers.clone();
    twice.append(TOKEN, headers[TOKEN].clone());
    assert_eq!(send(RESERVE, &twice, &body).await, 401, "two tokens");
    assert_eq!(send(RESERVE, &headers, &body).await, 200);
    assert_eq!(send(RESERVE, &headers, &body).await, 401, "a second time");

    let headers = edge.signed(world.now(), RESERVE, &body);
    assert_eq!(send(RESERVE, &headers, b"{}").await, 401, "another body");
    let headers = edge.signed(world.now(), RESERVE, &body);
    world.wait(Millis(90_000));
    assert_eq!(send(RESERVE, &headers, &body).await, 401, "too late");
    let metrics = world.metrics().await;
    assert!(metrics.contains(r#"weir_signature_refusals_total{reason="replayed"} 1"#), "{metrics}");
}

#[tokio::test]
async fn an_edge_that_takes_up_an_offer_is_known_by_its_mac() {
    let (world, edge) = (World::start(tokens(100)), Caller::any());
    let body = to_json(&ask(1, "acme")).into_bytes();
    let call = async |edge: &Caller| {
        let headers = edge.signed(world.now(), RESERVE, &body);
        let (answer, _) = world.exchange(Method::POST, RESERVE, headers, body.clone()).await;
        assert_eq!(answer.status, 200);
        answer
    };
    edge.heed(&call(&edge).await);
    for _ in 0..3 {
        assert!(!call(&edge).await.headers.contains_key(SESSION));
    }
    let metrics = world.metrics().await;
    assert!(metrics.contains("weir_signed_calls_total{proof=\"signature\"} 2"), "{metrics}");
    assert!(metrics.contains("weir_signed_calls_total{proof=\"mac\"} 2"), "{metrics}");

    // What holds for a call by its signature holds for one by its MAC.
    let headers = edge.signed(world.now(), RESERVE, &body);
    let send = async |headers: &HeaderMap, body: &[u8]| {
        world.send(Method::POST, RESERVE, headers.clone(), body.to_vec()).await.0.as_u16()
    };
    assert_eq!(send(&headers, b"{}").await, 401, "another body");
    assert_eq!(send(&headers, &body).await, 401, "a second time");
    let headers = edge.signed(world.now(), RESERVE, &body);
    world.wait(Millis(90_000));
    assert_eq!(send(&headers, &body).await, 401, "too late");
    world.end().await;
}

#[tokio::test]
async fn a_reservation_is_its_owners_alone() {
    let (world, owner, other) = (World::start(tokens(100)), Caller::any(), Caller::acme());
    let ask = ask(1, "acme");
    let reservation = granted(&world, &owner, &ask).await;
    refused(&world, &other, RENEW, &Renew { reservation: reservation.clone() }).await;
    refused(&world, &other, SETTLE, &settle(&ask, 0, Ending::Failed)).await;
    refused(&world, &other, RESERVE, &ask).await;
    assert!(world.ask::<Settled>(&owner, SETTLE, &settle(&ask, 3, Ending::Complete)).await.first);
    refused(&world, &other, SETTLE, &settle(&ask, 0, Ending::Failed)).await;
}

#[tokio::test]
async fn an_edge_speaks_for_its_own_tenants_only() {
    let (world, edge) = (World::start(tokens(100)), Caller::acme());
    refused(&world, &edge, RESERVE, &ask(1, "globex")).await;
    refused(&world, &edge, SETTLE, &settle(&ask(1, "globex"), 3, Ending::Complete)).await;
    granted(&world, &edge, &ask(2, "acme-red")).await;
    assert_eq!(world.usage("?tenant=globex").await["records"], json!([]));
}

#[tokio::test]
async fn what_is_not_the_right_json_is_a_400_and_what_is_too_large_a_413() {
    let (world, edge) = (World::start(tokens(100)), Caller::any());
    let post = async |body: &[u8]| {
        let headers = edge.signed(world.now(), RESERVE, body);
        let (status, answer) = world.send(Method::POST, RESERVE, headers, body.to_vec()).await;
        (status.as_u16(), String::from_utf8(answer).unwrap())
    };
    for body in [&b""[..], b"{", b"[]", b"{\"request\": 1}", b"\xff"] {
        let (status, answer) = post(body).await;
        assert_eq!(status, 400, "{answer}");
    }
    let mut unknown = serde_json::to_value(ask(1, "acme")).unwrap();
    unknown["priority"] = json!(1);
    let (status, answer) = post(unknown.to_string().as_bytes()).await;
    assert!(status == 400 && answer.contains("priority"), "{answer}");
    assert_eq!(post(&vec![b' '; 64 * 1024 + 1]).await.0, 413);
    let mixed_up = weir_core::control::Settle {
        reservation: Some(format!("{}.2", ask(1, "acme").request)),
        ..settle(&ask(1, "acme"), 1, Ending::Complete)
    };
    assert_eq!(world.call(&edge, SETTLE, &mixed_up).await.0, 400);
    let (status, _) = world.send(Method::GET, RESERVE, HeaderMap::new(), vec![]).await;
    assert_eq!(status, 405);
    let (status, _) = world.send(Method::GET, "/control/v2/reserve", HeaderMap::new(), vec![]).await;
    assert_eq!(status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn q1_of_50_at_once_as_many_are_admitted_as_fit() {
    let world = Arc::new(World::start(tokens(400)));
    let edge = Arc::new(Caller::any());
    let calls: Vec<_> = (0..50)
        .map(|number| {
            let (world, edge) = (world.clone(), edge.clone());
            tokio::spawn(async move {
                let ask = ask(number, "acme");
                match world.ask(&edge, RESERVE, &ask).await {
                    Reserved::Granted(_) => true,
                    Reserved::Denied(deny) => {
                        assert_eq!((deny.limit.as_str(), deny.never), ("tokens", false));
                        false
                    }
                }
            })
        })
        .collect();
    let admitted = futures::future::join_all(calls).await.into_iter().filter(|call| *call.as_ref().unwrap()).count();
    assert_eq!(admitted, 10, "40 tokens each, of 400");
}

#[tokio::test]
async fn q3_a_lease_that_runs_out_is_written_down_as_estimated_until_it_is_settled_after_all() {
    let (world, edge) = (World::start(tokens(100)), Caller::any());
    let ask = ask(1, "acme");
    granted(&world, &edge, &ask).await;
    world.wait(Millis(90_000));
    world.plane.tick();
    let page = world.usage("").await;
    let expected = json!({"input": 10, "output": 30, "estimated": true});
    assert_eq!((&page["records"][0]["usage"], &page["records"][0]["ending"]), (&expected, &json!(null)));
    assert!(world.ask::<Settled>(&edge, SETTLE, &settle(&ask, 3, Ending::ClientGone)).await.first);
    let page = world.usage(&format!("?request={}&limit=5", ask.request)).await;
    assert_eq!((&page["attempts"], page["records"].as_array().unwrap().len()), (&json!(1), 1));
    assert_eq!(page["records"][0]["ending"], "client-gone");
    assert!(world.metrics().await.contains("weir_quota_lease_expiries_total 1"));
}

#[tokio::test]
async fn usage_is_for_the_console_alone() {
    let world = World::start(tokens(100));
    let get = async |authorization: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        headers.extend(authorization.map(|text| (header::AUTHORIZATION, HeaderValue::from_static(text))));
        world.send(Method::GET, "/control/v1/usage", headers, vec![]).await.0.as_u16()
    };
    assert_eq!(get(None).await, 403);
    assert_eq!(get(Some("Bearer weir-admin-ke")).await, 403);
    assert_eq!(get(Some("weir-admin-key")).await, 403);
    assert_eq!(get(Some("Bearer weir-admin-key")).await, 200);
    world.plane.reload(weir_control::ControlOptions { admin: None, ..options(tokens(100)) }).unwrap();
    assert_eq!(get(Some("Bearer weir-admin-key")).await, 404, "without a key there is no console");
}

#[tokio::test]
async fn a_reload_changes_limits_and_edges_and_keeps_what_counts() {
    let (world, edge) = (World::start(tokens(100)), Caller::any());
    granted(&world, &edge, &ask(1, "acme")).await;
    granted(&world, &edge, &ask(2, "acme")).await;
    let mut changed = options([tokens(100), vec![limit("requests", LimitUnit::Requests, 5)]].concat());
    world.plane.reload(changed.clone()).unwrap();
    assert!(matches!(world.ask(&edge, RESERVE, &ask(3, "acme")).await, Reserved::Denied(_)));

    changed.edges[0].public_key = "00".into();
    assert!(world.plane.reload(changed.clone()).unwrap_err().to_string().contains("edge-1"));
    assert!(matches!(world.ask(&edge, RESERVE, &ask(4, "acme")).await, Reserved::Denied(_)), "nothing has changed");

    changed.edges.remove(0);
    world.plane.reload(changed).unwrap();
    refused(&world, &edge, RESERVE, &ask(5, "acme")).await;
}

#[tokio::test]
async fn health_and_readiness() {
    let world = World::start(vec![]);
    let get = async |path: &str| world.send(Method::GET, path, HeaderMap::new(), vec![]).await.0.as_u16();
    assert_eq!((get("/healthz").await, get("/readyz").await), (200, 200));
    world.plane.drain();
    assert_eq!((get("/healthz").await, get("/readyz").await), (200, 503));
}
