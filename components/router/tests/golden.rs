//! Every refusal that the router gives, as a client of each dialect sees it.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::{decide, headers, principal};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use weir_core::{GatewayError, error};
use weir_router::{Refusal, head, room};

/// The dialect's path, and a body of it with a model and further members.
struct Client {
    path: &'static str,
    prompt: &'static str,
}

const CHAT: Client = Client { path: "/v1/chat/completions", prompt: r#""messages":[{"role":"user","content":"Hi"}]"# };
const RESPONSES: Client = Client { path: "/v1/responses", prompt: r#""input":"Hi""# };
const MESSAGES: Client = Client { path: "/v1/messages", prompt: r#""messages":[{"role":"user","content":"Hi"}]"# };

#[test]
fn refusals_in_openai_chat() {
    insta::assert_json_snapshot!(refusals(&CHAT));
}

#[test]
fn refusals_in_openai_responses() {
    insta::assert_json_snapshot!(refusals(&RESPONSES));
}

#[test]
fn refusals_in_anthropic_messages() {
    insta::assert_json_snapshot!(refusals(&MESSAGES));
}

#[test]
fn refusals_in_kserve_v2() {
    let cases = [
        ("not JSON", "inputs=1"),
        ("not an object", "[]"),
        ("a key twice", r#"{"inputs":[],"inputs":[]}"#),
        ("a destination", r#"{"inputs":[],"api_base":"http://169.254.169.254"}"#),
    ];
    let client = Client { path: "/v2/models/gpt-4o/infer", prompt: "" };
    let by_body = cases.map(|(name, body)| refused(name, &client, &allowed(), body));
    let heads = [
        ("a form", and("content-type", "application/x-www-form-urlencoded")),
        ("tensors that begin nowhere", and("inference-header-content-length", "14")),
        ("another model in the header", and("x-gateway-model-name", "gpt-4o-mini")),
        ("a model that may not be used", headers(&principal("one", &["own"]))),
    ];
    let by_head = heads.map(|(name, headers)| refused(name, &client, &headers, r#"{"inputs":[]}"#));
    let elsewhere = Client { path: "/v2/models/gpt4o/infer", prompt: "" };
    let unknown = refused("a model that is not there", &elsewhere, &allowed(), r#"{"inputs":[]}"#);
    insta::assert_json_snapshot!(by_body.into_iter().chain(by_head).chain([unknown]).collect::<Value>());
}

fn refusals(client: &Client) -> Value {
    let with = |members: &str| format!("{{{members},{}}}", client.prompt);
    let deep = with(&format!(r#""model":"gpt-4o","metadata":{}1{}"#, "[".repeat(20), "]".repeat(20)));
    let twice = with(r#""model":"gpt-4o","model":"own-secret""#);
    let bodies = [
        ("not JSON", "model=gpt-4o".to_owned()),
        ("cut short", r#"{"model":"gpt-4o","#.to_owned()),
        ("not an object", "[]".to_owned()),
        ("too deep", deep),
        ("a key twice", twice),
        ("no model", with(r#""stream":true"#)),
        ("a model of a wrong type", with(r#""model":7"#)),
        ("a model that leaves its place", with(r#""model":"../../x""#)),
        ("stream of a wrong type", with(r#""model":"gpt-4o","stream":"yes""#)),
        ("a cap of a wrong type", with(r#""model":"gpt-4o","max_tokens":"many","max_output_tokens":-1"#)),
        ("no prompt", r#"{"model":"gpt-4o"}"#.to_owned()),
        ("a destination", with(r#""model":"gpt-4o","api_base":"http://169.254.169.254""#)),
        ("a model that may not be used", with(r#""model":"embed-1""#)),
        ("a model that is not there", with(r#""model":"gpt4o""#)),
    ];
    let by_body = bodies.iter().map(|(name, body)| refused(name, client, &allowed(), body));
    let good = with(r#""model":"gpt-4o""#);
    let heads = [
        ("no content-type", without("content-type")),
        ("a form", and("content-type", "application/x-www-form-urlencoded")),
        ("compressed", and("content-encoding", "gzip")),
        ("not through auth", without("x-weir-principal")),
    ];
    let by_head = heads.iter().map(|(name, headers)| refused(name, client, headers, &good));
    let own =
        [("too large", head::too_large(65_536)), ("broken off", head::broken_off()), ("no room", room::no_room())];
    let dialect = refusal(client, &allowed(), "{}").dialect;
    let by_size = own
        .iter()
        .map(|(name, error)| shown(name, &Refusal { dialect, error: error.clone(), request: None }.error, dialect));
    by_body.chain(by_head).chain(by_size).collect()
}

fn refused(name: &str, client: &Client, headers: &HeaderMap, body: &str) -> Value {
    let refusal = refusal(client, headers, body);
    shown(name, &refusal.error, refusal.dialect)
}

fn refusal(client: &Client, headers: &HeaderMap, body: &str) -> Refusal {
    decide(client.path, headers, body).expect_err(body)
}

fn shown(name: &str, error: &GatewayError, dialect: weir_core::Dialect) -> Value {
    let answer = error::render(dialect, error);
    let headers: Vec<String> = answer.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    json!({"case": name, "status": answer.status, "headers": headers, "body": body})
}

fn allowed() -> HeaderMap {
    headers(&principal("one", &["gpt*"]))
}

fn without(name: &str) -> HeaderMap {
    let mut headers = allowed();
    headers.remove(name);
    headers
}

fn and(name: &'static str, value: &'static str) -> HeaderMap {
    let mut headers = allowed();
    headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    headers
}
