//! What goes wrong: on demand, by chance, by overload, and when the client leaves.

#![allow(clippy::unwrap_used)]

mod common;

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use common::{ask, events, quick, start, text_of};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use weir_sim::{Fraction, Sim, SimError, SimOptions};

const RUNNING: &str = "vllm:num_requests_running";
const WAITING: &str = "vllm:num_requests_waiting";
const CACHE: &str = "vllm:kv_cache_usage_perc";
const ABORTED: &str = "vllm:request_success_total{model_name=\"llama\",engine=\"0\",finished_reason=\"abort\"";

#[tokio::test]
async fn a_client_that_leaves_frees_its_blocks_at_once() {
    let sim = start(quick()).await;
    for message in ["[[sim:tokens=500]][[sim:tpot=50ms]]", "[[sim:ttft=1m]]", "[[sim:hang=2]]"] {
        let mut response = sim.stream(message).await;
        sim.wait_for(RUNNING, 1.0).await;
        assert!(sim.metric(CACHE).await > 0.0);
        if !message.contains("ttft") {
            response.body_mut().frame().await.unwrap().unwrap();
        }
        drop(response);
        sim.wait_for(RUNNING, 0.0).await;
        assert!(sim.metric(CACHE).await < 1e-9);
    }
    assert!((sim.metric(ABORTED).await - 3.0).abs() < 1e-9);
}

#[tokio::test]
async fn a_client_that_leaves_before_a_whole_answer_frees_it_too() {
    let sim = start(quick()).await;
    let slow = tokio::time::timeout(Duration::from_millis(150), sim.chat("[[sim:ttft=1m]]")).await;
    assert!(slow.is_err());
    sim.wait_for(RUNNING, 0.0).await;
    sim.wait_for(ABORTED, 1.0).await;
}

#[tokio::test]
async fn a_cut_stream_breaks_off_after_its_tokens() {
    let sim = start(quick()).await;
    for after in [0, 3] {
        let mut body = sim.stream(&format!("[[sim:tokens=20]][[sim:cut={after}]]")).await.into_body();
        let mut text = String::new();
        let error = loop {
            match body.frame().await.expect("no orderly end") {
                Ok(frame) => text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap()),
                Err(error) => break error,
            }
        };
        let opening = usize::from(after > 0);
        assert_eq!(text.matches("data: {").count(), after + opening, "{text} {error}");
        assert!(!text.contains("[DONE]"));
    }
    assert!(
        text_of(sim.send("POST", "/v1/chat/completions", &[], Some(ask("[[sim:cut=3]]").to_string())).await)
            .await
            .is_err()
    );
    sim.wait_for(RUNNING, 0.0).await;
}

#[tokio::test]
async fn an_error_can_come_before_the_answer_or_inside_it() {
    let sim = start(quick()).await;
    let (status, body) = sim.chat("[[sim:fail=418]]").await;
    assert_eq!((status, &body["error"]["code"]), (418, &json!(418)));
    let limited = sim.stream("[[sim:fail=429]]").await;
    assert_eq!((limited.status().as_u16(), &limited.headers()["retry-after"]), (429, &http::HeaderValue::from(1)));
    let all = events(&text_of(sim.stream("[[sim:tokens=20]][[sim:error=2]]").await).await.unwrap());
    assert_eq!((all.len(), &all[3]["error"]["code"]), (4, &json!(500)));
    assert_eq!(sim.chat("[[sim:error=2]]").await.0, 500);
    assert_eq!(sim.chat("[[sim:nonsense]]").await.0, 400);
}

#[tokio::test]
async fn a_hanging_request_is_never_answered() {
    let sim = start(quick()).await;
    let hung = tokio::time::timeout(Duration::from_millis(200), sim.stream("[[sim:hang]]")).await;
    assert!(hung.is_err());
    let mut body = sim.stream("[[sim:tokens=20]][[sim:hang=1]]").await.into_body();
    for _ in 0..2 {
        body.frame().await.unwrap().unwrap();
    }
    assert!(tokio::time::timeout(Duration::from_millis(200), body.frame()).await.is_err());
}

#[tokio::test]
async fn chance_follows_from_the_seed() {
    let share = |share: f64| Fraction::try_from(share).unwrap();
    let options = SimOptions { fail_rate: share(0.4), ..quick() };
    let mut fates = Vec::new();
    for _ in 0..2 {
        let sim = start(options.clone()).await;
        let mut fate = Vec::new();
        for _ in 0..40 {
            fate.push(sim.chat("Hi [[sim:tokens=1]]").await.0);
        }
        fates.push(fate);
    }
    assert_eq!(fates[0], fates[1]);
    let failed = fates[0].iter().filter(|status| **status == 500).count();
    assert!((6..30).contains(&failed), "{failed} of 40");
    let cut = start(SimOptions { cut_rate: share(1.0), ..quick() }).await;
    assert!(text_of(cut.stream("Hi").await).await.is_err());
    let hang = start(SimOptions { hang_rate: share(1.0), ..quick() }).await;
    assert!(tokio::time::timeout(Duration::from_millis(200), hang.chat("Hi")).await.is_err());
}

#[tokio::test]
async fn what_runs_waits_and_is_turned_away_follows_from_the_sizes() {
    let one = NonZeroUsize::MIN;
    let sim = start(SimOptions { max_num_seqs: one, max_waiting: 1, ..quick() }).await;
    let running = sim.stream("[[sim:tokens=500]][[sim:tpot=100ms]]").await;
    let waiting = sim.stream("[[sim:tokens=2]]").await;
    assert!((sim.metric(RUNNING).await - 1.0).abs() < 1e-9 && (sim.metric(WAITING).await - 1.0).abs() < 1e-9);
    let (status, body) = sim.chat("Hi").await;
    assert_eq!((status, body["error"]["type"].as_str()), (503, Some("ServiceUnavailableError")));
    drop(running);
    assert_eq!(events(&text_of(waiting).await.unwrap()).last().unwrap()["usage"]["completion_tokens"], 2);
}

