//! A part that is not Weir's own sees, asks for and calls what is granted to it by name, and nothing else.

use std::sync::Arc;

use crate::support::upstream::Upstream;
use crate::support::{get, guest, options_of, read_all};
use weir_compose::{Access, Grants, Part};
use weir_core::Secret;
use weir_edge::{Destination, Edge, EdgeConfig, SecretFuture, Secrets};

/// A store that has every secret: only what stands before it can keep one back.
struct Everything;

impl Secrets for Everything {
    fn secret<'a>(&'a self, name: &'a str) -> SecretFuture<'a> {
        Box::pin(std::future::ready(Ok(Some(Secret::new(format!("value of {name}"))))))
    }
}

/// An edge with a curious foreign part, on a host that has a configuration, all secrets, and may call these upstreams.
fn edge(grants: Grants, upstreams: &[&Upstream]) -> Edge {
    let mut config = EdgeConfig::new(r#"{"weir": "own configuration"}"#);
    config.secrets = Arc::new(Everything);
    config.destinations =
        upstreams.iter().map(|upstream| Destination::backend(origin(upstream).parse().unwrap())).collect();
    let curious = Part::new("curious", guest("tells_what_it_can_reach")).with(Access::Granted(grants));
    let parts = vec![
        Part::new("auth", guest("adds_internal_headers")),
        curious,
        Part::new("translator", guest("shows_what_it_is_sent")),
    ];
    Edge::new(options_of(parts, config)).unwrap()
}

fn origin(upstream: &Upstream) -> String {
    format!("http://{}", upstream.addr)
}

/// What the part tells, when it is asked with these headers.
async fn told(edge: &Edge, ask: &[(&'static str, &str)]) -> Vec<String> {
    let mut request = get("/");
    for (name, value) in ask {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let (status, body) = read_all(edge.handle(request).await).await;
    assert_eq!(status, 200, "{body}");
    body.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_granted_nothing_finds_nothing() {
    let upstream = Upstream::start().await;
    let edge = edge(Grants { network: Some(Vec::new()), ..Grants::default() }, &[&upstream]);
    let ask = [("x-ask", "openai-key,token,part.curious.token"), ("x-call", &origin(&upstream))];
    let found = told(&edge, &ask).await;
    let nothing = [
        "config Err(SettingsError::Missing)",
        "secret openai-key Ok(None)",
        "secret token Ok(None)",
        "secret part.curious.token Ok(None)",
        "call Err(ErrorCode::HttpRequestDenied)",
    ];
    assert_eq!(found, nothing);
    assert!(upstream.seen("/").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_finds_what_it_is_granted_and_no_more() {
    let (friend, stranger) = (Upstream::start().await, Upstream::start().await);
    let grants = Grants {
        config: Some(r#"{"policy":"strict"}"#.to_owned()),
        secrets: [("token".to_owned(), "part.curious.token".to_owned())].into(),
        network: Some(vec![origin(&friend)]),
        environment: [("LOG".to_owned(), "debug".to_owned())].into(),
    };
    let edge = edge(grants, &[&friend, &stranger]);
    let ask = [("x-ask", "token,openai-key"), ("x-call", &origin(&friend))];
    let found = told(&edge, &ask).await;
    let granted = [
        r#"config Ok("{\"policy\":\"strict\"}")"#,
        "variable LOG=debug",
        "also LOG=debug",
        r#"secret token Ok(Some("value of part.curious.token"))"#,
        "secret openai-key Ok(None)",
        "call Ok(200)",
    ];
    assert_eq!(found, granted);
    assert_eq!(friend.seen("/").len(), 1);

    let found = told(&edge, &[("x-call", &origin(&stranger))]).await;
    assert_eq!(found.last().unwrap(), "call Err(ErrorCode::HttpRequestDenied)");
    assert!(stranger.seen("/").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_parts_have_grants_of_their_own() {
    let mut config = EdgeConfig::new("{}");
    config.secrets = Arc::new(Everything);
    let named = |name: &str| {
        let secrets = [("token".to_owned(), format!("part.{name}.token"))].into();
        let grants = Grants { secrets, network: Some(Vec::new()), ..Grants::default() };
        Part::new(name, guest("tells_what_it_can_reach")).with(Access::Granted(grants))
    };
    let parts = [named("first"), named("second"), Part::new("translator", guest("shows_what_it_is_sent"))];
    for (part, rest) in [("first", &parts[..]), ("second", &parts[1..])] {
        let options = options_of(rest.to_vec(), config.clone());
        let found = told(&Edge::new(options).unwrap(), &[("x-ask", "token")]).await;
        assert_eq!(found[1], format!(r#"secret token Ok(Some("value of part.{part}.token"))"#));
    }
}
