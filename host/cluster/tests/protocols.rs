//! KServe's protocols at tier two: where a call goes, under which name, what is answered here, and what refusals become.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Call, SOON, Tier, endpoint, options, principal};
use serde_json::{Value, json};
use weir_cluster::{ClusterOptions, EndpointOptions, Model, Protocols, Status, Version};
use weir_core::{Candidate, Plan, header};
use weir_tests::upstream::{Script, Upstream};

async fn echo() -> Upstream {
    Upstream::start(|_| Script::json(200, r#"{"ok":true}"#)).await
}

/// The model `llama` as KServe has it: its servers know it as `served`.
fn served(upstream: &Upstream, protocols: Protocols) -> Model {
    let version = Version {
        name: String::new(),
        weight: 1,
        served_as: Some("served".into()),
        endpoints: vec![endpoint(upstream)],
    };
    let (aliases, paths) = (vec!["publishers/team/models/llama".into()], vec![("team".into(), "llama".into())]);
    Model { aliases, protocols, versions: vec![version], paths, ..Model::new("llama", Vec::new()) }
}

fn tier(models: Vec<Model>) -> Tier {
    Tier::start(ClusterOptions { models, ..options(&[]) })
}

async fn ask(tier: &Tier, method: &'static str, path: &str, body: &str) -> (u16, Value) {
    let (head, body) = tier.answer(&Call::new(method, path, body)).await;
    (head.status, serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn a_call_goes_to_the_servers_own_path_under_its_name_for_the_model() {
    let upstream = echo().await;
    let tier = tier(vec![served(&upstream, Protocols::ANY)]);
    let (chat, v1, v2) = (r#"{"model":"llama","x":1.50}"#, r#"{"instances":[1]}"#, r#"{"inputs":[]}"#);
    let renamed = r#"{"model":"served","x":1.50}"#;
    let cases = [
        ("/v1/chat/completions", chat, "/openai/v1/chat/completions", renamed),
        ("/team/llama/v1/chat/completions", chat, "/openai/v1/chat/completions", renamed),
        ("/v1/tokenize", chat, "/tokenize", renamed),
        ("/v1/models/llama:predict", v1, "/v1/models/served:predict", v1),
        ("/v1/models/llama:explain", v1, "/v1/models/served:explain", v1),
        ("/v1/models/publishers/team/models/llama:predict", v1, "/v1/models/served:predict", v1),
        ("/v2/models/llama/infer", v2, "/v2/models/served/infer", v2),
        ("/v2/models/llama/versions/2/infer", v2, "/v2/models/served/versions/2/infer", v2),
        ("/v2/models/llama/generate_stream", v2, "/v2/models/served/generate_stream", v2),
    ];
    for (at, (path, body, expected, sent)) in cases.into_iter().enumerate() {
        assert_eq!(ask(&tier, "POST", path, body).await, (200, json!({"ok": true})), "{path}");
        let seen = upstream.call(at, SOON).await.unwrap();
        assert_eq!((seen.line(), &*seen.body), (("POST", expected), sent.as_bytes()));
    }
    assert_eq!(ask(&tier, "GET", "/v2/models/llama", "").await.0, 200);
    let seen = upstream.call(cases.len(), SOON).await.unwrap();
    assert_eq!((seen.line(), &*seen.body), (("GET", "/v2/models/served"), &b""[..]));
}

#[tokio::test]
async fn tensors_behind_the_json_pass_with_the_word_where_they_begin() {
    let upstream = Upstream::start(|_| {
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ninference-header-content-length: 14\r\n";
        Script::default().send(format!("{head}content-length: 18\r\n\r\n{{\"outputs\":[]}}\u{1}\u{2}\u{3}\u{4}"))
    })
    .await;
    let tier = tier(vec![served(&upstream, Protocols::ANY)]);
    let mut call = Call::new("POST", "/v2/models/llama/infer", "{\"inputs\":[]}\u{0}\u{1}");
    call.unsigned = vec![
        ("content-type", "application/octet-stream".to_owned()),
        ("inference-header-content-length", "13".to_owned()),
    ];
    let (head, body) = tier.answer(&call).await;
    assert_eq!((head.status, body.as_str()), (200, "{\"outputs\":[]}\u{1}\u{2}\u{3}\u{4}"));
    assert_eq!(head.header("inference-header-content-length"), Some("14"));
    assert_eq!(head.header("content-type"), Some("application/octet-stream"));
    let seen = upstream.call(0, SOON).await.unwrap();
    assert_eq!((&*seen.body, seen.header("inference-header-content-length")), (call.body.as_bytes(), Some("13")));
    assert_eq!(seen.header("content-type"), Some("application/octet-stream"));

    let mut lies = Call::new("POST", "/v2/models/llama/infer", "{\"inputs\":[]}");
    lies.unsigned.push(("inference-header-content-length", "14".to_owned()));
    let (head, body) = tier.answer(&lies).await;
    assert_eq!(head.status, 400);
    assert!(body.contains("inference-header-content-length"), "{body}");
    assert_eq!(upstream.calls().len(), 1);
}

#[tokio::test]
async fn what_a_models_servers_do_not_speak_is_refused_in_the_callers_protocol() {
    let upstream = echo().await;
    let predictor = Protocols { v1: true, ..Protocols::NONE };
    let tier = tier(vec![served(&upstream, predictor)]);
    let (status, chat) = ask(&tier, "POST", "/v1/chat/completions", r#"{"model":"llama"}"#).await;
    assert_eq!((status, chat["error"]["code"].as_str()), (400, Some("unsupported_parameter")));
    assert!(chat["error"]["message"].as_str().unwrap().contains("it speaks KServe V1"), "{chat}");
    let (status, messages) = ask(&tier, "POST", "/v1/messages", r#"{"model":"llama"}"#).await;
    assert_eq!((status, messages["type"].as_str()), (400, Some("error")));
    let (status, v2) = ask(&tier, "POST", "/v2/models/llama/infer", "{}").await;
    assert!(status == 400 && v2["error"].as_str().unwrap().contains("KServe V1"), "{v2}");
    assert_eq!(ask(&tier, "POST", "/v1/models/llama:predict", "{}").await.0, 200);
    assert_eq!(upstream.calls().len(), 1);
}

#[tokio::test]
async fn a_graph_is_one_model_and_is_called_at_its_root() {
    let upstream = echo().await;
    let graph = Protocols { graph: true, ..Protocols::NONE };
    let tier = tier(vec![served(&upstream, graph)]);
    let body = r#"{"instances":[1, 2]}"#;
    for (at, path) in ["/v1/models/llama:predict", "/v2/models/llama/infer"].into_iter().enumerate() {
        assert_eq!(ask(&tier, "POST", path, body).await.0, 200);
        let seen = upstream.call(at, SOON).await.unwrap();
        assert_eq!((seen.line(), &*seen.body), (("POST", "/"), body.as_bytes()));
    }
}

#[tokio::test]
async fn explanations_come_from_the_explainer_where_there_is_one() {
    let (predictor, explainer) = (echo().await, Upstream::start(|_| Script::json(200, r#"{"explanations":[]}"#)).await);
    let explainers = vec![EndpointOptions::new(explainer.origin().parse().unwrap(), "")];
    let v1 = Protocols { v1: true, ..Protocols::NONE };
    let tier = tier(vec![Model { explainers, ..served(&predictor, v1) }]);
    assert_eq!(ask(&tier, "POST", "/v1/models/llama:predict", "{}").await.1, json!({"ok": true}));
    assert_eq!(ask(&tier, "POST", "/v1/models/llama:explain", "{}").await.1, json!({"explanations": []}));
    assert_eq!(explainer.call(0, SOON).await.unwrap().line(), ("POST", "/v1/models/served:explain"));
    let names = ask(&tier, "GET", "/v2/models", "").await.1;
    assert_eq!(names, json!({"models": ["llama", "publishers/team/models/llama"]}), "an explainer is no model");
    assert_eq!(ask(&tier, "POST", "/v1/chat/completions", r#"{"model":"llama (explainer)"}"#).await.0, 404);
}

#[tokio::test]
async fn a_services_path_leads_to_its_own_models_alone() {
    let (own, others) = (echo().await, echo().await);
    let other = Model { paths: vec![("other".into(), "llama".into())], ..served(&others, Protocols::ANY) };
    let other = Model { name: "publishers/other/models/llama".into(), aliases: Vec::new(), ..other };
    let adapter = Model { name: "sql".into(), aliases: Vec::new(), ..served(&own, Protocols::ANY) };
    let tier = tier(vec![served(&own, Protocols::ANY), adapter, other]);
    let chat = |model: &str| format!(r#"{{"model":"{model}"}}"#);
    for (path, model, status) in [
        ("/team/llama/v1/chat/completions", "llama", 200),
        ("/team/llama/v1/chat/completions", "sql", 200),
        ("/team/llama/v1/chat/completions", "publishers/team/models/llama", 200),
        ("/team/llama/v1/chat/completions", "nothing", 404),
        ("/team/llama/v1/chat/completions", "publishers/other/models/llama", 404),
        ("/other/llama/v1/chat/completions", "llama", 200),
        ("/other/llama/v1/chat/completions", "sql", 404),
        ("/nowhere/llama/v1/chat/completions", "llama", 404),
    ] {
        let (got, told) = ask(&tier, "POST", path, &chat(model)).await;
        assert_eq!(got, status, "{path} {model}");
        assert!(status == 200 || told["error"]["message"].as_str().unwrap().contains("the service "), "{told}");
    }
    assert_eq!((own.calls().len(), others.calls().len()), (3, 1));
    let (_, list) = ask(&tier, "GET", "/team/llama/v1/models", "").await;
    assert_eq!(list["models"], json!(["llama", "publishers/team/models/llama", "sql"]));

    // The plain name may be used, which is another service's; this service's own may not.
    let mut call = Call::new("POST", "/other/llama/v1/chat/completions", chat("llama"));
    call.headers.insert(header::PRINCIPAL, header::json_value(&principal(&["llama"])));
    assert_eq!(tier.answer(&call).await.0.status, 403);
}

#[tokio::test]
async fn the_cluster_answers_as_one_server_of_kserves_protocols() {
    let upstream = echo().await;
    let loading = Model { status: Status::Loading, ..Model::new("slow", Vec::new()) };
    let failed = Model { status: Status::Failed("no such file".into()), ..Model::new("broken", Vec::new()) };
    let hidden = Model::new("hidden", Vec::new());
    let tier = tier(vec![Model::new("llama", vec![endpoint(&upstream)]), loading, failed, hidden]);
    let get = async |path: &str| {
        let mut call = Call::new("GET", path, "");
        call.headers.insert(header::PRINCIPAL, header::json_value(&principal(&["llama", "slow", "broken", "gone"])));
        let (head, body) = tier.answer(&call).await;
        (head.status, serde_json::from_str::<Value>(&body).unwrap())
    };
    assert_eq!(get("/").await, (200, json!({"status": "alive"})));
    assert_eq!(get("/v2/health/live").await, (200, json!({"live": true})));
    assert_eq!(get("/v2/health/ready").await, (200, json!({"ready": true})));
    let (status, metadata) = get("/v2").await;
    assert_eq!((status, metadata["name"].as_str()), (200, Some("weir")));
    assert!(metadata["version"].is_string() && metadata["extensions"].is_array());
    assert_eq!(get("/v2/models").await, (200, json!({"models": ["llama", "slow", "broken"]})));
    assert_eq!(get("/v2/models/llama/ready").await, (200, json!({"name": "llama", "ready": true})));
    let (status, slow) = get("/v2/models/slow/ready").await;
    assert!(status == 503 && slow["error"].as_str().unwrap().contains("being loaded"), "{slow}");
    let (status, model) = get("/v1/models/llama").await;
    let expected =
        json!({"id": "llama", "object": "model", "created": 0, "owned_by": "weir", "name": "llama", "ready": true});
    assert_eq!((status, model), (200, expected));
    assert_eq!(get("/v1/models/broken").await.1["ready"], false);
    assert_eq!(get("/v1/models/hidden").await.0, 403);
    assert_eq!(get("/v1/models/gone").await.0, 404);
    let (_, list) = get("/v1/models").await;
    assert_eq!((&list["data"][1]["id"], &list["models"]), (&json!("slow"), &json!(["llama", "slow", "broken"])));

    let (status, index) = ask(&tier, "POST", "/v2/repository/index", "").await;
    assert_eq!(status, 200);
    let states: Vec<_> = index.as_array().unwrap().iter().map(|m| (m["name"].as_str(), m["state"].as_str())).collect();
    assert_eq!(states[0], (Some("llama"), Some("READY")));
    assert_eq!(states[1], (Some("slow"), Some("LOADING")));
    assert_eq!((states[2], index[2]["reason"].as_str()), ((Some("broken"), Some("UNAVAILABLE")), Some("no such file")));
    assert_eq!(ask(&tier, "POST", "/v2/repository/models/llama/unload", "").await.0, 403);
    assert_eq!(upstream.calls().len(), 0, "no server is asked for any of it");
}

#[tokio::test]
async fn a_model_that_tier_one_renamed_is_told_by_the_callers_name() {
    let upstream = echo().await;
    let tier = tier(vec![served(&upstream, Protocols::ANY)]);
    let candidates = vec![Candidate { backend: "cluster".into(), model: "llama".into() }];
    let plan = Plan { model: "fast".into(), stream: false, on_unsupported: Default::default(), candidates };
    let mut call = Call::new("GET", "/v2/models/llama/ready", "");
    call.headers.insert(header::PRINCIPAL, header::json_value(&principal(&["fast"])));
    call.headers.insert(header::PLAN, header::json_value(&plan));
    let (head, body) = tier.answer(&call).await;
    assert_eq!((head.status, body.as_str()), (200, r#"{"name":"fast","ready":true}"#));
}

#[tokio::test]
async fn a_server_that_came_back_with_another_model_is_left_for_another_server() {
    let lost = r#"{"error":{"message":"The model `served` does not exist.","type":"NotFoundError","code":404}}"#;
    let (wrong, right) = (Upstream::start(move |_| Script::json(404, lost)).await, echo().await);
    let mut model = served(&wrong, Protocols::ANY);
    model.versions[0].endpoints.push(endpoint(&right));
    let two = tier(vec![model]);
    for _ in 0..8 {
        assert_eq!(ask(&two, "POST", "/v1/chat/completions", r#"{"model":"llama"}"#).await.0, 200);
    }
    assert!((1..=3).contains(&wrong.calls().len()), "put aside after a few failures: {}", wrong.calls().len());

    let alone = tier(vec![served(&wrong, Protocols::ANY)]);
    let (status, told) = ask(&alone, "POST", "/v1/chat/completions", r#"{"model":"llama"}"#).await;
    assert_eq!((status, told["error"]["source"].as_str()), (502, Some("upstream")));
}

#[tokio::test]
async fn a_model_that_fails_on_its_input_does_not_put_its_servers_aside() {
    let own = r#"{"error":"ValueError : could not convert string to float"}"#;
    let (one, two) = (Upstream::start(move |_| Script::json(500, own)).await, echo().await);
    let mut model = served(&one, Protocols::ANY);
    model.versions[0].endpoints.push(endpoint(&two));
    let tier = tier(vec![model]);
    let mut failed = 0;
    for _ in 0..40 {
        let (status, told) = ask(&tier, "POST", "/v1/models/llama:predict", "{}").await;
        assert!(status == 200 || (status, told.to_string().as_str()) == (500, own), "{status} {told}");
        failed += usize::from(status == 500);
    }
    assert_eq!(one.calls().len() + two.calls().len(), 40, "nothing is tried twice");
    assert!(failed > 3, "the server gets its share as before: {failed}");
}

#[tokio::test]
async fn what_stands_before_a_server_speaks_the_callers_dialect_too() {
    let page =
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/html\r\ncontent-length: 14\r\n\r\n<html>x</html>";
    let upstream = Upstream::start(move |_| Script::default().send(page)).await;
    let tier = tier(vec![served(&upstream, Protocols::ANY)]);
    for (path, body, at) in [
        ("/v1/chat/completions", r#"{"model":"llama"}"#, "/error/message"),
        ("/v1/messages", r#"{"model":"llama"}"#, "/error/message"),
        ("/v1/models/llama:predict", "{}", "/error"),
        ("/v2/models/llama/infer", "{}", "/error"),
    ] {
        let (status, told) = ask(&tier, "POST", path, body).await;
        let message = told.pointer(at).and_then(Value::as_str).unwrap();
        assert!(status == 503 && !message.contains("html"), "{path}: {told}");
    }
}
