//! Requests as auth passes them on, and where they go.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::{backends, config, decide, headers, principal, router};
use http::{HeaderValue, Method};
use proptest::prelude::*;
use weir_auth::{Arrival, Auth, Decision as Admission};
use weir_core::config::{ApiKey, KeyHash, Tenant};
use weir_core::plan::OnUnsupported;
use weir_core::{Candidate, Config, Dialect, ErrorKind, Millis, Pattern, Rpc, Tokens, UnixMillis, grpc};
use weir_router::table::Mismatch;
use weir_router::{Cooldowns, Head, Question, Router};

const CHAT: &str = "/v1/chat/completions";

fn body(model: &str) -> String {
    format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"Hello"}}],"stream":true}}"#)
}

#[test]
fn the_first_route_that_matches_decides() {
    let mut headers = headers(&principal("one", &["*"]));
    let decision = decide(CHAT, &headers, &body("gpt-4o")).unwrap();
    assert_eq!((decision.why.route, backends(&decision)), (Some(1), vec!["cluster", "openai", "claude"]));
    assert_eq!(decision.plan.on_unsupported, OnUnsupported::Drop);
    assert!(decision.plan.stream);
    assert_eq!(decision.estimate.output, Tokens(2_000));
    assert!(decision.estimate.input > Tokens(3) && decision.estimate.input < Tokens(20), "{}", decision.estimate.input);
    headers.insert("x-team", HeaderValue::from_static("redwood"));
    assert_eq!(decide(CHAT, &headers, &body("gpt-4o")).unwrap().why.route, Some(0));
    assert_eq!(decide(CHAT, &headers, &body("gpt-4-turbo")).unwrap().why.route, Some(1));
}

#[test]
fn a_target_may_rename_the_model() {
    let decision = decide(CHAT, &headers(&principal("one", &["*"])), &body("gpt-4-x")).unwrap();
    let named = |backend: &str, model: &str| Candidate { backend: backend.into(), model: model.into() };
    assert_eq!(
        decision.plan.candidates,
        [named("cluster", "llama"), named("openai", "gpt-4-x"), named("claude", "claude-sonnet")]
    );
    assert_eq!(decision.plan.model, "gpt-4-x");
}

#[test]
fn the_deadline_is_that_of_the_most_patient_candidate() {
    let headers = headers(&principal("one", &["*"]));
    let mut plan = decide(CHAT, &headers, &body("gpt-4o")).unwrap().plan;
    assert_eq!(router().patience(&plan), Millis(123_000));
    plan.candidates.truncate(1);
    assert_eq!(router().patience(&plan), Millis(11_000));
}

#[test]
fn what_may_not_be_used_and_what_is_not_there_look_alike() {
    let headers = headers(&principal("one", &["gpt-*"]));
    let refusals = ["own-secret", "embed-1", "nothing"].map(|model| {
        let error = decide(CHAT, &headers, &body(model)).unwrap_err().error;
        assert_eq!(error.kind(), ErrorKind::ModelNotAllowed);
        error.message().replace(model, "…")
    });
    assert!(refusals.iter().all(|message| *message == refusals[0]), "{refusals:?}");
}

#[test]
fn near_names_are_told_only_of_models_that_the_caller_may_use() {
    let told = |tenant: &str, models: &[&str], model: &str| {
        let error = decide(CHAT, &headers(&principal(tenant, models)), &body(model)).unwrap_err().error;
        assert_eq!(error.kind(), ErrorKind::ModelNotFound);
        error.message().to_owned()
    };
    assert!(told("two", &["*"], "own-secrets").contains("did you mean `own-secret`?"));
    assert!(!told("one", &["*"], "own-secrets").contains("own-secret`?"), "another tenant's");
    assert!(!told("two", &["own-secrets"], "own-secrets").contains("own-secret`?"), "not allowed");
    assert!(told("one", &["*"], "GPT-4o").contains("did you mean `gpt-4o`?"));
    assert!(told("one", &["*"], "embed-1").contains("not served at /v1/chat/completions"));
}

