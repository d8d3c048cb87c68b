//! Where the platform leaves a path of its own before `/v1`.
#![allow(clippy::unwrap_used)]

mod fixture;

use fixture::{ADA, NOW, arrival, auth_beneath_research, body_of};
use weir_auth::Decision;

fn decide(method: &str, target: &str, headers: &[(&str, &str)]) -> Decision {
    auth_beneath_research().decide(arrival(method, target, headers), NOW, [7; 10])
}

#[test]
fn the_base_path_is_cut_off_and_nothing_further_in_sees_it() {
    let key = [("x-api-key", ADA)];
    let Decision::Pass(pass) = decide("POST", "/research/v1/messages?beta=true&key=weir-ada-0001", &key) else {
        panic!("a known key, at a known path");
    };
    assert_eq!(pass.view.path_and_query(), "/v1/messages?beta=true");
    let Decision::Answer(models) = decide("GET", "/research/v1/models", &key) else { panic!("auth answers this") };
    assert_eq!(models.status, 200);
}

#[test]
fn other_paths_are_404_in_the_callers_dialect() {
    let anthropic = [("x-api-key", ADA), ("anthropic-version", "2023-06-01")];
    for target in ["/v1/messages", "/researchers/v1/messages", "/research", "/RESEARCH/v1/messages", "/other?a=b", ""] {
        let Decision::Answer(answer) = decide("POST", target, &anthropic) else { panic!("{target} names nothing") };
        assert_eq!(answer.status, 404, "{target}");
        assert_eq!(body_of(&answer)["error"]["type"], "not_found_error", "{target}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("a=b"), "a query may hold a key");
    }
}

#[test]
fn what_remains_is_refused_where_it_reads_in_two_ways() {
    let key = [("x-api-key", ADA)];
    for target in ["/research/../v1/messages", "/research//v1/messages", "/research/%2e%2e/v1/messages"] {
        let Decision::Answer(answer) = decide("POST", target, &key) else { panic!("{target} reads in two ways") };
        assert_eq!(answer.status, 400, "{target}");
    }
}
