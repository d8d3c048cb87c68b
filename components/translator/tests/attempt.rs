//! What goes upstream, and what does not.
#![allow(clippy::unwrap_used)]

mod common;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use weir_core::plan::OnUnsupported;
use weir_core::signing::{SigningKey, public_key, verify};
use weir_core::{Dialect, ErrorKind, Limits, RequestView, Secret, UnixMillis, header};
use weir_translator::attempt::{Attempt, Prepared, Request, answer_headers, estimated_count, prepare};

use common::{NOW, attempt, config, prepared};

const CHAT: &[u8] = br#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;

fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
    list.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

/// What a caller, a proxy in front and the chain may all have put there.
fn crowded() -> HeaderMap {
    headers(&[
        ("authorization", "Bearer caller"),
        ("x-api-key", "caller"),
        ("cookie", "session=1"),
        ("accept", "text/event-stream"),
        ("accept-encoding", "gzip"),
        ("traceparent", "00-1-2-01"),
        ("tracestate", "a=b"),
        ("idempotency-key", "i1"),
        ("openai-organization", "org"),
        ("openai-project", "proj"),
        ("anthropic-version", "2099-01-01"),
        ("anthropic-beta", "new-thing"),
        ("x-base-url", "http://evil.example"),
        ("forwarded", "for=1.2.3.4"),
        ("user-agent", "sdk/1"),
        ("content-type", "text/plain"),
        ("content-length", "9999"),
        ("transfer-encoding", "chunked"),
        ("host", "weir.example"),
        ("x-weir-principal", r#"{"tenant":"t"}"#),
        ("x-weir-request", "0198f2f0-0000-7000-8000-000000000000"),
        ("x-weir-plan", "{}"),
        ("x-weir-attempt", "1"),
        ("x-weir-deadline", "1790000000000"),
        ("x-weir-estimate", r#"{"input":1,"output":2}"#),
        ("x-weir-reservation", "r1"),
        ("x-weir-backend", r#"{"backend":"b","model":"m"}"#),
        ("x-weir-spill", "1"),
    ])
}

fn names(prepared: &Prepared) -> Vec<&str> {
    let mut names: Vec<&str> = prepared.upstream.headers.keys().map(HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

fn call(backend: &str, target: &str, body: &[u8]) -> Prepared {
    prepared(backend, target, &crowded(), body, OnUnsupported::Reject).unwrap()
}

#[test]
fn betas_go_where_the_backend_may_be_asked_for_them_and_are_named_where_not() {
    let body = br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
    let mut config = config();
    config.backends["anthropic"].betas = vec![weir_core::Pattern::new("context-*")];
    let view = RequestView::parse(&Method::POST, "/v1/messages?beta=true", true).map_err(|(_, error)| error).unwrap();
    let headers =
        headers(&[("anthropic-beta", "context-1m-2025-08-07, oauth-2025-04-20"), ("anthropic-beta", "context-x")]);
    let request = Request { view: &view, headers: &headers, body };
    let prepared = prepare(&config, &attempt("anthropic", OnUnsupported::Reject), request).unwrap();
    assert_eq!(prepared.upstream.headers["anthropic-beta"], "context-1m-2025-08-07,context-x");
    assert_eq!(prepared.upstream.path, "/v1/messages?beta=true");
    assert_eq!(prepared.exchange.dropped(), ["anthropic-beta"]);
}

#[test]
fn a_backends_policies_edit_headers_and_bodies_and_never_the_other_way_round() {
    let mut config = config();
    for name in ["openai", "anthropic"] {
        let backend = &mut config.backends[name];
        backend.headers = serde_json::from_value(json!({
            "forward": ["x-team", "x-weir-*", "authorization"], "set": {"x-source": "weir"}, "remove": ["traceparent"],
        }))
        .unwrap();
        backend.body =
            serde_json::from_value(json!({"set": {"provider": {"sort": "price"}}, "remove": ["stop"]})).unwrap();
    }
    let mut sent = crowded();
    sent.insert("x-team", HeaderValue::from_static("a"));
    let view = RequestView::parse(&Method::POST, "/v1/chat/completions", false).map_err(|(_, error)| error).unwrap();
    let body = br#"{"model":"m","stop":["x"],"messages":[{"role":"user","content":"hi"}]}"#;
    for name in ["openai", "anthropic"] {
        let request = Request { view: &view, headers: &sent, body };
        let prepared = prepare(&config, &attempt(name, OnUnsupported::Reject), request).unwrap();
        let headers = &prepared.upstream.headers;
        assert_eq!(
            (&headers["x-team"], &headers["x-source"]),
            (&HeaderValue::from_static("a"), &HeaderValue::from_static("weir"))
        );
        for never in ["traceparent", "authorization", "x-weir-principal", "cookie"] {
            assert!(!headers.contains_key(never), "{name}: {never}");
        }
        let body: Value = serde_json::from_slice(&prepared.upstream.body).unwrap();
        assert_eq!(body["provider"], json!({"sort": "price"}));
        assert!(body.get("stop").is_none() && body.get("stop_sequences").is_some() == (name == "anthropic"), "{body}");
        assert_eq!(headers["content-length"], prepared.upstream.body.len().to_string().as_str());
    }
}

#[test]
fn a_count_is_asked_of_backends_that_count_and_estimated_for_others_which_is_said() {
    let mut config = config();
    config.backends["openai"].quirks.input_tokens = false;
    let body = br#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;
    let view =
        RequestView::parse(&Method::POST, "/v1/messages/count_tokens", true).map_err(|(_, error)| error).unwrap();
    let headers = HeaderMap::new();
    let request = Request { view: &view, headers: &headers, body };
    let estimated = |name| estimated_count(&config, &attempt(name, OnUnsupported::Reject), request).unwrap();
    assert!(estimated("anthropic").is_none() && estimated("host").is_none());
    let (headers, answer) = estimated("openai").unwrap();
    assert_eq!(headers["x-weir-degraded"], "estimated-count");
    assert_eq!(serde_json::from_slice::<Value>(&answer).unwrap(), json!({"input_tokens": 100}));

    let prepared = prepare(&config, &attempt("anthropic", OnUnsupported::Reject), request).unwrap();
    assert_eq!(prepared.upstream.path, "/v1/messages/count_tokens");
    let broken = Request { body: b"[]", ..request };
    assert!(estimated_count(&config, &attempt("openai", OnUnsupported::Reject), broken).is_err());
}

#[test]
fn a_whole_answer_to_a_client_that_asked_for_a_stream_becomes_one() {
    let exchange = common::exchange(Dialect::AnthropicMessages, Dialect::OpenaiChat, true).exchange;
    let answer = br#"{"id":"m1","model":"c","type":"message","role":"assistant","stop_reason":"tool_use",
        "content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"Hi"},
        {"type":"tool_use","id":"t1","name":"f","input":{"a":1}}],"usage":{"input_tokens":3,"output_tokens":4}}"#;
    let (stream, usage) = exchange.streamed(answer, NOW).unwrap();
    let stream = String::from_utf8(stream).unwrap();
    assert_eq!((usage.input.0, usage.output.0), (3, 4));
    for piece in [
        "\"content\":\"Hi\"",
        "\"name\":\"f\"",
        "{\\\"a\\\":1}",
        "\"finish_reason\":\"tool_calls\"",
        "\"prompt_tokens\":3",
    ] {
        assert!(stream.contains(piece), "{piece} in {stream}");
    }
    assert!(stream.ends_with("data: [DONE]\n\n") && common::terminals(Dialect::OpenaiChat, stream.as_bytes()) == 1);
}

#[test]
fn only_an_allow_list_of_headers_goes_upstream() {
    let allowed = ["accept", "content-length", "content-type", "traceparent", "tracestate", "user-agent"];
    let openai = call("openai", "/v1/chat/completions", CHAT);
    assert_eq!(names(&openai), allowed);
    assert_eq!(openai.upstream.headers["content-type"], "application/json");
    assert_eq!(openai.upstream.headers["content-length"], openai.upstream.body.len().to_string().as_str());
    assert!(openai.upstream.headers["user-agent"].to_str().unwrap().starts_with("weir/"));

    let anthropic = call("anthropic", "/v1/chat/completions", CHAT);
    assert_eq!(names(&anthropic), [&allowed[..1], &["anthropic-version"], &allowed[1..]].concat());
    assert_eq!(anthropic.upstream.headers["anthropic-version"], "2023-06-01");

    let messages = call("anthropic", "/v1/messages?beta=true&key=k&x=1", CHAT);
    assert_eq!(names(&messages), [&allowed[..1], &["anthropic-beta", "anthropic-version"], &allowed[1..]].concat());
    assert_eq!(messages.upstream.headers["anthropic-version"], "2099-01-01");
    assert_eq!(messages.upstream.path, "/v1/messages?beta=true");
}

#[test]
fn tier_two_is_told_who_calls_in_a_signed_call() {
    let mut prepared = call("host", "/v1/chat/completions", CHAT);
    let internal: Vec<&str> = names(&prepared).into_iter().filter(|name| name.starts_with("x-weir-")).collect();
    assert_eq!(
        internal,
        [
            header::ATTEMPT,
            header::BACKEND,
            header::DEADLINE,
            header::ESTIMATE,
            header::PLAN,
            header::PRINCIPAL,
            header::REQUEST,
            header::RESERVATION
        ]
    );
    assert_eq!(prepared.upstream.path, "/v1/chat/completions");
    assert_eq!(prepared.upstream.audience.as_deref(), Some("host-1"));
    let body: Value = serde_json::from_slice(&prepared.upstream.body).unwrap();
    assert_eq!(body["model"], "their-model");

    let key = SigningKey::from_hex(&Secret::new("07".repeat(32))).unwrap();
    prepared.upstream.sign(&key, "edge-1", NOW, [1; 16]).unwrap();
    let upstream = &prepared.upstream;
    let token = upstream.headers[header::TOKEN].to_str().unwrap();
    let public = public_key(&key.public_hex()).unwrap();
    let claims = verify(token, |name| (name == "edge-1").then_some(&public), "host-1", NOW).unwrap();
    assert_eq!(claims.check_head("POST", &upstream.path, &upstream.headers), Ok(()));
    assert_eq!(claims.check_body(&upstream.body), Ok(()));
}

#[test]
fn others_are_never_sent_a_token() {
    let mut prepared = call("openai", "/v1/chat/completions", CHAT);
    let key = SigningKey::from_hex(&Secret::new("07".repeat(32))).unwrap();
    prepared.upstream.sign(&key, "edge-1", NOW, [1; 16]).unwrap();
    assert!(!prepared.upstream.headers.contains_key(header::TOKEN));
}

#[test]
fn e1_the_destination_is_the_configurations_whatever_the_client_writes() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "api_base": "http://evil.example", "base_url": "http://evil.example"});
    let prepared = call("openai", "/v1/chat/completions?base_url=http://evil.example", body.to_string().as_bytes());
    assert_eq!(prepared.upstream.origin.to_string(), "https://api.openai.example");
    assert_eq!(prepared.upstream.path, "/v1/chat/completions");
    assert_eq!(prepared.upstream.key.unwrap().secret, "KEY");
}