#[test]
fn a_route_for_a_path_means_its_other_spellings_too() {
    let headers = headers(&principal("one", &["*"]));
    for path in ["/v1/embeddings", "/openai/v1/embeddings", "/openai/deployments/embed-1/embeddings"] {
        let decision = decide(path, &headers, r#"{"model":"embed-1","input":"a"}"#).unwrap();
        assert_eq!((decision.why.route, decision.estimate.output), (Some(3), Tokens::ZERO));
    }
}

#[test]
fn kserves_protocols_go_to_tier_twos_alone() {
    let headers = headers(&principal("one", &["*"]));
    let (v1, v2) = (r#"{"instances":[1]}"#, r#"{"inputs":[]}"#);
    for (path, body) in [
        ("/v1/models/gpt-4o:predict", v1),
        ("/v1/models/gpt-4o:explain", v1),
        ("/v2/models/gpt-4o/infer", v2),
        ("/v2/models/gpt-4o/versions/7/infer", v2),
        ("/tokenize", r#"{"model":"gpt-4o","prompt":"Hi"}"#),
        ("/team/llama/v1/chat/completions", &body("gpt-4o")),
    ] {
        let decision = decide(path, &headers, body).unwrap();
        assert_eq!((decision.plan.model.as_str(), backends(&decision)), ("gpt-4o", vec!["cluster"]), "{path}");
        assert_eq!(decision.plan.candidates[0].model, "llama");
    }
    let refused = decide("/v2/models/embed-1/infer", &headers, v2).unwrap_err();
    assert_eq!((refused.error.kind(), refused.error.status()), (ErrorKind::ModelNotFound, 404), "of another path");
    let elsewhere = Router::new(&Config { backends: Default::default(), ..config() });
    let head = Head::read(&Method::POST, "/v2/models/gpt-4o/infer", &headers).unwrap();
    let refused = elsewhere.decide(&head, &headers, v2.as_bytes(), 1, &Cooldowns::default(), Millis(0)).unwrap_err();
    assert_eq!((refused.kind(), refused.status()), (ErrorKind::Unsupported, 400));
    assert!(refused.message().contains("served by a tier two alone"), "{refused}");
    let not_allowed = decide("/v2/models/gpt-4o/infer", &headers_of(&["own-*"]), v2).unwrap_err();
    assert_eq!(not_allowed.error.kind(), ErrorKind::ModelNotAllowed);
}

#[test]
fn a_question_about_the_server_needs_no_model_and_costs_nothing() {
    let mut bare = headers(&principal("one", &["*"]));
    bare.remove("content-type");
    for path in ["/", "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models", "/team/llama/v1/models"] {
        let head = Head::read(&Method::GET, path, &bare).unwrap();
        let decision = router().decide(&head, &bare, b"", 1, &Cooldowns::default(), Millis(0)).unwrap();
        assert_eq!((backends(&decision), decision.why.route), (vec!["cluster"], None), "{path}");
        assert_eq!((decision.plan.model.as_str(), decision.estimate.total()), ("", Tokens::ZERO));
    }
    let head = Head::read(&Method::GET, "/v2/models/gpt-4o/ready", &bare).unwrap();
    let decision = router().decide(&head, &bare, b"", 1, &Cooldowns::default(), Millis(0)).unwrap();
    assert_eq!((decision.plan.candidates[0].model.as_str(), decision.estimate.total()), ("llama", Tokens::ZERO));
    let alone = Router::new(&Config { backends: Default::default(), ..config() });
    let head = Head::read(&Method::GET, "/v2/health/live", &bare).unwrap();
    let refused = alone.decide(&head, &bare, b"", 1, &Cooldowns::default(), Millis(0)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PathNotFound);
}

#[test]
fn grpc_goes_to_tier_twos_by_the_model_in_its_message() {
    let mut sent = headers(&principal("one", &["gpt-*"]));
    sent.insert("content-type", HeaderValue::from_static("application/grpc"));
    let decide = |rpc: Rpc, message: &[u8]| {
        let head = Head::read(&Method::POST, rpc.path(), &sent).map_err(|refusal| refusal.error)?;
        router().decide(&head, &sent, &grpc::framed(message), 1, &Cooldowns::default(), Millis(0))
    };
    let named = b"\x0a\x06gpt-4o";
    for rpc in [Rpc::ModelInfer, Rpc::ModelReady, Rpc::ModelMetadata, Rpc::HealthCheck, Rpc::HealthWatch] {
        let decision = decide(rpc, named).unwrap();
        assert_eq!((decision.plan.model.as_str(), backends(&decision)), ("gpt-4o", vec!["cluster"]), "{rpc:?}");
        assert_eq!((decision.plan.candidates[0].model.as_str(), decision.plan.stream), ("llama", false));
        assert_eq!(decision.estimate.total(), Tokens::ZERO);
    }
    let service = [b"\x0a\x1e", Rpc::SERVICE.as_bytes()].concat();
    for (rpc, message) in [(Rpc::ServerLive, &b""[..]), (Rpc::HealthCheck, b""), (Rpc::HealthCheck, &service)] {
        let decision = decide(rpc, message).unwrap();
        assert_eq!((backends(&decision), decision.why.route), (vec!["cluster"], None), "{rpc:?}");
    }
    let kind = |rpc, message: &[u8]| decide(rpc, message).unwrap_err().kind();
    assert_eq!(kind(Rpc::ModelInfer, b"\x0a\x05other"), ErrorKind::ModelNotAllowed);
    assert_eq!(kind(Rpc::ModelInfer, b""), ErrorKind::InvalidRequest);
    assert_eq!(kind(Rpc::ModelInfer, &[&named[..], named].concat()), ErrorKind::InvalidRequest, "named twice");
    let streamed = decide(Rpc::ModelStreamInfer, named).unwrap();
    assert_eq!((streamed.plan.candidates[0].model.as_str(), streamed.plan.stream), ("llama", true));
    assert_eq!(kind(Rpc::ModelStreamInfer, b"\x0a\x05other"), ErrorKind::ModelNotAllowed);
    sent.insert("content-type", HeaderValue::from_static("application/json"));
    let refused = Head::read(&Method::POST, Rpc::ModelInfer.path(), &sent).err().unwrap();
    assert_eq!((refused.dialect, refused.error.status()), (Dialect::KserveGrpc, 415));
}

#[test]
fn a_cooling_backend_is_set_aside() {
    let headers = headers(&principal("one", &["*"]));
    let head = Head::read(&Method::POST, CHAT, &headers).unwrap();
    let mut cooldowns = Cooldowns::default();
    cooldowns.note("cluster", Millis(7_000), Millis(0));
    let at = |now| router().decide(&head, &headers, body("gpt-4o").as_bytes(), 1, &cooldowns, Millis(now)).unwrap();
    assert_eq!(backends(&at(6_999)), ["openai", "claude"]);
    assert_eq!(at(6_999).why.set_aside[0].backend, "cluster");
    assert_eq!(backends(&at(7_000)), ["cluster", "openai", "claude"]);
}

#[test]
fn a_decision_can_be_explained() {
    let (principal, headers) = (principal("one", &["*"]), headers(&principal("one", &["*"])));
    let explain =
        |model, path| router().table().explain(Question { principal: &principal, model, path, headers: &headers });
    assert_eq!(explain("gpt-4o", CHAT), [Some(Mismatch::Header("x-team".to_owned())), None]);
    assert_eq!(
        explain("own-secret", CHAT),
        [Some(Mismatch::Model), Some(Mismatch::Model), Some(Mismatch::Tenant), Some(Mismatch::Model)]
    );
    assert_eq!(explain("embed-1", CHAT)[3], Some(Mismatch::Path));
    let decision = decide(CHAT, &headers, &body("gpt-4o")).unwrap();
    let drawn: Vec<_> = decision.why.drawn.iter().map(|t| (t.backend.as_str(), t.weight, t.priority)).collect();
    assert_eq!(drawn, [("cluster", 1, 0), ("openai", 1, 1), ("claude", 0, 1)]);
}

#[test]
fn h5_a_models_name_cannot_break_a_line() {
    let refusal = decide(CHAT, &headers(&principal("one", &["*"])), &body("a\\r\\nb\\u001b[31m")).unwrap_err();
    assert_eq!((refusal.error.kind(), refusal.error.param()), (ErrorKind::InvalidRequest, Some("model")));
    assert!(!refusal.error.message().contains(char::is_control));
}

fn headers_of(models: &[&str]) -> http::HeaderMap {
    headers(&principal("one", models))
}

/// A key that may use everything, for requests that go through auth first.
fn auth() -> Auth {
    let mut config = config();
    let any = vec![Pattern::new("*")];
    let key =
        ApiKey { name: "k".into(), sha256: KeyHash::of("weir-key"), user: None, models: any.clone(), expires: None };
    config.tenants = vec![Tenant { name: "one".into(), models: any, keys: vec![key] }];
    Auth::new(&config)
}

/// Pieces of which paths are made that might be read in two ways.
fn tricky_target() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "/",
        "//",
        "/.",
        "/..",
        "%2e",
        "%2F",
        "%25",
        ";",
        "\\",
        "?",
        "#",
        "&",
        "key=weir-key",
        "key=",
        "v1",
        "V1",
        "openai",
        "chat",
        "completions",
        "models",
        "messages",
        "responses",
        "embeddings",
        "count_tokens",
        "beta",
        "a%20b",
        "%zz",
        " ",
        "é",
        "/v1/chat/completions",
        "/v1/messages",
        "/v1/models/",
        "/openai/v1/responses",
        "/openai/deployments/",
        "/v2/models/",
        "/v2",
        "/versions/",
        "/infer",
        "/ready",
        ":predict",
        "%3Apredict",
        "/team/llama",
        "/tokenize",
        "/inference.GRPCInferenceService/ModelInfer",
        "/inference.GRPCInferenceService/ModelStreamInfer",
        "/openai/responses",
        "/input_tokens",
        "/chat/completions",
        "?api-version=2024-10-21",
        "x=1",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn w9_auth_and_router_see_the_same_request(target in tricky_target(), anthropic: bool, named: bool, get: bool) {
        let mut headers = headers(&principal("forged", &["*"]));
        headers.insert("x-api-key", HeaderValue::from_static("weir-key"));
        if anthropic {
            headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
        }
        if named {
            headers.insert("connection", HeaderValue::from_static("anthropic-version"));
        }
        let method = if get { Method::GET } else { Method::POST };
        let arrival = Arrival { method: method.clone(), target, authority: None, headers };
        if let Admission::Pass(pass) = auth().decide(arrival, UnixMillis(1_795_000_000_000), [3; 10]) {
            let mut passed = pass.headers.clone();
            if pass.view.dialect == Dialect::KserveGrpc {
                passed.insert("content-type", HeaderValue::from_static("application/grpc"));
            }
            let head = Head::read(&method, &pass.view.path_and_query(), &passed).unwrap();
            prop_assert_eq!(&head.view.path, &pass.view.path);
            prop_assert_eq!(&head.view.model, &pass.view.model);
            prop_assert_eq!(&head.view.version, &pass.view.version);
            prop_assert_eq!(&head.view.service, &pass.view.service);
            let outside = |model: &String| model.split('/').any(|segment| matches!(segment, "" | "." | ".."));
            prop_assert!(!head.view.model.as_ref().is_some_and(outside), "{:?}", head.view.model);
            prop_assert_eq!(&head.view.query, &pass.view.query);
            prop_assert_eq!(&head.view.endpoint, &pass.view.endpoint);
            prop_assert_eq!(head.view.dialect, pass.view.dialect);
            prop_assert_eq!(head.request, pass.request);
            prop_assert_eq!(&head.principal, &pass.principal);
            prop_assert_eq!(&head.principal.tenant, "one");
            prop_assert!(head.view.query_key().is_none());
        }
    }
}
