//! What the fuzz target `route_plan` runs; its corpus is replayed by an ordinary test, too.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use weir_auth::{Arrival, Auth, Decision, Pass};
use weir_core::config::{
    ApiKey, Backend, BackendKind, BodyPolicy, HeaderPolicy, KeyHash, OnClientGone, Quirks, Retry, Route, Target,
    Tenant, Timeouts,
};
use weir_core::{Config, Limits, Millis, Pattern, UnixMillis};

use crate::{Cooldowns, Head, Router};

const KEYS: [&str; 3] = ["key-0", "key-1", "key-2"];
const TENANTS: [&str; 2] = ["one", "two"];
const MODELS: [&str; 8] = ["a", "b", "a/b", "ab*", "*", "a*", "*b", "claude-*"];
const BACKENDS: [&str; 4] = ["w", "x", "y", "z"];
/// Those of them that are tier twos.
const TIER_TWOS: [&str; 2] = ["w", "x"];
const PATHS: [&str; 4] = ["/v1/chat/*", "/v1/*", "/v1/embeddings", "*"];
const TARGETS: [&str; 9] = [
    "/v1/chat/completions",
    "/openai/v1/chat/completions",
    "/v1/messages?beta=true",
    "/v1/embeddings?key=key-1",
    "/v1/responses",
    "/v1/completions?x=1&&key=key-0",
    "/openai/deployments/a/b/chat/completions?api-version=2024-10-21",
    "/openai/deployments/ab/embeddings",
    "/v1/responses/input_tokens",
];

/// How far a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reached {
    /// Auth answered it.
    Auth,
    /// Its head or its body was refused, or its model.
    Router,
    /// It has a plan.
    Plan,
}

/// Makes a table and a request of `data`, sends the request through auth and router, and checks what must hold
/// whatever they are.
///
/// # Panics
/// When a law does not hold: the same method, path, dialect, model and caller on both sides of auth's hand-over; every
/// candidate among the targets of a route that is for this tenant and model; a model that the caller may use; the
/// same decision for the same seed.
pub fn route_plan(data: &[u8]) -> Reached {
    let mut data = Data(data);
    let config = config(&mut data);
    let seed = data.number();
    let arrival = arrival(&mut data);
    let body = data.rest();

    let method = arrival.method.clone();
    let Decision::Pass(pass) = Auth::new(&config).decide(arrival, UnixMillis(1_790_000_000_000), [7; 10]) else {
        return Reached::Auth;
    };
    let Pass { principal, view, headers, request } = *pass;
    let head = match Head::read(&method, &view.path_and_query(), &headers) {
        Ok(head) => head,
        Err(refusal) => {
            assert_eq!(refusal.request, Some(request));
            assert_eq!(refusal.dialect, view.dialect);
            return Reached::Router;
        }
    };
    assert_eq!((head.request, &head.principal), (request, &principal));
    assert_eq!(head.view.path, view.path);
    assert_eq!(head.view.query, view.query);
    assert_eq!(head.view.endpoint, view.endpoint);
    assert_eq!(head.view.dialect, view.dialect);
    assert_eq!(head.view.model, view.model);
    assert!(head.view.query_key().is_none(), "the key goes no further than auth");

    let router = Router::new(&config);
    let decide = || router.decide(&head, &headers, body, seed, &Cooldowns::default(), Millis(0));
    let decided = decide();
    assert_eq!(decided, decide());
    let Ok(decision) = decided else {
        return Reached::Router;
    };
    let tier_two = |backend: &str| TIER_TWOS.contains(&backend);
    let Some(place) = decision.why.route else {
        assert!(view.endpoint.is_about_the_server() && decision.plan.model.is_empty());
        assert!(decision.plan.candidates.iter().all(|candidate| tier_two(&candidate.backend)));
        return Reached::Plan;
    };
    let route = &config.routes[place];
    assert!(principal.allows(&decision.plan.model));
    assert!(view.model.as_ref().is_none_or(|model| *model == decision.plan.model), "the path's model is the plan's");
    assert!(route.models.iter().any(|pattern| pattern.matches(&decision.plan.model)));
    assert!(route.tenants.is_empty() || route.tenants.contains(&principal.tenant));
    let targets = || route.targets.iter().filter(|target| !view.is_for_tier_two() || tier_two(&target.backend));
    assert_eq!(decision.plan.candidates.len(), targets().count());
    for candidate in &decision.plan.candidates {
        let named = |target: &Target| target.model.as_ref().unwrap_or(&decision.plan.model) == &candidate.model;
        assert!(targets().any(|target| target.backend == candidate.backend && named(target)));
    }
    Reached::Plan
}

/// Bytes to make things of; zeros when they have run out.
struct Data<'a>(&'a [u8]);

impl<'a> Data<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn number(&mut self) -> u64 {
        u64::from_le_bytes([(); 8].map(|()| self.byte()))
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    fn some<T>(&mut self, most: u8, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.byte() % (most + 1)).map(|_| make(self)).collect()
    }

    /// Up to a line break.
    fn line(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|b| *b == b'\n').unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        line
    }

    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}

