//! A control plane on a real socket, and edges that call it.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use prometheus_client::registry::Registry;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::task::JoinHandle;
use weir_config::settings::EdgeIdentity;
use weir_control::{ControlOptions, ControlPlane};
use weir_core::config::{KeyHash, Limit, LimitFilter, LimitUnit, Per, Window};
use weir_core::control::{Reserve, Settle};
use weir_core::header::{SESSION, TOKEN, to_json};
use weir_core::signing::{Call, SigningKey, sign};
use weir_core::{
    Candidate, Config, Ending, Estimate, Limits, Millis, Outcome, Pattern, Principal, RequestId, Secret, Tokens,
    UnixMillis, Usage,
};
use weir_serve::{Client, ClientOptions, Drained, Listener, ServeLimits, Shutdown, ShutdownTrigger, full, serve};

pub(crate) const AUDIENCE: &str = "quickstart";
pub(crate) const ADMIN: &str = "weir-admin-key";
const START: u64 = 1_790_000_000_000;

/// A control plane, listening.
pub(crate) struct World {
    pub(crate) plane: ControlPlane,
    pub(crate) clock: Arc<AtomicU64>,
    client: Client,
    address: SocketAddr,
    stop: ShutdownTrigger,
    server: JoinHandle<Drained>,
}

impl World {
    pub(crate) fn start(limits: Vec<Limit>) -> Self {
        let clock = Arc::new(AtomicU64::new(START));
        let read = clock.clone();
        let mut registry = Registry::default();
        let clock_of_plane = Arc::new(move || UnixMillis(read.load(Ordering::SeqCst)));
        let plane = ControlPlane::new(options(limits), &mut registry, clock_of_plane).unwrap();
        plane.expose(registry);
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr();
        let (stop, shutdown) = Shutdown::new();
        let server = tokio::spawn(serve(listener, None, plane.service(), ServeLimits::default(), shutdown));
        let client = Client::new(ClientOptions::default()).unwrap();
        Self { plane, clock, client, address, stop, server }
    }

    pub(crate) fn now(&self) -> UnixMillis {
        UnixMillis(self.clock.load(Ordering::SeqCst))
    }

    pub(crate) fn wait(&self, length: Millis) {
        self.clock.fetch_add(length.0, Ordering::SeqCst);
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> (StatusCode, Vec<u8>) {
        let (head, body) = self.exchange(method, path, headers, body).await;
        (head.status, body)
    }

    /// The same with the head of the answer.
    pub(crate) async fn exchange(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> (Parts, Vec<u8>) {
        let mut request = Request::new(full(body));
        *request.method_mut() = method;
        *request.uri_mut() = format!("http://{}{path}", self.address).parse().unwrap();
        *request.headers_mut() = headers;
        let (head, body) = self.client.send(request).await.unwrap().into_parts();
        (head, body.collect().await.unwrap().to_bytes().to_vec())
    }

    /// A call as `edge` makes it.
    pub(crate) async fn call(&self, edge: &Caller, path: &str, body: &impl Serialize) -> (StatusCode, Value) {
        let body = to_json(body).into_bytes();
        let (status, answer) = self.send(Method::POST, path, edge.signed(self.now(), path, &body), body).await;
        (status, serde_json::from_slice(&answer).unwrap_or(Value::Null))
    }

    /// A call that is expected to be answered.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, edge: &Caller, path: &str, body: &impl Serialize) -> T {
        let (status, answer) = self.call(edge, path, body).await;
        assert_eq!(status, 200, "{answer}");
        serde_json::from_value(answer).unwrap()
    }

    pub(crate) async fn usage(&self, query: &str) -> Value {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {ADMIN}")).unwrap());
        let (status, body) = self.send(Method::GET, &format!("/control/v1/usage{query}"), headers, vec![]).await;
        assert_eq!(status, 200);
        serde_json::from_slice(&body).unwrap()
    }

    pub(crate) async fn metrics(&self) -> String {
        let (status, body) = self.send(Method::GET, "/metrics", HeaderMap::new(), vec![]).await;
        assert_eq!(status, 200);
        String::from_utf8(body).unwrap()
    }

    pub(crate) async fn end(self) {
        self.stop.drain(std::time::Duration::from_secs(1));
        assert_eq!(self.server.await.unwrap().cut, 0);
    }
}

/// An edge.
pub(crate) struct Caller {
    pub(crate) name: &'static str,
    pub(crate) audience: &'static str,
    key: SigningKey,
    calls: AtomicU64,
}

impl Caller {
    fn new(name: &'static str, key: u8) -> Self {
        Self { name, audience: AUDIENCE, key: signing_key(key), calls: AtomicU64::new(u64::from(key) << 32) }
    }

