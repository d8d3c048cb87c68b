//! Every answer that auth gives itself, as a client of each dialect sees it.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::{ADA, BOB, EXPIRED, answer, body_of};
use serde_json::{Value, json};

/// A case: its name, the method, headers beside the dialect's, and what comes after the dialect's path.
type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

const CASES: [Case; 9] = [
    ("no key", "POST", &[], ""),
    ("an unknown key", "POST", &[("authorization", "Bearer nobody")], ""),
    ("a malformed key", "POST", &[("x-api-key", "a b")], ""),
    ("not a bearer key", "POST", &[("authorization", "Basic dTpw")], ""),
    ("two different keys", "POST", &[("authorization", "Bearer weir-ada-0001"), ("x-api-key", BOB)], ""),
    ("an expired key", "POST", &[("x-api-key", EXPIRED)], ""),
    ("another method", "DELETE", &[("x-api-key", ADA)], ""),
    ("another path", "POST", &[("x-api-key", ADA)], "/nothing/here"),
    ("a path that reads in two ways", "POST", &[("x-api-key", ADA)], "/%2e%2e/models"),
];

#[test]
fn refusals_in_openai_chat() {
    insta::assert_json_snapshot!(refusals("/v1/chat/completions"));
}

#[test]
fn refusals_in_openai_responses() {
    insta::assert_json_snapshot!(refusals("/v1/responses"));
}

#[test]
fn refusals_in_anthropic_messages() {
    insta::assert_json_snapshot!(refusals("/v1/messages"));
}

#[test]
fn refusals_in_kserve_v1() {
    insta::assert_json_snapshot!(refusals("/v1/models/gpt-4o:predict"));
}

#[test]
fn refusals_in_kserve_v2() {
    insta::assert_json_snapshot!(refusals("/v2/models/gpt-4o/infer"));
}

fn refusals(path: &str) -> Value {
    let cases = CASES.map(|(name, method, headers, tail)| {
        let answer = answer(method, &format!("{path}{tail}"), headers);
        let shown: Vec<String> =
            answer.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        json!({"case": name, "status": answer.status, "headers": shown, "body": body_of(&answer)})
    });
    Value::from(cases.to_vec())
}
