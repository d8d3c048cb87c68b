//! KServe's inference protocols on their way to a tier two, and its answers on their way back.
#![allow(clippy::unwrap_used)]

mod common;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use weir_core::plan::OnUnsupported;
use weir_core::signing::{SigningKey, public_key, verify};
use weir_core::{ErrorKind, GatewayError, Pattern, Principal, RequestView, Rpc, Secret, Tokens, grpc, header};
use weir_translator::attempt::{Attempt, Prepared, Request, prepare};

use common::{ESTIMATE, NOW, attempt, config};

fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
    list.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

/// The call for a request whose chosen candidate calls the model `llama-3`.
fn call(backend: &str, method: &Method, path: &str, sent: &HeaderMap, body: &[u8]) -> Result<Prepared, GatewayError> {
    let view = RequestView::parse(method, path, false).ok().unwrap();
    let mut attempt: Attempt = attempt(backend, OnUnsupported::Reject);
    attempt.candidate.model = "llama-3".to_owned();
    prepare(&config(), &attempt, Request { view: &view, headers: sent, body })
}

#[test]
fn a_body_passes_as_it_is_to_the_models_own_path() {
    let json = headers(&[("content-type", "application/json")]);
    for (path, expected) in [
        ("/v1/models/m:predict", "/v1/models/llama-3:predict"),
        ("/v1/models/a/b:explain", "/v1/models/llama-3:explain"),
        ("/v2/models/m/infer", "/v2/models/llama-3/infer"),
        ("/v2/models/m/versions/2/infer", "/v2/models/llama-3/versions/2/infer"),
        ("/v2/models/m/generate", "/v2/models/llama-3/generate"),
    ] {
        // Spaces, order and an unknown member stay.
        let body = br#"{ "b": 1.50, "model": "another", "a": [1e2] }"#;
        let upstream = call("host", &Method::POST, path, &json, body).unwrap().upstream;
        assert_eq!((upstream.method, upstream.path.as_str()), (Method::POST, expected));
        assert_eq!((upstream.body.as_slice(), upstream.audience.as_deref()), (&body[..], Some("host-1")));
        assert_eq!(upstream.headers["content-type"], "application/json");
        assert!(!upstream.headers.contains_key("inference-header-content-length"));
    }
}

#[test]
fn tensors_pass_behind_their_json() {
    let sent = headers(&[("content-type", "application/octet-stream"), ("inference-header-content-length", "13")]);
    let body = b"{\"inputs\":[]}\x00\xff\x01";
    let Prepared { upstream, exchange } = call("host", &Method::POST, "/v2/models/m/infer", &sent, body).unwrap();
    assert_eq!(upstream.body, body);
    assert_eq!(upstream.headers["content-type"], "application/octet-stream");
    assert_eq!(upstream.headers["inference-header-content-length"], "13");
    assert_eq!(upstream.headers["content-length"], "16");

    let came = headers(&[
        ("content-type", "application/octet-stream"),
        ("inference-header-content-length", "14"),
        ("x-request-id", "up"),
        ("set-cookie", "a=b"),
    ]);
    let answer = exchange.answer_headers(&came, false);
    let mut names: Vec<&str> = answer.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-type", "inference-header-content-length", "x-upstream-request-id"]);
    assert_eq!(answer["content-type"], "application/octet-stream");
    let whole = b"{\"outputs\":[]}\x00\xff".to_vec();
    let (passed, usage) = exchange.whole(whole.clone(), NOW).unwrap();
    assert_eq!((passed, usage.input, usage.output), (whole, ESTIMATE.input, Tokens(0)));
    assert!(usage.estimated);

    let lies = headers(&[("inference-header-content-length", "17")]);
    let error = call("host", &Method::POST, "/v2/models/m/infer", &lies, body).err().unwrap();
    assert_eq!((error.status(), error.param()), (400, Some("inference-header-content-length")));
}

