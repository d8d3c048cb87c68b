//! Who gets in, what goes to a model server, and what comes back.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{Call, Tier, endpoint, key, now, options, principal, within};
use http::HeaderValue;
use serde_json::{Value, json};
use weir_cluster::{Cluster, ClusterOptions, Model, OptionsError};
use weir_core::{Candidate, Plan, Secret, UnixMillis, header};
use weir_tests::raw::RawClient;
use weir_tests::upstream::{Script, Upstream};

async fn echo() -> Upstream {
    Upstream::start(|_| Script::json(200, r#"{"ok":true}"#)).await
}

/// Sends bytes on a connection of their own, and gives status and body.
async fn raw(tier: &Tier, bytes: Vec<u8>) -> (u16, String) {
    let mut client = RawClient::connect(tier.addr).await.unwrap();
    client.send(bytes).await.unwrap();
    let head = within(client.read_head()).await.unwrap();
    let body = within(client.read_body(&head)).await.unwrap();
    (head.status, String::from_utf8(body).unwrap())
}

#[tokio::test]
async fn a_signed_call_reaches_the_model_server_with_nothing_that_is_not_for_it() {
    let upstream = echo().await;
    let mut options = options(&[&upstream]);
    options.models[0].versions[0].endpoints[0] =
        endpoint(&upstream).with_key(&Secret::new("sk-model-server".to_owned())).unwrap();
    let tier = Tier::start(options);
    let mut call = Call::chat("llama");
    call.unsigned.extend([
        ("accept", "text/event-stream".to_owned()),
        ("traceparent", "00-1-2-01".to_owned()),
        ("authorization", "Bearer sk-caller".to_owned()),
        ("x-api-key", "sk-caller".to_owned()),
        ("cookie", "a=b".to_owned()),
    ]);
    let (head, body) = tier.answer(&call).await;
    assert_eq!((head.status, body.as_str()), (200, r#"{"ok":true}"#));
    assert_eq!(head.header("x-request-id"), Some("01920000-0000-7000-8000-000000000001"));

    let seen = upstream.call(0, common::SOON).await.unwrap();
    assert_eq!(seen.line(), ("POST", "/openai/v1/chat/completions"));
    assert_eq!(seen.body, call.body);
    let mut names: Vec<&str> =
        seen.head.lines().skip(1).filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    names.sort_unstable();
    let expected = ["accept", "authorization", "content-length", "content-type", "host", "traceparent", "x-request-id"];
    assert_eq!(names, expected);
    assert_eq!(seen.header("authorization"), Some("Bearer sk-model-server"));
    assert_eq!(seen.header("x-request-id"), Some("01920000-0000-7000-8000-000000000001"));
}

#[tokio::test]
async fn unsigned_forged_and_replayed_calls_are_refused_and_learn_nothing() {
    let upstream = echo().await;
    let tier = Tier::before(&[&upstream]);
    let good = Call::chat("llama").bytes();
    assert_eq!(raw(&tier, good.clone()).await.0, 200);

    let tampered_body = {
        let text = String::from_utf8(Call::chat("llama").bytes()).unwrap();
        text.replace(r#""content":"hi""#, r#""content":"ho""#).into_bytes()
    };
    let tampered_principal = {
        let text = String::from_utf8(Call::chat("llama").bytes()).unwrap();
        text.replace("\"tenant\":\"acme\"", "\"tenant\":\"evil\"").into_bytes()
    };
    let other_path = {
        let text = String::from_utf8(Call::chat("llama").bytes()).unwrap();
        text.replace("/v1/chat/completions", "/v1/completions").into_bytes()
    };
    let mut added = Call::chat("llama");
    added.unsigned.push(("x-weir-reservation", "mine".into()));
    let forgeries = [
        ("unsigned", Call::chat("llama").bytes_with(None)),
        ("no token", Call::chat("llama").bytes_with(Some("x.y"))),
        ("replayed", good),
        ("another body", tampered_body),
        ("another principal", tampered_principal),
        ("another path", other_path),
        ("another key", Call { signer: key(8), ..Call::chat("llama") }.bytes()),
        ("another edge", Call { issuer: "stranger", ..Call::chat("llama") }.bytes()),
        ("another audience", Call { audience: "there", ..Call::chat("llama") }.bytes()),
        ("too old", Call { at: UnixMillis(now().0 - 120_000), ..Call::chat("llama") }.bytes()),
        ("an added header", {
            let mut call = Call::chat("llama");
            call.unsigned.push(("x-weir-reservation", "mine".into()));
            let token = String::from_utf8(call.bytes()).unwrap();
            token.into_bytes()
        }),
    ];
    let mut answers = Vec::new();
    for (what, bytes) in forgeries {
        let (status, body) = raw(&tier, bytes).await;
        assert_eq!(status, 401, "{what}");
        answers.push(body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "all are told the same");
    let error: Value = serde_json::from_str(&answers[0]).unwrap();
    assert_eq!(error["error"]["type"], "authentication_error");
    assert_eq!(upstream.calls().len(), 1, "none of them reached a model server");
    tier.metric("weir_cluster_refused_calls_total 11").await;
}

#[tokio::test]
async fn a_refusal_has_the_shape_of_the_dialect_even_on_a_path_that_is_not_there() {
    let tier = Tier::start(ClusterOptions::default());
    let messages = Call::new("POST", "/v1/messages", "{}").bytes_with(None);
    let (status, body) = raw(&tier, messages).await;
    let error: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, error["type"].as_str()), (401, Some("error")));
    assert_eq!(raw(&tier, Call::new("GET", "/v1/nothing", "").bytes_with(None)).await.0, 401);
    assert_eq!(raw(&tier, Call::new("GET", "/v1/nothing", "").bytes()).await.0, 404);
    assert_eq!(raw(&tier, Call::new("GET", "/v1/completions", "").bytes()).await.0, 405);
}

#[tokio::test]
async fn models_that_are_not_there_or_not_allowed_and_bodies_that_name_none() {
    let upstream = echo().await;
    let tier = Tier::before(&[&upstream]);
    let (head, body) = tier.answer(&Call::chat("gpt")).await;
    let error: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((head.status, error["error"]["code"].as_str()), (404, Some("model_not_found")));

    let mut call = Call::chat("llama");
    call.headers.insert(header::PRINCIPAL, header::json_value(&principal(&["gpt-*"])));
    let (head, body) = tier.answer(&call).await;
    let error: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((head.status, error["error"]["code"].as_str()), (403, Some("model_not_allowed")));

    // What tier one has renamed is judged by the name that the caller used.
    let candidates = vec![Candidate { backend: "cluster".into(), model: "llama".into() }];
    let plan = Plan { model: "gpt-fast".into(), stream: true, on_unsupported: Default::default(), candidates };
    call.headers.insert(header::PLAN, header::json_value(&plan));
    call.token = [255; 16];
    assert_eq!(tier.answer(&call).await.0.status, 200);

    for body in ["", "[]", "{}", r#"{"model":7}"#, r#"{"model":"llama","model":"llama"}"#, "{\"model\":\"llama\"} x"] {
        let (head, text) = tier.answer(&Call::new("POST", "/v1/chat/completions", body)).await;
        assert_eq!(head.status, 400, "{body}: {text}");
    }
    let no_principal = {
        let mut call = Call::chat("llama");
        call.headers.remove(header::PRINCIPAL);
        call
    };
    assert_eq!(tier.answer(&no_principal).await.0.status, 400);
    assert_eq!(upstream.calls().len(), 1);
}

#[tokio::test]
async fn j1_a_body_over_the_limit_is_413() {
    let upstream = echo().await;
    let mut options = options(&[&upstream]);
    options.limits.body_bytes = 1000;
    let tier = Tier::start(options);
    let large = format!(r#"{{"model":"llama","x":"{}"}}"#, "y".repeat(1000));
    let (head, body) = tier.answer(&Call::new("POST", "/v1/chat/completions", large)).await;
    assert_eq!(head.status, 413, "{body}");
    assert!(upstream.calls().is_empty());
}

#[tokio::test]
async fn the_list_of_models_is_what_the_caller_may_use() {
    let upstream = echo().await;
    let mut options = options(&[&upstream]);
    let second = Model::new("qwen", vec![endpoint(&upstream)]);
    options.models.push(second);
    let tier = Tier::start(options);
    let names = |body: &str| -> Vec<String> {
        let list: Value = serde_json::from_str(body).unwrap();
        list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    let (_, body) = tier.answer(&Call::new("GET", "/v1/models", "")).await;
    assert_eq!(names(&body), ["llama", "llama-latest", "qwen"]);
    let mut call = Call::new("GET", "/openai/v1/models", "");
    call.headers.insert(header::PRINCIPAL, header::json_value(&principal(&["q*"])));
    assert_eq!(names(&tier.answer(&call).await.1), ["qwen"]);
    assert_eq!(tier.answer(&Call::new("GET", "/v1/models/qwen", "")).await.0.status, 200);
    assert_eq!(tier.answer(&Call::new("GET", "/v1/models/gpt", "")).await.0.status, 404);
    assert!(upstream.calls().is_empty(), "the list is made of the configuration");
}

#[tokio::test]
async fn anthropics_clients_turn_the_pages_of_the_list() {
    let upstream = echo().await;
    let mut options = options(&[&upstream]);
    options.models = ["a", "b", "c", "hidden"].map(|name| Model::new(name, vec![endpoint(&upstream)])).into();
    let tier = Tier::start(options);
    let get = async |query: &str| {
        let mut call = Call::new("GET", &format!("/v1/models?{query}"), "");
        call.headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
        call.headers.insert(header::PRINCIPAL, header::json_value(&principal(&["a", "b", "c"])));
        let (head, body) = tier.answer(&call).await;
        (head.status, serde_json::from_str::<Value>(&body).unwrap())
    };
    for (query, names, has_more) in [
        ("", vec!["a", "b", "c"], false),
        ("limit=2", vec!["a", "b"], true),
        ("limit=2&after_id=b", vec!["c"], false),
        ("limit=1&before_id=c", vec!["b"], true),
        ("after_id=c", vec![], false),
    ] {
        let (status, list) = get(query).await;
        let ids: Vec<&str> =
            list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
        assert_eq!((status, &ids), (200, &names), "{query}");
        let ends = (list["first_id"].as_str(), list["last_id"].as_str());
        assert_eq!(ends, (names.first().copied(), names.last().copied()), "{query}");
        assert_eq!(list["has_more"], has_more, "{query}");
    }
    let (status, refused) = get("limit=0").await;
    assert_eq!((status, &refused["error"]["type"]), (400, &json!("invalid_request_error")));
    assert!(refused["error"]["message"].as_str().unwrap().contains("`limit`"), "{refused}");
}

#[tokio::test]
async fn an_alias_is_rewritten_for_the_servers() {
    let upstream = echo().await;
    let tier = Tier::before(&[&upstream]);
    assert_eq!(tier.answer(&Call::chat("llama-latest")).await.0.status, 200);
    let seen = upstream.call(0, common::SOON).await.unwrap();
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(body["model"], "llama");
}

#[tokio::test]
async fn w12_nothing_of_the_servers_own_reaches_the_caller() {
    let upstream = Upstream::start(|_| {
        Script::default().send(
            "HTTP/1.1 200 OK\r\nserver: uvicorn\r\nset-cookie: a=b\r\nx-weir-spill: saturated\r\nx-weir-usage: {}\r\n\
             connection: x-inner\r\nx-inner: 1\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
        )
    })
    .await;
    let tier = Tier::before(&[&upstream]);
    let (head, body) = tier.answer(&Call::chat("llama")).await;
    assert_eq!((head.status, body.as_str()), (200, "{}"));
    for name in ["server", "set-cookie", "x-weir-spill", "x-weir-usage", "x-inner"] {
        assert_eq!(head.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn e4_redirects_and_the_servers_own_401_are_502() {
    for (status, code) in [(307, "upstream_redirect"), (401, "upstream_auth"), (403, "upstream_auth")] {
        let upstream = Upstream::start(move |_| Script::json(status, r#"{"detail":"sk-secret"}"#)).await;
        let tier = Tier::before(&[&upstream]);
        let (head, body) = tier.answer(&Call::chat("llama")).await;
        assert_eq!(head.status, 502);
        assert!(body.contains(code) && !body.contains("sk-secret"), "{body}");
    }
}

#[tokio::test]
async fn health_needs_no_signature_and_readiness_ends_with_draining() {
    let tier = Tier::start(ClusterOptions::default());
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").into_bytes();
    assert_eq!(raw(&tier, get("/healthz")).await.0, 200);
    assert_eq!(raw(&tier, get("/readyz")).await.0, 200);
    tier.cluster.drain();
    assert_eq!(raw(&tier, get("/readyz")).await.0, 503);
    assert_eq!(raw(&tier, get("/healthz")).await.0, 200);
}

#[tokio::test]
async fn each_request_is_one_line_in_the_log_and_one_in_the_metrics() {
    let upstream = echo().await;
    let tier = Tier::before(&[&upstream]);
    tier.answer(&Call::chat("llama-latest")).await;
    tier.answer(&Call::chat("gpt")).await;
    let lines = tier.log.lines(2).await;
    assert_eq!(lines[0]["ending"], "complete");
    assert_eq!((&lines[0]["tenant"], &lines[0]["key_name"]), (&"acme".into(), &"laptop".into()));
    assert_eq!((&lines[0]["model"], &lines[0]["bytes"]), (&"llama".into(), &11.into()));
    assert_eq!(lines[1]["ending"], "refused");
    assert!(!lines[1].to_string().contains("\"hi\""), "no prompt");
    tier.metric("weir_cluster_requests_total{model=\"llama\",status=\"200\"} 1").await;
    tier.metric("weir_cluster_requests_total{model=\"\",status=\"404\"} 1").await;
    let labels =
        r#"gen_ai_operation_name="chat",gen_ai_provider_name="weir",gen_ai_request_model="llama",tenant="acme""#;
    tier.metric(&format!("gen_ai_server_request_duration_seconds_count{{{labels}}} 1")).await;
    let gauge = format!("weir_cluster_in_flight{{endpoint=\"{}/openai/v1\"}} 0", upstream.origin());
    tier.metric(&gauge).await;
}

#[tokio::test]
async fn a_deadline_that_has_passed_is_504() {
    let upstream = echo().await;
    let tier = Tier::before(&[&upstream]);
    let call = Call::chat("llama").with(header::DEADLINE, &(now().0 - 1).to_string());
    assert_eq!(tier.answer(&call).await.0.status, 504);
    let call = Call::chat("llama").due(Duration::from_secs(5));
    assert_eq!(tier.answer(&call).await.0.status, 200);
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused_and_a_reload_keeps_the_old_ones() {
    let upstream = echo().await;
    let tier = Tier::before(&[&upstream]);
    let model =
        |name: &str, alias: &str| Model { aliases: vec![alias.into()], ..Model::new(name, vec![endpoint(&upstream)]) };
    let reload = |models: &[Model]| Cluster::reload(&tier.cluster, models).unwrap_err();
    assert_eq!(reload(&[model("a", "b"), model("c", "a")]), OptionsError::NameTwice("a".into()));
    assert_eq!(reload(&[model("", "b")]), OptionsError::EmptyName);
    let mut no_room = model("a", "b");
    no_room.versions[0].endpoints[0].max_in_flight = 0;
    assert!(matches!(reload(&[no_room]), OptionsError::NoRoom(_)));
    let mut path = model("a", "b");
    path.versions[0].endpoints[0].base_path = "/v1/".into();
    assert!(matches!(reload(&[path]), OptionsError::Path(_)));
    let mut twice = model("c", "d");
    twice.versions[0].endpoints[0].max_in_flight = 1;
    assert!(matches!(reload(&[model("a", "b"), twice]), OptionsError::EndpointTwice(_)));
    let mut elsewhere = model("c", "d");
    elsewhere.versions[0].endpoints[0].grpc = Some("http://127.0.0.1:9".parse().unwrap());
    assert!(matches!(reload(&[model("a", "b"), elsewhere]), OptionsError::EndpointTwice(_)));
    assert_eq!(tier.answer(&Call::chat("llama")).await.0.status, 200);
}
