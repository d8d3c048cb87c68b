//! `/metrics` as a Prometheus that knows vLLM reads it, and the small routes.

#![allow(clippy::unwrap_used)]

mod common;

use common::{quick, start};
use serde_json::{Value, json};
use weir_sim::SimOptions;

#[tokio::test]
async fn every_name_that_readers_of_vllm_look_for_is_there() {
    let sim = start(quick()).await;
    let (status, _) = sim.chat("Hi [[sim:tokens=3]]").await;
    assert_eq!(status, 200);
    let (_, text) = sim.get("/metrics").await;
    for line in [
        r#"vllm:num_requests_running{model_name="llama",engine="0"} 0"#,
        r#"vllm:num_requests_waiting{model_name="llama",engine="0"} 0"#,
        r#"vllm:kv_cache_usage_perc{model_name="llama",engine="0"} 0"#,
        r#"vllm:generation_tokens_total{model_name="llama",engine="0"} 3"#,
        r#"vllm:request_success_total{model_name="llama",engine="0",finished_reason="stop"} 1"#,
        r#"vllm:time_to_first_token_seconds_count{model_name="llama",engine="0"} 1"#,
        r#"vllm:inter_token_latency_seconds_count{model_name="llama",engine="0"} 2"#,
        r#"vllm:time_per_output_token_seconds_count{model_name="llama",engine="0"} 2"#,
        r#"vllm:e2e_request_latency_seconds_count{model_name="llama",engine="0"} 1"#,
        r#"vllm:num_preemptions_total{model_name="llama",engine="0"} 0"#,
        "# TYPE vllm:generation_tokens_total counter",
        "# TYPE vllm:num_requests_running gauge",
    ] {
        assert!(text.lines().any(|found| found.trim_end_matches(".0") == line), "no {line} in\n{text}");
    }
    let info = text.lines().find(|line| line.starts_with("vllm:cache_config_info{")).unwrap();
    assert!(info.contains(r#"block_size="16""#) && info.contains(r#"num_gpu_blocks="4096""#), "{info}");
    assert!(!text.contains("# EOF"));
}

#[tokio::test]
async fn open_metrics_are_given_to_those_who_ask() {
    let sim = start(quick()).await;
    let response = sim.send("GET", "/metrics", &[("accept", "application/openmetrics-text;version=1.0.0")], None).await;
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let text = common::text_of(response).await.unwrap();
    assert!(text.ends_with("# EOF\n") && text.contains("# TYPE vllm:generation_tokens counter"));
}

#[tokio::test]
async fn adapters_are_models_of_their_own_and_show_while_they_run() {
    let sim = start(SimOptions { adapters: vec!["llama-sql".into()], ..quick() }).await;
    let (_, models) = sim.get("/v1/models").await;
    let models: Value = serde_json::from_str(&models).unwrap();
    assert_eq!((&models["data"][1]["id"], &models["data"][1]["parent"]), (&json!("llama-sql"), &json!("llama")));
    assert_eq!(models["data"][0]["owned_by"], "weir-sim");
    let body =
        json!({"model": "llama-sql", "stream": true, "messages": [{"role": "user", "content": "[[sim:ttft=1m]]"}]});
    let response = sim.send("POST", "/v1/chat/completions", &[], Some(body.to_string())).await;
    let (_, text) = sim.get("/metrics").await;
    let info = text.lines().find(|line| line.starts_with("vllm:lora_requests_info{")).unwrap();
    assert!(info.contains(r#"running_lora_adapters="llama-sql""#) && info.contains(r#"max_lora="1""#), "{info}");
    drop(response);
}

#[tokio::test]
async fn each_model_has_an_engine_and_metrics_of_its_own() {
    let sim = start(SimOptions { models: vec!["llama".into(), "qwen".into()], ..quick() }).await;
    let body = json!({"model": "qwen", "messages": [{"role": "user", "content": "[[sim:tokens=4]]"}]});
    assert_eq!(sim.post("/v1/chat/completions", &body).await.0, 200);
    assert!((sim.metric(r#"vllm:generation_tokens_total{model_name="qwen""#).await - 4.0).abs() < 1e-9);
    assert!(sim.metric(r#"vllm:generation_tokens_total{model_name="llama""#).await < 1e-9);
}

#[tokio::test]
async fn the_small_routes_answer() {
    let sim = start(quick()).await;
    assert_eq!(sim.get("/health").await.0, 200);
    assert!(sim.get("/version").await.1.contains("weir-sim"));
    let (_, counted) = sim.post("/tokenize", &json!({"model": "llama", "prompt": "eight ch"})).await;
    assert_eq!((&counted["count"], counted["tokens"].as_array().unwrap().len()), (&json!(2), 2));
    let messages = json!([{"role": "user", "content": "Hi"}]);
    let (_, counted) = sim.post("/tokenize", &json!({"messages": messages})).await;
    let (_, answer) = sim.post("/v1/chat/completions", &json!({"messages": messages})).await;
    assert_eq!(counted["count"], answer["usage"]["prompt_tokens"]);
}