#[test]
fn a_message_of_grpc_gets_the_candidates_name_and_nothing_else_changes() {
    let sent = headers(&[
        ("content-type", "application/grpc+proto"),
        ("grpc-timeout", "5S"),
        ("grpc-accept-encoding", "gzip"),
        ("authorization", "Bearer sk"),
        ("x-own", "1"),
    ]);
    let message =
        |name: &str| grpc::framed(&[b"\x0a", &[name.len() as u8][..], name.as_bytes(), b"\x12\x011"].concat());
    let body = message("m");
    let Prepared { upstream, exchange } = call("host", &Method::POST, Rpc::ModelInfer.path(), &sent, &body).unwrap();
    assert_eq!((upstream.method, upstream.path.as_str()), (Method::POST, "/inference.GRPCInferenceService/ModelInfer"));
    assert_eq!((upstream.body, upstream.audience.as_deref()), (message("llama-3"), Some("host-1")));
    assert_eq!(upstream.headers["content-type"], "application/grpc+proto");
    assert_eq!(upstream.headers["grpc-timeout"], "5S");
    assert_eq!(upstream.headers["grpc-accept-encoding"], "gzip");
    assert!(!upstream.headers.contains_key("x-own") && !upstream.headers.contains_key("authorization"));
    assert_eq!(exchange.input(), ESTIMATE.input);

    let empty = grpc::framed(b"");
    let asked = call("host", &Method::POST, Rpc::ServerLive.path(), &sent, &empty).unwrap();
    assert_eq!((asked.upstream.body, asked.exchange.input()), (empty, Tokens(0)));
    let (cut, compressed) = (ErrorKind::InvalidRequest, ErrorKind::UnsupportedEncoding);
    for (wrong, kind) in [(&b"\0\0\0\0\x09a"[..], cut), (b"\x01\0\0\0\0", compressed)] {
        let error = call("host", &Method::POST, Rpc::ModelInfer.path(), &sent, wrong).err().unwrap();
        assert_eq!(error.kind(), kind);
    }
    let elsewhere = call("openai", &Method::POST, Rpc::ModelInfer.path(), &sent, &body).err().unwrap();
    assert_eq!(elsewhere.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_call_that_goes_on_has_no_length_and_a_token_for_its_first_message() {
    let sent = headers(&[("content-type", "application/grpc"), ("content-length", "99")]);
    let first = grpc::framed(b"\x0a\x01m");
    let key = SigningKey::from_hex(&Secret::new("07".repeat(32))).unwrap();
    let public = public_key(&key.public_hex()).unwrap();
    for (rpc, goes_on) in [(Rpc::ModelStreamInfer, true), (Rpc::ModelInfer, false)] {
        let mut upstream = call("host", &Method::POST, rpc.path(), &sent, &first).unwrap().upstream;
        assert_eq!((upstream.goes_on, upstream.body.as_slice()), (goes_on, &grpc::framed(b"\x0a\x07llama-3")[..]));
        assert_eq!(upstream.headers.contains_key("content-length"), !goes_on);
        upstream.sign(&key, "edge", NOW, [7; 16]).unwrap();
        let token = upstream.headers[header::TOKEN].to_str().unwrap();
        let claims = verify(token, |_| Some(&public), "host-1", NOW).unwrap();
        assert_eq!(claims.check_first_message(&upstream.body).is_ok(), goes_on);
        assert_eq!(claims.check_body(&upstream.body).is_ok(), !goes_on);
    }
}

#[test]
fn a_question_has_no_body_and_costs_nothing() {
    let sent = headers(&[("content-type", "application/json"), ("inference-header-content-length", "2")]);
    for (path, expected) in [
        ("/", "/"),
        ("/v2/health/live", "/v2/health/live"),
        ("/v2/models/m/ready", "/v2/models/llama-3/ready"),
        ("/v1/models/m", "/v1/models/llama-3"),
        ("/team/llama/v1/models", "/team/llama/v1/models"),
    ] {
        let Prepared { upstream, exchange } = call("host", &Method::GET, path, &sent, b"ignored").unwrap();
        assert_eq!((upstream.method, upstream.path.as_str()), (Method::GET, expected));
        assert!(upstream.body.is_empty());
        for name in ["content-type", "content-length", "inference-header-content-length"] {
            assert!(!upstream.headers.contains_key(name), "{path} {name}");
        }
        let (_, usage) = exchange.whole(b"{\"ready\":true}".to_vec(), NOW).unwrap();
        assert_eq!(usage, weir_core::Usage::default());
    }
}

#[test]
fn a_service_in_the_cluster_keeps_its_path_and_its_models_get_their_name() {
    let sent = headers(&[("content-type", "application/json")]);
    let body = br#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    for (path, expected) in [
        ("/team/llama/v1/chat/completions", "/team/llama/v1/chat/completions"),
        ("/team/llama/tokenize", "/team/llama/v1/tokenize"),
        ("/tokenize", "/v1/tokenize"),
    ] {
        let upstream = call("host", &Method::POST, path, &sent, body).unwrap().upstream;
        assert_eq!(upstream.path, expected);
        let body: serde_json::Value = serde_json::from_slice(&upstream.body).unwrap();
        assert_eq!(body["model"], "llama-3");
    }
}

#[test]
fn only_a_tier_two_gets_them() {
    let sent = headers(&[("content-type", "application/json")]);
    for backend in ["openai", "anthropic", "compatible"] {
        for path in ["/v1/models/m:predict", "/v2/models/m/infer", "/tokenize", "/team/llama/v1/chat/completions"] {
            let error = call(backend, &Method::POST, path, &sent, b"{\"messages\":[]}").err().unwrap();
            assert_eq!((error.kind(), error.status()), (ErrorKind::Unsupported, 400), "{backend} {path}");
        }
    }
}

#[test]
fn an_answer_in_one_piece_is_a_stream_of_one_event() {
    let sent = headers(&[("content-type", "application/json")]);
    let exchange = call("host", &Method::POST, "/v2/models/m/generate_stream", &sent, b"{}").unwrap().exchange;
    assert!(exchange.is_stream());
    let (stream, usage) = exchange.streamed(b"{\n \"text_output\": \"12345678\"\r\n}", NOW).unwrap();
    assert_eq!(String::from_utf8(stream).unwrap(), "data: {  \"text_output\": \"12345678\"  }\n\n");
    assert_eq!(usage.output, Tokens(2));
}

#[test]
fn a_tier_twos_models_are_listed_behind_our_own_as_far_as_the_caller_may_use_them() {
    let mut config = config();
    let route = |models: &str| {
        let route = json!({"models": [models], "tenants": [], "path": null, "headers": {},
            "on_unsupported": "reject", "max_output_tokens": 1, "targets": [{"backend": "host", "weight": 1, "priority": 0}]});
        serde_json::from_value(route).unwrap()
    };
    config.routes = vec![route("named"), route("q*"), route("other-*")];
    let principal = Principal {
        tenant: "demo".into(),
        key: "laptop".into(),
        user: None,
        claims: Default::default(),
        models: [vec![Pattern::new("*")], vec![Pattern::new("named"), Pattern::new("q*")]],
        policy: "p".into(),
    };
    let mut sent = headers(&[("anthropic-version", "2023-06-01")]);
    sent.insert(header::PRINCIPAL, header::json_value(&principal));
    let view = RequestView::parse(&Method::GET, "/v1/models?limit=2", true).ok().unwrap();
    let request = Request { view: &view, headers: &sent, body: b"" };
    let Prepared { upstream, exchange } = prepare(&config, &attempt("host", OnUnsupported::Reject), request).unwrap();
    assert_eq!((upstream.path.as_str(), upstream.headers.contains_key("anthropic-version")), ("/v1/models", false));

    let told = br#"{"object":"list","data":[{"id":"qwen"},{"id":"other-one"},{"id":"named"},{"id":"qwq"}]}"#;
    let (list, usage) = exchange.whole(told.to_vec(), NOW).unwrap();
    let list: Value = serde_json::from_slice(&list).unwrap();
    let ids: Vec<&str> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!((ids, &list["has_more"]), (vec!["named", "qwen"], &json!(true)));
    assert_eq!(usage, weir_core::Usage::default());
    assert_eq!(exchange.whole(b"[]".to_vec(), NOW).err().unwrap().kind(), ErrorKind::UpstreamProtocol);
}