fn config(data: &mut Data<'_>) -> Config {
    let patterns = |data: &mut Data<'_>| data.some(3, |data| Pattern::new(data.one_of(&MODELS)));
    let mut keys = KEYS.into_iter();
    let tenants = TENANTS.map(|name| {
        let key = keys.next().unwrap_or("key");
        let keys = vec![ApiKey {
            name: key.to_owned(),
            sha256: KeyHash::of(key),
            user: None,
            models: patterns(data),
            expires: (data.byte() == 255).then_some(UnixMillis(1)),
        }];
        Tenant { name: name.to_owned(), models: patterns(data), keys }
    });
    let routes = data.some(4, |data| Route {
        models: patterns(data),
        tenants: data.some(1, |data| data.one_of(&TENANTS).to_owned()),
        path: data.some(1, |data| Pattern::new(data.one_of(&PATHS))).pop(),
        headers: data.some(1, |_| ("x-team".to_owned(), Pattern::new("r*"))).into_iter().collect::<BTreeMap<_, _>>(),
        targets: data.some(4, |data| Target {
            backend: data.one_of(&BACKENDS).to_owned(),
            model: data.some(1, |data| data.one_of(&MODELS).to_owned()).pop(),
            weight: u32::from(data.byte()),
            priority: u32::from(data.byte() % 3),
        }),
        on_unsupported: Default::default(),
        max_output_tokens: 4_096,
    });
    Config {
        version: Config::VERSION,
        policy: "fuzz".to_owned(),
        base_path: String::new(),
        chain: Vec::new(),
        tenants: tenants.into(),
        backends: TIER_TWOS.map(|name| (name.to_owned(), tier_two())).into(),
        routes,
        limits: Vec::new(),
        control: None,
        retry: Retry::default(),
        sizes: Limits { body_bytes: 64 * 1024, ..Limits::default() },
        runtime: Default::default(),
    }
}

fn tier_two() -> Backend {
    Backend {
        kind: BackendKind::Weir { audience: "cluster".to_owned() },
        origin: "http://127.0.0.1:3100".parse().expect("an origin"),
        base_path: String::new(),
        key: None,
        timeouts: Timeouts::default(),
        on_client_gone: OnClientGone::default(),
        quirks: Quirks::default(),
        prefer: None,
        betas: Vec::new(),
        headers: HeaderPolicy::default(),
        body: BodyPolicy::default(),
    }
}

/// A request; its target is taken from the data where the first byte says so.
fn arrival(data: &mut Data<'_>) -> Arrival {
    let shape = data.byte();
    let mut headers = HeaderMap::new();
    let mut header = |name: &'static str, value: &'static str| {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    };
    header("content-type", "application/json");
    header("x-weir-principal", r#"{"tenant":"forged","key":"k","models":[["*"],["*"]],"policy":"p"}"#);
    if shape & 1 != 0 {
        header("authorization", "Bearer key-0");
    }
    if shape & 2 != 0 {
        header("x-api-key", "key-1");
    }
    if shape & 4 != 0 {
        header("anthropic-version", "2023-06-01");
    }
    if shape & 8 != 0 {
        header("connection", "anthropic-version");
    }
    if shape & 16 != 0 {
        header("x-team", "red");
    }
    if shape & 128 != 0 {
        header("inference-header-content-length", "13");
    }
    let target = if shape & 32 != 0 {
        String::from_utf8_lossy(data.line()).into_owned()
    } else {
        data.one_of(&TARGETS).to_owned()
    };
    let method = if shape & 64 != 0 { Method::GET } else { Method::POST };
    Arrival { method, target, authority: None, headers }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test reads its corpus")]
    fn the_corpus_holds() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/route_plan");
        let mut seen = Vec::new();
        for file in corpus.read_dir().unwrap() {
            let path = file.unwrap().path();
            let reached = route_plan(&std::fs::read(&path).unwrap());
            // The hand-made ones say in their name how far they come.
            let name = path.file_name().unwrap().to_str().unwrap();
            let expected = [("auth_", Reached::Auth), ("refused_", Reached::Router), ("plan_", Reached::Plan)];
            for (prefix, expected) in expected {
                if name.starts_with(prefix) {
                    assert_eq!(reached, expected, "{name}");
                    seen.push(reached);
                }
            }
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [Reached::Auth, Reached::Router, Reached::Plan]);
    }

    proptest! {
        #[test]
        fn any_table_and_request_hold(
            table in prop::collection::vec(any::<u8>(), 0..120),
            body in prop_oneof![
                Just(br#"{"model":"a","messages":[{}]}"#.to_vec()),
                Just(br#"{"model":"a/b","input":"x","prompt":"y","messages":[{}]}"#.to_vec()),
                Just(br#"{"inputs":[]}\0\0\0\0"#.to_vec()),
                prop::collection::vec(any::<u8>(), 0..60),
            ],
        ) {
            route_plan(&[table, body].concat());
        }
    }
}