#[test]
fn each_endpoint_has_its_path() {
    for (backend, target, path) in [
        ("openai", "/openai/v1/completions", "/v1/completions"),
        ("openai", "/v1/embeddings", "/v1/embeddings"),
        ("openai", "/v1/responses", "/v1/responses"),
        ("anthropic", "/v1/messages", "/v1/messages"),
        ("anthropic", "/v1/messages/count_tokens", "/v1/messages/count_tokens"),
        ("anthropic", "/v1/chat/completions", "/v1/messages"),
        ("host", "/v1/messages", "/v1/messages"),
        ("host", "/v1/responses", "/v1/responses"),
    ] {
        assert_eq!(call(backend, target, CHAT).upstream.path, path, "{backend} {target}");
    }
}

#[test]
fn what_a_backend_cannot_serve_is_refused() {
    let error = |backend: &str, target: &str, body: &[u8]| {
        prepared(backend, target, &HeaderMap::new(), body, OnUnsupported::Reject).err().unwrap().kind()
    };
    assert_eq!(error("anthropic", "/v1/embeddings", CHAT), ErrorKind::Unsupported);
    assert_eq!(error("openai", "/v1/messages", br#"{"model":"m"}"#), ErrorKind::InvalidRequest);
    assert_eq!(error("anthropic", "/v1/completions", CHAT), ErrorKind::Unsupported);
    assert_eq!(error("nowhere", "/v1/messages", CHAT), ErrorKind::Misconfigured);
    assert_eq!(error("openai", "/v1/chat/completions", b"{"), ErrorKind::InvalidRequest);
    assert_eq!(error("openai", "/v1/chat/completions", br#"{"stream":"yes"}"#), ErrorKind::InvalidRequest);
}

#[test]
fn the_limiters_choice_goes_before_the_plans_first() {
    let plan = r#"{"model":"m","on_unsupported":"drop","candidates":[{"backend":"a","model":"1"},{"backend":"b","model":"2"}]}"#;
    let mut headers =
        headers(&[("x-weir-deadline", "1790000000000"), ("x-weir-estimate", r#"{"input":3,"output":4}"#)]);
    headers.insert(header::PLAN, plan.parse().unwrap());
    let attempt = Attempt::read(&headers).unwrap();
    assert_eq!(attempt.candidate.backend, "a");
    assert_eq!(attempt.on_unsupported, OnUnsupported::Drop);
    assert_eq!((attempt.estimate.input.0, attempt.deadline), (3, Some(UnixMillis(1_790_000_000_000))));
    headers.insert(header::BACKEND, r#"{"backend":"b","model":"2"}"#.parse().unwrap());
    assert_eq!(Attempt::read(&headers).unwrap().candidate.backend, "b");
    assert!(Attempt::read(&HeaderMap::new()).is_err());
}

#[test]
fn of_a_backends_headers_only_its_request_id_reaches_the_client() {
    let from = headers(&[
        ("x-request-id", "req_1"),
        ("x-weir-usage", "{}"),
        ("x-weir-failed", "{}"),
        ("set-cookie", "a=b"),
        ("server", "x"),
        ("content-type", "text/event-stream"),
        ("transfer-encoding", "chunked"),
    ]);
    let dropped = ["seed".to_owned(), "messages[0].content[1]\u{e9}\n".to_owned()];
    let headers = answer_headers(&from, true, &dropped);
    assert_eq!(headers["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(headers["cache-control"], "no-cache");
    assert_eq!(headers["x-upstream-request-id"], "req_1");
    assert_eq!(headers[header::DROPPED], "seed,messages[0].content[1]??");
    assert_eq!(headers.len(), 5);
    assert_eq!(answer_headers(&from, false, &[])["content-type"], "application/json");
}

#[test]
fn the_configuration_of_these_tests_is_a_real_one() {
    assert_eq!(config().sizes, Limits::default());
}