    /// Registered, for every tenant.
    pub(crate) fn any() -> Self {
        Self::new("edge-1", 1)
    }

    /// Registered, for tenants that begin with `acme`.
    pub(crate) fn acme() -> Self {
        Self::new("edge-2", 2)
    }

    /// Knows the name of an edge, but not its key.
    pub(crate) fn forger() -> Self {
        Self::new("edge-1", 9)
    }

    /// Nobody knows it.
    pub(crate) fn stranger() -> Self {
        Self::new("edge-9", 9)
    }

    /// Takes up what an answer offers.
    pub(crate) fn heed(&self, answer: &Parts) {
        let offer = answer.headers[SESSION].to_str().unwrap();
        self.key.heed(self.audience, offer, [5; 32]);
    }

    pub(crate) fn token(&self, now: UnixMillis, path: &str, body: &[u8]) -> String {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&self.calls.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        let call = Call { method: "POST", path, headers: &HeaderMap::new(), body };
        sign(&self.key, self.name, self.audience, call, now, id)
    }

    pub(crate) fn signed(&self, now: UnixMillis, path: &str, body: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(TOKEN, HeaderValue::try_from(self.token(now, path, body)).unwrap());
        headers
    }
}

pub(crate) fn options(limits: Vec<Limit>) -> ControlOptions {
    let config = Config {
        version: Config::VERSION,
        policy: "000000000000".into(),
        base_path: String::new(),
        chain: vec![],
        tenants: vec![],
        backends: Default::default(),
        routes: vec![],
        limits,
        control: None,
        retry: Default::default(),
        sizes: Limits::default(),
        runtime: Default::default(),
    };
    let edge = |name: &str, key: u8, tenants: &str| EdgeIdentity {
        name: name.into(),
        public_key: signing_key(key).public_hex(),
        tenants: vec![Pattern::new(tenants)],
    };
    ControlOptions {
        config: Arc::new(config),
        name: AUDIENCE.into(),
        edges: vec![edge("edge-1", 1, "*"), edge("edge-2", 2, "acme*")],
        admin: Some(KeyHash::of(ADMIN)),
    }
}

fn signing_key(byte: u8) -> SigningKey {
    SigningKey::from_hex(&Secret::new(hex::encode([byte; 32]))).unwrap()
}

pub(crate) fn limit(name: &str, unit: LimitUnit, amount: u64) -> Limit {
    Limit { name: name.into(), per: Per::Tenant, unit, amount, window: Window::Minute, filter: LimitFilter::default() }
}

pub(crate) fn ask(number: u64, tenant: &str) -> Reserve {
    let any = vec![Pattern::new("*")];
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    Reserve {
        request: RequestId::new(UnixMillis(START), random),
        attempt: 1,
        principal: Principal {
            tenant: tenant.into(),
            key: "laptop".into(),
            user: Some("ada".into()),
            claims: Default::default(),
            models: [any.clone(), any],
            policy: "p".into(),
        },
        model: "gpt".into(),
        candidates: vec![Candidate { backend: "cluster".into(), model: "sim".into() }],
        estimate: Estimate { input: Tokens(10), output: Tokens(30) },
    }
}

pub(crate) fn settle(ask: &Reserve, output: u64, ending: Ending) -> Settle {
    Settle {
        request: ask.request,
        attempt: ask.attempt,
        reservation: Some(format!("{}.{}", ask.request, ask.attempt)),
        principal: ask.principal.clone(),
        model: ask.model.clone(),
        outcome: Outcome {
            candidate: ask.candidates[0].clone(),
            usage: Usage { input: Tokens(9), output: Tokens(output), ..Usage::default() },
            ending,
            first_event: Some(Millis(12)),
            took: Millis(80),
            status: Some(200),
        },
    }
}
