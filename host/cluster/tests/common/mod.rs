//! A data plane on loopback, and tier one as it calls it: by hand, byte for byte.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this")]

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ed25519_dalek::VerifyingKey;
use http::{HeaderMap, HeaderName, HeaderValue};
use prometheus_client::registry::Registry;
use tokio::task::JoinHandle;
use weir_cluster::{CallRefused, CallVerifier, Cluster, ClusterOptions, EndpointOptions, Health, Model, SignedCall};
use weir_core::signing::{self, SigningKey};
use weir_core::{Millis, Pattern, Principal, Secret, UnixMillis, header};
use weir_serve::{AccessLog, Drained, Listener, ServeLimits, Shutdown, ShutdownTrigger, serve};
use weir_tests::raw::{Head, RawClient};
use weir_tests::upstream::Upstream;

/// What is soon, for something that happens at once.
pub const SOON: Duration = Duration::from_secs(5);
/// Within how long a server must notice that nobody wants its answer any more.
pub const CANCEL: Duration = Duration::from_millis(250);

pub const AUDIENCE: &str = "here";

/// Takes calls of one edge, each once.
struct OneEdge {
    key: VerifyingKey,
    seen: Mutex<HashSet<String>>,
}

impl CallVerifier for OneEdge {
    fn verify_head(&self, head: &http::request::Parts, now: UnixMillis) -> Result<SignedCall, CallRefused> {
        let refused = |why: signing::SignatureFault| CallRefused(why.to_string());
        let token = head.headers.get(header::TOKEN).and_then(|token| token.to_str().ok()).unwrap_or_default();
        let claims = signing::verify(token, |name| (name == "edge").then_some(&self.key), AUDIENCE, now);
        let claims = claims.map_err(refused)?;
        let path = head.uri.path_and_query().map_or("", |path| path.as_str());
        claims.check_head(head.method.as_str(), path, &head.headers).map_err(refused)?;
        if self.seen.lock().unwrap().insert(claims.jti.clone()) {
            SignedCall::new(claims, &head.headers)
        } else {
            Err(CallRefused("the token was seen before".into()))
        }
    }
}

/// A running data plane.
pub struct Tier {
    pub addr: SocketAddr,
    pub cluster: Cluster,
    pub registry: Registry,
    pub trigger: ShutdownTrigger,
    pub server: JoinHandle<Drained>,
    pub log: Log,
}

impl Tier {
    /// One with these options.
    pub fn start(options: ClusterOptions) -> Self {
        let (log, out) = Log::new();
        let options = ClusterOptions { access_log: out, ..options };
        let mut registry = Registry::default();
        let key = signing::public_key(&key(7).public_hex()).unwrap();
        let cluster = Cluster::new(options, OneEdge { key, seen: Mutex::default() }, &mut registry).unwrap();
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = listener.local_addr();
        let (trigger, shutdown) = Shutdown::new();
        let server = tokio::spawn(serve(listener, None, cluster.service(), ServeLimits::default(), shutdown));
        Self { addr, cluster, registry, trigger, server, log }
    }

    /// One with the model `llama` on these servers.
    pub fn before(upstreams: &[&Upstream]) -> Self {
        Self::start(options(upstreams))
    }

    /// Sends a signed chat request and hands over the connection on which its answer will come.
    pub async fn ask(&self, model: &str) -> RawClient {
        self.send(&Call::chat(model)).await
    }

    /// Sends a call on a connection of its own.
    pub async fn send(&self, call: &Call) -> RawClient {
        let mut client = RawClient::connect(self.addr).await.unwrap();
        client.send(call.bytes()).await.unwrap();
        client
    }

    /// Sends a call and reads its whole answer.
    pub async fn answer(&self, call: &Call) -> (Head, String) {
        let mut client = self.send(call).await;
        let head = within(client.read_head()).await.unwrap();
        let body = within(client.read_body(&head)).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    /// The metrics as they are scraped.
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }

