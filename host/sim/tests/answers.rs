//! Answers over a real socket: chats, completions, embeddings, streamed and whole.

#![allow(clippy::unwrap_used)]

mod common;

use common::{ask, events, quick, said, start, text_of};
use serde_json::{Value, json};

#[tokio::test]
async fn a_stream_says_what_the_whole_answer_says() {
    let sim = start(quick()).await;
    let (status, whole) = sim.chat("Tell me something").await;
    assert_eq!(status, 200);
    let streamed = events(&text_of(sim.stream("Tell me something").await).await.unwrap());

    assert_eq!(said(&streamed, "content"), whole["choices"][0]["message"]["content"].as_str().unwrap());
    assert_eq!(streamed[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    let usage = streamed.last().unwrap();
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"]["completion_tokens"], whole["usage"]["completion_tokens"]);
    let last = &streamed[streamed.len() - 2]["choices"][0];
    assert_eq!((&last["finish_reason"], &whole["choices"][0]["finish_reason"]), (&json!("stop"), &json!("stop")));
    assert!(streamed.iter().all(|event| event["system_fingerprint"] == "weir-sim" && event["id"] == streamed[0]["id"]));
}

#[tokio::test]
async fn usage_comes_only_where_it_was_asked_for() {
    let sim = start(quick()).await;
    let mut body = ask("Hi");
    body["stream"] = json!(true);
    let response = sim.send("POST", "/v1/chat/completions", &[], Some(body.to_string())).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    let all = events(&text_of(response).await.unwrap());
    assert!(all.iter().all(|event| event.get("usage").is_none() && event["choices"].as_array().unwrap().len() == 1));

    body["stream_options"] = json!({"continuous_usage_stats": true});
    let response = sim.send("POST", "/v1/chat/completions", &[], Some(body.to_string())).await;
    let all = events(&text_of(response).await.unwrap());
    let counts: Vec<u64> = all.iter().map(|event| event["usage"]["completion_tokens"].as_u64().unwrap()).collect();
    assert!(counts.is_sorted() && counts.first() < counts.last());
}

#[tokio::test]
async fn the_same_seed_gives_the_same_answers_anywhere() {
    let (one, same) = (start(quick()).await, start(quick()).await);
    let other = start(weir_sim::SimOptions { seed: 1, ..quick() }).await;
    let content = |answer: (u16, Value)| answer.1["choices"][0]["message"]["content"].clone();
    let first = content(one.chat("Hello").await);
    assert_eq!(first, content(one.chat("Hello").await));
    assert_eq!(first, content(same.chat("Hello").await));
    assert_ne!(first, content(other.chat("Hello").await));
    assert_ne!(first, content(one.chat("Hello there").await));
}

#[tokio::test]
async fn limits_and_stop_strings_end_an_answer() {
    let sim = start(quick()).await;
    let mut body = ask("[[sim:tokens=50]]");
    body["max_tokens"] = json!(7);
    let (_, short) = sim.post("/v1/chat/completions", &body).await;
    assert_eq!(
        (&short["choices"][0]["finish_reason"], &short["usage"]["completion_tokens"]),
        (&json!("length"), &json!(7))
    );

    let mut body = ask("one two STOP three [[sim:echo]]");
    body["stop"] = json!(["STOP"]);
    let (_, stopped) = sim.post("/v1/chat/completions", &body).await;
    assert_eq!(stopped["choices"][0]["message"]["content"], "one two ");
    assert_eq!(stopped["choices"][0]["stop_reason"], "STOP");
}

#[tokio::test]
async fn several_choices_differ_and_share_their_prompt() {
    let sim = start(quick()).await;
    let mut body = ask("Hi");
    body["n"] = json!(3);
    let (_, answer) = sim.post("/v1/chat/completions", &body).await;
    let texts: std::collections::BTreeSet<&str> = answer["choices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|choice| choice["message"]["content"].as_str().unwrap())
        .collect();
    assert_eq!(texts.len(), 3);
    let (_, one) = sim.chat("Hi").await;
    assert_eq!(answer["usage"]["prompt_tokens"], one["usage"]["prompt_tokens"]);

    body["stream"] = json!(true);
    let response = sim.send("POST", "/v1/chat/completions", &[], Some(body.to_string())).await;
    let all = events(&text_of(response).await.unwrap());
    let finished = all.iter().filter(|event| event["choices"][0]["finish_reason"] == "stop").count();
    assert_eq!(finished, 3);
}

#[tokio::test]
async fn a_repeated_beginning_is_cached_and_told() {
    let sim = start(quick()).await;
    let long = "A long beginning that many requests share. ".repeat(20);
    let (_, first) = sim.chat(&format!("{long} One?")).await;
    let (_, second) = sim.chat(&format!("{long} Two?")).await;
    assert_eq!(first["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
    let cached = second["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap();
    assert!(cached > 150 && cached.is_multiple_of(16), "{cached}");
    let queried = sim.metric("vllm:prefix_cache_queries_total").await;
    assert!((sim.metric("vllm:prefix_cache_hits_total").await - cached as f64).abs() < 1e-9);
    assert!((queried - sim.metric("vllm:prompt_tokens_total").await).abs() < 1e-9);
}

#[tokio::test]
async fn reasoning_is_told_apart_and_counted() {
    let sim = start(quick()).await;
    let (_, answer) = sim.chat("[[sim:reasoning=6]][[sim:tokens=4]]").await;
    assert!(answer["choices"][0]["message"]["reasoning_content"].as_str().unwrap().split(' ').count() >= 6);
    assert_eq!(answer["usage"]["completion_tokens"], 10);
    assert_eq!(answer["usage"]["completion_tokens_details"]["reasoning_tokens"], 6);
    let all = events(&text_of(sim.stream("[[sim:reasoning=6]][[sim:tokens=4]]").await).await.unwrap());
    assert_eq!(said(&all, "reasoning_content"), answer["choices"][0]["message"]["reasoning_content"].as_str().unwrap());
}

#[tokio::test]
async fn structured_answers_keep_to_their_schema() {
    let sim = start(quick()).await;
    let mut body = ask("Give me a city");
    body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "city", "schema": {
        "type": "object", "required": ["name", "size"],
        "properties": {"name": {"type": "string"}, "size": {"type": "integer", "minimum": 1}}}}});
    let (_, answer) = sim.post("/v1/chat/completions", &body).await;
    let made: Value = serde_json::from_str(answer["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
    assert!(made["name"].is_string() && made["size"].as_u64().unwrap() >= 1);
    body["response_format"] = json!({"type": "json_object"});
    let (_, answer) = sim.post("/v1/chat/completions", &body).await;
    let made: Value = serde_json::from_str(answer["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
    assert_eq!(made["simulated"], true);
}

#[tokio::test]
async fn tools_are_called_streamed_and_their_results_quoted() {
    let sim = start(quick()).await;
    let parameters = json!({"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}});
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": parameters}});
    let mut body = ask("Please use get_weather and get_time");
    body["tools"] = json!([tool("get_weather"), tool("get_time"), tool("other")]);
    let (_, whole) = sim.post("/v1/chat/completions", &body).await;
    let choice = &whole["choices"][0];
    assert_eq!((&choice["finish_reason"], &choice["message"]["content"]), (&json!("tool_calls"), &Value::Null));
    let calls = choice["message"]["tool_calls"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    assert_ne!(calls[0]["id"], calls[1]["id"]);

    body["stream"] = json!(true);
    let response = sim.send("POST", "/v1/chat/completions", &[], Some(body.to_string())).await;
    let all = events(&text_of(response).await.unwrap());
    for (index, call) in calls.iter().enumerate() {
        let parts = all.iter().filter_map(|event| event["choices"][0]["delta"]["tool_calls"].get(0));
        let parts: Vec<&Value> = parts.filter(|part| part["index"] == index).collect();
        assert_eq!((&parts[0]["id"], &parts[0]["function"]["name"]), (&call["id"], &call["function"]["name"]));
        let arguments: String = parts.iter().filter_map(|part| part["function"]["arguments"].as_str()).collect();
        assert_eq!(arguments, call["function"]["arguments"].as_str().unwrap());
        assert!(serde_json::from_str::<Value>(&arguments).unwrap()["city"].is_string());
        assert!(parts.len() > 2, "arguments come in pieces");
    }

    body["stream"] = json!(false);
    let result = json!({"role": "tool", "tool_call_id": calls[0]["id"], "content": "17 degrees"});
    let messages = body["messages"].as_array_mut().unwrap();
    messages.extend([choice["message"].clone(), result]);
    let (_, answer) = sim.post("/v1/chat/completions", &body).await;
    assert!(answer["choices"][0]["message"]["content"].as_str().unwrap().contains("17 degrees"));
}

#[tokio::test]
async fn completions_take_several_prompts_and_echo() {
    let sim = start(quick()).await;
    let body = json!({"model": "llama", "prompt": ["Once", "Twice"], "echo": true, "max_tokens": 5, "logprobs": 2});
    let (status, answer) = sim.post("/v1/completions", &body).await;
    assert_eq!(status, 200);
    assert!(answer["choices"][1]["text"].as_str().unwrap().starts_with("Twice"));
    assert_eq!(
        (&answer["choices"][0]["finish_reason"], &answer["usage"]["completion_tokens"]),
        (&json!("length"), &json!(10))
    );
    assert_eq!(answer["choices"][0]["logprobs"]["tokens"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn embeddings_are_stable_in_either_encoding() {
    let sim = start(quick()).await;
    let body = json!({"model": "llama", "input": ["a", "b", "a"], "dimensions": 8});
    let (_, answer) = sim.post("/v1/embeddings", &body).await;
    let vectors: Vec<&Value> = answer["data"].as_array().unwrap().iter().map(|entry| &entry["embedding"]).collect();
    assert_eq!(vectors[0].as_array().unwrap().len(), 8);
    assert!(vectors[0] == vectors[2] && vectors[0] != vectors[1]);
    let (_, other) = sim.post("/v1/embeddings", &json!({"input": "a", "encoding_format": "base64"})).await;
    assert_eq!(other["data"][0]["embedding"].as_str().unwrap().len(), (384 * 4_usize).div_ceil(3) * 4);
}

#[tokio::test]
async fn log_probabilities_come_with_each_token() {
    let sim = start(quick()).await;
    let mut body = ask("[[sim:tokens=5]]");
    body["logprobs"] = json!(true);
    body["top_logprobs"] = json!(2);
    let (_, answer) = sim.post("/v1/chat/completions", &body).await;
    let content = answer["choices"][0]["logprobs"]["content"].as_array().unwrap();
    assert_eq!((content.len(), content[0]["top_logprobs"].as_array().unwrap().len()), (5, 2));
    let joined: String = content.iter().map(|entry| entry["token"].as_str().unwrap()).collect();
    assert_eq!(joined, answer["choices"][0]["message"]["content"].as_str().unwrap());
}