#[tokio::test]
async fn requests_that_outgrow_the_cache_preempt_each_other_and_all_finish() {
    let size = |n| NonZeroUsize::new(n).unwrap();
    let sim = start(SimOptions { kv_blocks: size(20), max_model_len: size(320), ..quick() }).await;
    let asked: Vec<_> = (0..4).map(|n| format!("{n} [[sim:tokens=150]]")).collect();
    let answers = futures::future::join_all(asked.iter().map(|message| sim.chat(message))).await;
    for (status, answer) in answers {
        assert_eq!((status, &answer["usage"]["completion_tokens"]), (200, &json!(150)));
    }
    assert!(sim.metric("vllm:num_preemptions_total").await >= 1.0);
    assert!(sim.metric(CACHE).await < 1e-9);
}

#[tokio::test]
async fn bad_requests_are_refused_as_vllm_does() {
    let sim = start(quick()).await;
    let long = "word ".repeat(40_000);
    let cases: [(Value, u16, Value); 12] = [
        (json!({"model": "gpt", "messages": [{"role": "user", "content": "x"}]}), 404, json!("model")),
        (json!({"model": "llama"}), 400, Value::Null),
        (json!({"model": "llama", "messages": []}), 400, json!("messages")),
        (json!({"model": "llama", "messages": [{"role": "user"}]}), 400, json!("messages[0].content")),
        (json!({"model": "llama", "messages": [{"role": "boss", "content": "x"}]}), 400, json!("messages[0].role")),
        (json!({"model": "llama", "messages": [{"role": "user", "content": 5}]}), 400, json!("messages[0].content")),
        (
            json!({"model": "llama", "messages": [{"role": "user", "content": [{"type": "smell"}]}]}),
            400,
            json!("messages[0].content[0]"),
        ),
        (json!({"model": "llama", "messages": [{"role": "user", "content": long}]}), 400, json!("messages")),
        (
            json!({"model": "llama", "messages": [{"role": "user", "content": "x"}], "max_tokens": 40_000}),
            400,
            json!("messages"),
        ),
        (
            json!({"model": "llama", "messages": [{"role": "user", "content": "x"}], "tool_choice": "required"}),
            400,
            json!("tool_choice"),
        ),
        (
            json!({"model": "llama", "messages": [{"role": "user", "content": "x"}], "response_format": {"type": "xml"}}),
            400,
            json!("response_format.type"),
        ),
        (
            json!({"model": "llama", "messages": [{"role": "user", "content": "x"}], "top_logprobs": 2}),
            400,
            json!("top_logprobs"),
        ),
    ];
    for (body, status, param) in cases {
        let (got, answer) = sim.post("/v1/chat/completions", &body).await;
        let error = &answer["error"];
        let shown: String = body.to_string().chars().take(120).collect();
        assert_eq!((got, &error["code"], &error["param"]), (status, &json!(status), &param), "{shown}: {error}");
        assert!(error["message"].is_string() && error["type"].is_string());
    }
    let (status, _) = sim.post("/v1/embeddings", &json!({"input": []})).await;
    assert_eq!(status, 400);
    let (status, _) = common::json_of(sim.send("POST", "/v1/chat/completions", &[], Some("{nope".into())).await).await;
    assert_eq!(status, 400);
    assert_eq!((sim.get("/nowhere").await.0, sim.get("/v1/embeddings").await.0), (404, 405));
    sim.wait_for(RUNNING, 0.0).await;
}

#[tokio::test]
async fn a_model_that_is_loading_says_so_until_it_is_there() {
    let sim = start(SimOptions { wake_delay: Duration::from_millis(300), ..quick() }).await;
    let since = Instant::now();
    assert_eq!((sim.get("/health").await.0, sim.chat("Hi").await.0), (503, 503));
    while sim.get("/health").await.0 != 200 {
        assert!(since.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(since.elapsed() >= Duration::from_millis(280));
    assert_eq!(sim.chat("Hi").await.0, 200);
}

#[tokio::test]
async fn with_a_key_file_only_its_keys_get_in() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "sk-one\n\n sk-two \n").unwrap();
    let sim = start(SimOptions { api_key_file: Some(file.path().into()), ..quick() }).await;
    for (key, status) in [("Bearer sk-one", 200), ("Bearer sk-two", 200), ("Bearer sk", 401), ("sk-one", 401)] {
        let response =
            sim.send("POST", "/v1/chat/completions", &[("authorization", key)], Some(ask("Hi").to_string())).await;
        assert_eq!(response.status().as_u16(), status, "{key}");
    }
    assert_eq!(sim.chat("Hi").await.1["error"]["type"], "AuthenticationError");
    assert_eq!((sim.get("/health").await.0, sim.get("/metrics").await.0), (200, 200));
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let any = "127.0.0.1:0".parse().unwrap();
    let twice = SimOptions { models: vec!["a".into(), "a".into()], ..quick() };
    assert!(matches!(Sim::bind(any, twice).await, Err(SimError::Options(_))));
    let nowhere = SimOptions { api_key_file: Some("/nowhere/keys".into()), ..quick() };
    assert!(matches!(Sim::bind(any, nowhere).await, Err(SimError::Keys { .. })));
    let sim = start(quick()).await;
    assert!(matches!(Sim::bind(sim.addr, quick()).await, Err(SimError::Listen { .. })));
}
