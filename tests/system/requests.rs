//! Requests that are wrong, and those that try to be something else: rows J1, J2, J6, W8, W9, W12, E1, H1 and H6
//! through the whole chain.
#![allow(missing_docs, clippy::unwrap_used)]

use serde_json::{Value, json};
use weir_tests::chat::{self, exchange, post, whole_answer};
use weir_tests::raw::RawClient;
use weir_tests::upstream::{Script, Upstream};
use weir_tests::weir::{Built, KEY, OTHER_KEY, Setup, Weir};

const CHAT: &str = "/v1/chat/completions";

fn built() -> Built {
    Built::at(env!("CARGO_BIN_EXE_weir"))
}

async fn start() -> (Upstream, Weir) {
    let upstream = Upstream::start(|_| whole_answer()).await;
    let mut setup = Setup::in_front_of(&upstream.origin());
    setup.models = json!([
        {"name": "sim", "targets": [{"backend": "upstream"}]},
        {"name": "other-sim", "targets": [{"backend": "upstream"}], "tenants": ["other"]},
    ]);
    let weir = Weir::start(&built(), &setup);
    (upstream, weir)
}

#[tokio::test]
async fn wrong_bodies_are_refused_with_their_place_and_never_reach_a_backend() {
    let (upstream, weir) = start().await;
    let deep = format!(r#"{{"model":"sim","messages":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let cases = [
        ("not json", 400, None),
        ("[]", 400, None),
        (r#"{"model":"sim","messages":[{"role":"user","content":"x"}],"model":"sim"}"#, 400, Some("model")),
        (r#"{"model":"sim","messages":[{"role":"user","role":"system"}]}"#, 400, Some("messages[0].role")),
        (r#"{"model":7,"messages":[]}"#, 400, Some("model")),
        (r#"{"messages":[]}"#, 400, Some("model")),
        (r#"{"model":"sim","messages":[{"role":"user","content":"\ud800"}]}"#, 400, None),
        (r#"{"model":"sim","messages":[{"role":"user","content":"x"}],"max_tokens":1e400}"#, 400, None),
        (r#"{"model":"../../x","messages":[{"role":"user","content":"x"}]}"#, 400, Some("model")),
        (&deep, 400, None),
    ];
    for (body, status, param) in cases {
        let (head, answer) = exchange(weir.edge, &post(weir.edge, KEY, CHAT, body)).await.unwrap();
        let shown = &body[..body.len().min(80)];
        assert_eq!(head.status, status, "{shown}: {answer}");
        assert!(answer["error"]["message"].as_str().is_some_and(|m| !m.is_empty()), "{shown}: {answer}");
        if let Some(param) = param {
            assert_eq!(answer["error"]["param"], param, "{shown}: {answer}");
        }
    }
    assert!(upstream.calls().is_empty());
}

#[tokio::test]
async fn j1_a_body_over_the_limit_is_refused_before_it_is_read() {
    let (upstream, weir) = start().await;
    let mut client = RawClient::connect(weir.edge).await.unwrap();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        weir.edge,
        1_u64 << 30
    );
    client.send(head).await.unwrap();
    assert_eq!(client.read_head().await.unwrap().status, 413);
    assert!(upstream.calls().is_empty());
}

#[tokio::test]
async fn w8_w9_w12_what_could_be_read_in_two_ways_is_refused_and_internals_never_pass() {
    let (upstream, weir) = start().await;
    let body = r#"{"model":"sim","messages":[{"role":"user","content":"x"}]}"#;
    for path in [
        "//v1/chat/completions",
        "/v1/../v1/chat/completions",
        "/v1/%2e%2e/x",
        "/v1%2fchat/completions",
        "/v1/chat;x/completions",
    ] {
        let (head, _) = exchange(weir.edge, &post(weir.edge, KEY, path, body)).await.unwrap();
        assert!(matches!(head.status, 400 | 404), "{path}: {}", head.status);
    }
    for host in ["", "a/b", "a?x", "a#x", "u@h"] {
        let request = String::from_utf8(post(weir.edge, KEY, CHAT, body)).unwrap();
        let request = request.replace(&format!("host: {}", weir.edge), &format!("host: {host}"));
        let (head, _) = exchange(weir.edge, request.as_bytes()).await.unwrap();
        assert_eq!(head.status, 400, "host {host:?}");
    }
    assert!(upstream.calls().is_empty());

    let forged = "x-weir-principal: {\"tenant\":\"root\"}\r\nx-weir-backend: x\r\nx-forwarded-user: root\r\nspin-x: y\r\n\
                  connection: x-internal-auth\r\nx-internal-auth: yes\r\nx-api-base: http://127.0.0.1:1\r\ncookie: a=b\r\n";
    let request = String::from_utf8(post(weir.edge, KEY, CHAT, body)).unwrap();
    let request = request.replace("content-type:", &format!("{forged}content-type:"));
    let (head, _) = exchange(weir.edge, request.as_bytes()).await.unwrap();
    assert_eq!(head.status, 200);
    let seen = upstream.calls()[0].head.to_ascii_lowercase();
    for name in
        ["x-weir-", "x-forwarded", "spin-", "x-internal-auth", "x-api-base", "cookie", "root", &KEY.to_lowercase()]
    {
        assert!(!seen.contains(name), "{name} reached the backend: {seen}");
    }
}

#[tokio::test]
async fn j6_what_was_checked_is_what_is_sent() {
    let (upstream, weir) = start().await;
    let body = r#"{"model":"sim","Model":"other-sim","messages":[{"role":"user","content":"x"}],"x_new":{"a":[1,2]},"seed":12345678901234567890}"#;
    let (head, _) = exchange(weir.edge, &post(weir.edge, KEY, CHAT, body)).await.unwrap();
    assert_eq!((head.status, &upstream.calls()[0].body[..]), (200, body.as_bytes()));
}

#[tokio::test]
async fn a_key_is_taken_from_every_place_that_the_sdks_use_and_another_tenants_model_is_forbidden() {
    let (_upstream, weir) = start().await;
    let body = r#"{"model":"sim","messages":[{"role":"user","content":"x"}]}"#;
    let plain = String::from_utf8(post(weir.edge, KEY, CHAT, body)).unwrap();
    let authorization = format!("authorization: Bearer {KEY}");
    for header in ["x-api-key", "api-key", "x-goog-api-key"] {
        let request = plain.replace(&authorization, &format!("{header}: {KEY}"));
        assert_eq!(exchange(weir.edge, request.as_bytes()).await.unwrap().0.status, 200, "{header}");
    }
    let in_query = plain.replace(&format!("{authorization}\r\n"), "").replace(CHAT, &format!("{CHAT}?key={KEY}"));
    assert_eq!(exchange(weir.edge, in_query.as_bytes()).await.unwrap().0.status, 200);
    assert!(!weir.output().contains(KEY), "the key is in the log");

    let none = plain.replace(&format!("{authorization}\r\n"), "");
    assert_eq!(exchange(weir.edge, none.as_bytes()).await.unwrap().0.status, 401);
    let (head, answer) = exchange(weir.edge, &post(weir.edge, OTHER_KEY, CHAT, body)).await.unwrap();
    assert_eq!((head.status, answer["error"]["code"].as_str()), (403, Some("model_not_allowed")));
    // An Anthropic client is told in its own dialect.
    let (head, answer) = exchange(weir.edge, &post(weir.edge, "wrong", "/v1/messages", "{}")).await.unwrap();
    assert_eq!((head.status, answer["error"]["type"].as_str()), (401, Some("authentication_error")));
}

/// Every secret in its place, and an upstream that says them all back: none comes out anywhere.
#[tokio::test]
async fn h1_no_secret_is_in_any_sink() {
    const PROVIDER: &str = "sk-provider-canary-8841";
    let upstream = Upstream::start(|seen| {
        let echoed =
            json!({"error": {"message": format!("wrong key {}", seen.head), "type": "x", "param": null, "code": null}});
        Script::json(400, &echoed.to_string())
    })
    .await;
    let mut setup = Setup::in_front_of(&upstream.origin());
    setup.backends["upstream"]["key"] = json!({"env": "PROVIDER_CANARY"});
    setup.env = vec![("PROVIDER_CANARY".into(), PROVIDER.into()), ("WEIR_LOG".into(), "trace".into())];
    let weir = Weir::start(&built(), &setup);
    let (head, answer) = exchange(weir.edge, &chat::request(weir.edge, KEY, false)).await.unwrap();
    assert_eq!(head.status, 400);
    assert!(upstream.calls()[0].head.contains(PROVIDER), "the key was not sent at all");
    let metrics = metrics(&weir).await;
    let edge_key = std::fs::read_to_string(weir.folder.path().join("edge.key")).unwrap();
    for (sink, text) in [("answer", answer.to_string()), ("log", weir.output()), ("metrics", metrics)] {
        for secret in [PROVIDER, KEY, edge_key.trim()] {
            assert!(!text.contains(secret), "{secret} is in the {sink}");
        }
    }
}

/// The parts of tier one that call tier two prove most calls by a key that they come to share with it.
#[tokio::test]
async fn an_edge_needs_its_signature_only_at_first() {
    const CALLS: u64 = 40;
    let limits = json!([{"name": "wide", "per": "key", "requests": 1_000_000, "every": "hour"}]);
    let upstream = Upstream::start(|_| whole_answer()).await;
    let weir = Weir::start(&built(), &Setup { limits, ..Setup::both_tiers(&upstream.origin()) });
    for _ in 0..CALLS {
        let (head, answer) = exchange(weir.edge, &chat::request(weir.edge, KEY, false)).await.unwrap();
        assert_eq!(head.status, 200, "{answer}");
        assert_eq!(head.header("x-weir-session"), None, "what is between the tiers is not for clients");
    }
    let metrics = metrics(&weir).await;
    let proven = |proof: &str| -> u64 {
        let line = format!("weir_signed_calls_total{{proof=\"{proof}\"}} ");
        metrics
            .lines()
            .find_map(|text| text.strip_prefix(&line))
            .unwrap_or_else(|| panic!("{metrics}"))
            .parse()
            .unwrap()
    };
    // A reservation and a call each, and all but the last settlements by now; of each instance of a part two are signed.
    assert!(proven("mac") >= 2 * CALLS, "{metrics}");
    assert!(proven("signature") <= CALLS / 2, "{metrics}");
}

async fn metrics(weir: &Weir) -> String {
    let metrics = format!("GET /metrics HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", weir.control);
    let mut client = RawClient::connect(weir.control).await.unwrap();
    client.send(metrics).await.unwrap();
    String::from_utf8_lossy(&client.read_to_end().await.0).into_owned()
}

/// Two tenants take turns on one instance of the chain, a hundred thousand times.
#[tokio::test(flavor = "multi_thread")]
async fn h6_tenants_on_one_instance_see_nothing_of_each_other() {
    const EACH: usize = 100_000 / 8;
    // The model server says back which model it was asked for, and the question.
    let upstream = Upstream::start(|seen| {
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        let text = format!("{} {}", body["model"].as_str().unwrap(), body["messages"][0]["content"].as_str().unwrap());
        let answer = json!({"id": "1", "object": "chat.completion", "created": 1, "model": body["model"],
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}});
        Script::json(200, &answer.to_string())
    })
    .await;
    let mut setup = Setup::in_front_of(&upstream.origin());
    setup.command = "edge";
    setup.control = false;
    setup.edge = json!({"instances": {"most": 1, "concurrent": 16, "requests": 1_000_000, "workers": 1}});
    let weir = Weir::start(&built(), &setup);
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let edge = weir.edge;
            tokio::spawn(async move {
                let (key, model) = if task % 2 == 0 { (KEY, "first-model") } else { (OTHER_KEY, "other-model") };
                let mut client = RawClient::connect(edge).await.unwrap();
                for round in 0..EACH {
                    let question = format!("{task}/{round}");
                    let body = json!({"model": model, "messages": [{"role": "user", "content": question}]}).to_string();
                    client.send(post(edge, key, CHAT, &body)).await.unwrap();
                    let head = client.read_head().await.unwrap();
                    let answer = client.read_body(&head).await.unwrap();
                    let answer: Value = serde_json::from_slice(&answer).unwrap();
                    let expected = format!("{model} {question}");
                    assert_eq!(answer["choices"][0]["message"]["content"], expected, "{head:?} {answer}");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}
