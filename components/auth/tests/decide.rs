//! Requests as they come from outside, and what auth makes of them.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::{ADA, BOB, EXPIRED, NOW, answer, arrival, auth, body_of, list, pass};
use http::HeaderValue;
use proptest::prelude::*;
use serde_json::json;
use weir_auth::Decision;
use weir_core::{Principal, RequestId, header};

#[test]
fn a_known_key_becomes_a_principal() {
    let pass = pass("POST", "/v1/chat/completions", &[("authorization", &format!("Bearer {ADA}"))]);
    let told: Principal = header::require_json(&pass.headers, header::PRINCIPAL).unwrap();
    assert_eq!(told, pass.principal);
    let patterns = |list: &[weir_core::Pattern]| list.iter().map(|p| p.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!((told.tenant.as_str(), told.key.as_str(), told.user.as_deref()), ("one", "laptop", Some("ada")));
    assert_eq!(patterns(&told.models[0]), ["gpt-*", "claude-*", "own"]);
    assert_eq!(patterns(&told.models[1]), ["gpt-*", "own"]);
    assert_eq!(told.policy, "p1");
    let id: RequestId = pass.headers[header::REQUEST].to_str().unwrap().parse().unwrap();
    assert_eq!(id, pass.request);
}

#[test]
fn the_key_goes_no_further() {
    for (target, headers) in [
        ("/v1/messages?beta=true", vec![("authorization", format!("Bearer {ADA}")), ("x-api-key", ADA.to_owned())]),
        ("/v1/messages?key=weir-ada-0001&beta=true", vec![]),
        ("/v1/messages?beta=true", vec![("x-goog-api-key", ADA.to_owned()), ("api-key", ADA.to_owned())]),
    ] {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let pass = pass("POST", target, &headers);
        assert_eq!(pass.view.path_and_query(), "/v1/messages?beta=true");
        for (name, value) in &pass.headers {
            assert!(!value.to_str().unwrap().contains(ADA), "{name}");
        }
    }
}

#[test]
fn w12_nothing_internal_comes_from_outside() {
    let forged = r#"{"tenant":"two","key":"k","models":[["*"],["*"]],"policy":"p"}"#;
    let pass = pass(
        "POST",
        "/v1/chat/completions",
        &[
            ("x-api-key", ADA),
            ("x-weir-principal", forged),
            ("x-weir-request", "00000000-0000-7000-8000-000000000000"),
            ("x-weir-plan", "{}"),
            ("x-weir-denied", "caller"),
            ("spin-path-info", "/x"),
            ("x-forwarded-user", "root"),
            ("x_weir_principal", forged),
            ("connection", "x-hidden, close"),
            ("x-hidden", "1"),
            ("transfer-encoding", "chunked"),
            ("host", "gateway.example"),
            ("accept", "*/*"),
        ],
    );
    let mut names: Vec<_> = pass.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", header::PRINCIPAL, header::REQUEST]);
    assert_eq!(pass.principal.tenant, "one");
    assert_eq!(pass.headers.get_all(header::PRINCIPAL).iter().count(), 1);
}

#[test]
fn every_refusal_bears_the_request_id_and_the_callers_dialect() {
    let openai = answer("POST", "/v1/chat/completions", &[]);
    assert_eq!(openai.status, 401);
    assert_eq!(openai.headers["www-authenticate"], "Bearer");
    assert!(openai.headers[header::REQUEST_ID].to_str().unwrap().parse::<RequestId>().is_ok());
    assert_eq!(body_of(&openai)["error"]["code"], "missing_api_key");
    let anthropic = answer("POST", "/v1/messages", &[("x-api-key", "nobody")]);
    assert_eq!(anthropic.status, 401);
    assert_eq!(body_of(&anthropic)["error"]["type"], "authentication_error");
}

#[test]
fn an_expired_key_is_refused_from_that_very_moment() {
    let with = |now| auth().decide(arrival("POST", "/v1/responses", &[("x-api-key", EXPIRED)]), now, [1; 10]);
    let Decision::Answer(answer) = with(NOW) else { panic!("expired at this moment") };
    assert_eq!(answer.status, 401);
    assert!(body_of(&answer)["error"]["message"].as_str().unwrap().contains("expired"));
    assert!(matches!(with(weir_core::UnixMillis(NOW.0 - 1)), Decision::Pass(_)));
}

#[test]
fn w8_a_request_that_names_two_hosts_is_refused() {
    for (authority, hosts) in
        [(None, vec!["a", "b"]), (Some("a"), vec!["b"]), (None, vec![""]), (None, vec!["a/b"]), (Some("u@h"), vec![])]
    {
        let mut arrival = arrival("POST", "/v1/messages", &[("x-api-key", ADA)]);
        arrival.authority = authority.map(str::to_owned);
        for host in hosts {
            arrival.headers.append("host", HeaderValue::from_static(host));
        }
        let Decision::Answer(answer) = auth().decide(arrival, NOW, [1; 10]) else { panic!("two hosts") };
        assert_eq!(answer.status, 400);
        assert_eq!(body_of(&answer)["error"]["type"], "invalid_request_error");
    }
}

#[test]
fn a_caller_sees_the_models_that_it_may_use() {
    let ada = list("/v1/models", &[("x-api-key", ADA)]);
    assert_eq!(
        body_of(&ada),
        json!({"object": "list", "data": [
            {"id": "gpt-4o", "object": "model", "created": 0, "owned_by": "weir"},
            {"id": "own", "object": "model", "created": 0, "owned_by": "weir"},
        ], "models": ["gpt-4o", "own"]})
    );
    let bob = list("/v1/models?limit=1", &[("x-api-key", BOB), ("anthropic-version", "2023-06-01")]);
    assert_eq!(
        body_of(&bob),
        json!({
            "data": [{
                "type": "model", "id": "gpt-4o", "display_name": "gpt-4o", "created_at": "1970-01-01T00:00:00Z",
                "lifecycle": "active", "deprecated_at": null, "retires_at": null, "line": null, "capabilities": null,
                "max_input_tokens": null, "max_tokens": null,
            }],
            "has_more": true, "first_id": "gpt-4o", "last_id": "gpt-4o",
        })
    );
    assert_eq!(bob.headers["content-type"], "application/json");
    assert!(bob.headers.contains_key(header::REQUEST_ID));
}

#[test]
fn models_are_asked_for_by_their_stage_of_life_as_well() {
    let anthropic = [("x-api-key", BOB), ("anthropic-version", "2023-06-01")];
    let none = json!({"data": [], "has_more": false, "first_id": null, "last_id": null});
    for (query, expected) in [("lifecycle=retired", 0), ("lifecycle%5B%5D=active&lifecycle%5B%5D=retired", 3)] {
        let list = body_of(&list(&format!("/v1/models?{query}"), &anthropic));
        assert_eq!(list["data"].as_array().unwrap().len(), expected, "{query}");
        assert!(expected > 0 || list == none, "{list}");
    }
}

#[test]
fn a_model_that_is_not_visible_is_not_there() {
    let seen = answer("GET", "/v1/models/meta/llama", &[("x-api-key", BOB)]);
    assert_eq!((seen.status, body_of(&seen)["id"].clone()), (200, json!("meta/llama")));
    // Another tenant's, not allowed, matched by a wildcard only, and not there at all: one and the same answer.
    let mut bodies: Vec<_> = ["own", "claude-opus", "gpt-4o-mini", "nothing"]
        .map(|model| answer("GET", &format!("/v1/models/{model}"), &[("x-api-key", BOB)]))
        .map(|answer| (answer.status, answer.body))
        .into();
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    assert_eq!(bodies[0].0, 404);
    let anthropic = answer("GET", "/v1/models/own", &[("x-api-key", BOB), ("anthropic-version", "2023-06-01")]);
    assert_eq!(body_of(&anthropic)["error"]["type"], "not_found_error");
}

#[test]
fn what_tier_two_knows_better_is_passed_on_to_it() {
    let cases = [
        ("GET", "/v1/models"),
        ("GET", "/v1/models/served"),
        ("GET", "/v1/models/cluster/any"),
        ("GET", "/team/llama/v1/models"),
        ("GET", "/v2/health/ready"),
        ("GET", "/v2/models/served/ready"),
        ("POST", "/v2/models/served/infer"),
        ("POST", "/v1/models/served:predict"),
        ("GET", "/"),
    ];
    for (method, target) in cases {
        let passed = pass(method, target, &[("authorization", &format!("Bearer {BOB}"))]);
        assert_eq!(passed.view.path, target);
        assert_eq!(answer(method, target, &[]).status, 401, "{target}");
    }
    // Not this key's, though the cluster has it: it is not told so.
    assert_eq!(answer("GET", "/v1/models/served", &[("x-api-key", ADA)]).status, 404);
}

proptest! {
    #[test]
    fn u5_whatever_is_shown_as_a_key_is_refused_unless_it_is_one(key in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assume!(key != ADA.as_bytes() && key != BOB.as_bytes());
        if let Ok(value) = HeaderValue::from_bytes(&key) {
            let mut arrival = arrival("POST", "/v1/messages", &[]);
            arrival.headers.insert("x-api-key", value);
            let decision = auth().decide(arrival, NOW, [1; 10]);
            prop_assert!(matches!(decision, Decision::Answer(answer) if answer.status == 401));
        }
    }

    #[test]
    fn u4_keys_that_share_a_beginning_are_different_keys(cut in 1..ADA.len(), tail in "[a-z0-9]{0,8}") {
        let key = format!("{}{tail}", &ADA[..cut]);
        prop_assume!(key != ADA);
        prop_assert_eq!(answer("POST", "/v1/messages", &[("x-api-key", &key)]).status, 401);
    }

    #[test]
    fn h6_two_tenants_on_one_instance_never_cross(calls in prop::collection::vec(any::<bool>(), 1..50)) {
        let auth = auth();
        for (number, first) in calls.into_iter().enumerate() {
            let (key, tenant) = if first { (ADA, "one") } else { (BOB, "two") };
            let arrival = arrival("POST", "/v1/messages", &[("x-api-key", key)]);
            let Decision::Pass(pass) = auth.decide(arrival, NOW, [u8::try_from(number).unwrap(); 10]) else {
                panic!("a known key");
            };
            prop_assert_eq!(&pass.principal.tenant, tenant);
        }
    }
}