    /// Waits until the metrics have this line.
    pub async fn metric(&self, line: &str) {
        let seen = tokio::time::timeout(SOON, async {
            while !self.metrics().lines().any(|other| other == line) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        assert!(seen.await.is_ok(), "no `{line}` in\n{}", self.metrics());
    }
}

/// The defaults, with the model `llama` on these servers, and health checks out of the way.
pub fn options(upstreams: &[&Upstream]) -> ClusterOptions {
    let endpoints = upstreams.iter().map(|upstream| endpoint(upstream)).collect();
    let models = vec![Model { aliases: vec!["llama-latest".into()], ..Model::new("llama", endpoints) }];
    // One check at the start does no harm: a server counts as up until it has missed two.
    let health = Health { every: Duration::from_secs(3600), ..Health::default() };
    ClusterOptions { models, health, ..ClusterOptions::default() }
}

pub fn endpoint(upstream: &Upstream) -> EndpointOptions {
    EndpointOptions::new(upstream.origin().parse().unwrap(), "/openai/v1")
}

/// A call from tier one.
pub struct Call {
    pub method: &'static str,
    pub path: String,
    pub body: String,
    pub headers: HeaderMap,
    /// Headers that the signature does not cover.
    pub unsigned: Vec<(&'static str, String)>,
    pub signer: SigningKey,
    pub issuer: &'static str,
    pub audience: &'static str,
    pub at: UnixMillis,
    pub token: [u8; 16],
}

impl Call {
    pub fn new(method: &'static str, path: &str, body: impl Into<String>) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        let mut token = [0; 16];
        token[..8].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        let mut headers = HeaderMap::new();
        headers.insert(header::PRINCIPAL, header::json_value(&principal(&["*"])));
        headers.insert(header::REQUEST, HeaderValue::from_static("01920000-0000-7000-8000-000000000001"));
        let unsigned = vec![("content-type", "application/json".to_owned())];
        let (path, body, signer) = (path.to_owned(), body.into(), key(7));
        Self { method, path, body, headers, unsigned, signer, issuer: "edge", audience: AUDIENCE, at: now(), token }
    }

    pub fn chat(model: &str) -> Self {
        let body = format!(r#"{{"model":"{model}","stream":true,"messages":[{{"role":"user","content":"hi"}}]}}"#);
        Self::new("POST", "/v1/chat/completions", body)
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), value.parse().unwrap());
        self
    }

    /// The deadline for its first event, from now.
    pub fn due(self, left: Duration) -> Self {
        let at = now().after(Millis::from(left));
        self.with(header::DEADLINE, &at.0.to_string())
    }

    /// The call as it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let call =
            signing::Call { method: self.method, path: &self.path, headers: &self.headers, body: self.body.as_bytes() };
        let token = signing::sign(&self.signer, self.issuer, self.audience, call, self.at, self.token);
        self.bytes_with(Some(&token))
    }

    /// The same, with this token or none.
    pub fn bytes_with(&self, token: Option<&str>) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\nhost: tier-two\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            text += &format!("{name}: {}\r\n", value.to_str().unwrap());
        }
        for (name, value) in &self.unsigned {
            text += &format!("{name}: {value}\r\n");
        }
        if let Some(token) = token {
            text += &format!("{}: {token}\r\n", header::TOKEN);
        }
        text += &format!("content-length: {}\r\n\r\n", self.body.len());
        (text + &self.body).into_bytes()
    }
}

pub fn key(byte: u8) -> SigningKey {
    SigningKey::from_hex(&Secret::new(format!("{byte:02x}").repeat(32))).unwrap()
}

pub fn principal(models: &[&str]) -> Principal {
    let models: Vec<Pattern> = models.iter().map(|text| Pattern::new(*text)).collect();
    let claims = Default::default();
    let (tenant, key, policy) = ("acme".into(), "laptop".into(), "p1".into());
    Principal { tenant, key, user: None, claims, models: [models.clone(), models], policy }
}

pub fn now() -> UnixMillis {
    UnixMillis(Millis::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap()).0)
}

/// Fails the test where something does not happen soon.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future).await.expect("it happens soon")
}

/// What the access log wrote.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn new() -> (Self, AccessLog) {
        let log = Self::default();
        (log.clone(), AccessLog::to_writer(log).unwrap())
    }

    /// Its lines, once there are this many.
    pub async fn lines(&self, count: usize) -> Vec<serde_json::Value> {
        let seen = async {
            loop {
                let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
                let lines: Vec<_> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                if lines.len() >= count {
                    return lines;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        within(seen).await
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
