//! What a call costs on its way through: processor time of the data plane's thread alone, and added latency.
//!
//! The data plane, a server behind it and a client have a thread each, on loopback. What the data plane's thread took is
//! read from the kernel, so that the others' work does not count.

use std::collections::HashSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ed25519_dalek::VerifyingKey;
use http::{HeaderMap, HeaderValue, Request, Response};
use prometheus_client::registry::Registry;
use weir_cluster::{CallRefused, CallVerifier, Cluster, ClusterOptions, EndpointOptions, Model, SignedCall};
use weir_core::signing::{self, Sessions, SigningKey};
use weir_core::{Millis, Pattern, Principal, Secret, UnixMillis, header};
use weir_serve::{Body, Listener, Peer, ServeLimits, Shutdown, full, serve};

const BODY: &str =
    r#"{"model":"llama","messages":[{"role":"user","content":"Say something short about weirs, please."}]}"#;
const ANSWER: &str = r#"{"id":"c-1","object":"chat.completion","created":0,"model":"llama","choices":[{"index":0,"message":{"role":"assistant","content":"They hold water."},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}"#;
const PATH: &str = "/v1/chat/completions";

struct OneEdge {
    key: VerifyingKey,
    sessions: Arc<Sessions>,
    seen: Mutex<HashSet<String>>,
}

impl CallVerifier for OneEdge {
    fn verify_head(&self, head: &http::request::Parts, now: UnixMillis) -> Result<SignedCall, CallRefused> {
        let refused = |why: signing::SignatureFault| CallRefused(why.to_string());
        let token = head.headers.get(header::TOKEN).and_then(|token| token.to_str().ok()).unwrap_or_default();
        let claims = self.sessions.verify(token, |_| Some(&self.key), "here", now).map_err(refused)?.claims;
        claims.check_head(head.method.as_str(), head.uri.path(), &head.headers).map_err(refused)?;
        let is_new = self.seen.lock().is_ok_and(|mut seen| seen.insert(claims.jti.clone()));
        if is_new { SignedCall::new(claims, &head.headers) } else { Err(CallRefused("seen before".into())) }
    }
}

fn now() -> UnixMillis {
    UnixMillis(Millis::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()).0)
}

/// Runs `start` in a thread of its own; gives its address and where the kernel tells what the thread takes.
fn thread(name: &str, start: impl FnOnce() -> SocketAddr + Send + 'static) -> (SocketAddr, String) {
    let (tell, told) = mpsc::channel();
    let thread = std::thread::Builder::new().name(name.to_owned());
    let spawned = thread.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let address = start();
            let me = fs::read_link("/proc/thread-self").expect("proc");
            tell.send((address, format!("/proc/{}/schedstat", me.display()))).expect("somebody listens");
            std::future::pending::<()>().await;
        });
    });
    spawned.expect("a thread");
    told.recv().expect("it starts")
}

fn listen() -> (Listener, SocketAddr) {
    let listener = Listener::bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let address = listener.local_addr();
    (listener, address)
}

async fn answer(_: Request<Body>, _: Peer) -> Response<Body> {
    let mut response = Response::new(full(ANSWER));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

fn model_server() -> SocketAddr {
    let (listener, address) = listen();
    let (trigger, shutdown) = Shutdown::new();
    std::mem::forget(trigger);
    tokio::spawn(serve(listener, None, answer, ServeLimits::default(), shutdown));
    address
}

fn data_plane(server: SocketAddr, verifier: OneEdge) -> SocketAddr {
    let endpoint = EndpointOptions::new(format!("http://{server}").parse().expect("an origin"), "/v1");
    let models = vec![Model::new("llama", vec![endpoint])];
    let options = ClusterOptions { models, ..ClusterOptions::default() };
    let cluster = Cluster::new(options, verifier, &mut Registry::default()).expect("a data plane");
    let (listener, address) = listen();
    let (trigger, shutdown) = Shutdown::new();
    std::mem::forget(trigger);
    tokio::spawn(serve(listener, None, cluster.service(), ServeLimits::default(), shutdown));
    address
}

/// Calls as they go over the wire, each with a token of its own, by the numbers from `first`.
fn calls(key: &SigningKey, first: u64, count: u64) -> Vec<Vec<u8>> {
    let pattern = vec![Pattern::new("*")];
    let (tenant, name, policy) = ("acme".into(), "laptop".into(), "p1".into());
    let models = [pattern.clone(), pattern];
    let principal = Principal { tenant, key: name, user: None, claims: Default::default(), models, policy };
    let mut headers = HeaderMap::new();
    headers.insert(header::PRINCIPAL, header::json_value(&principal));
    headers.insert(header::REQUEST, HeaderValue::from_static("01920000-0000-7000-8000-000000000001"));
    let at = now();
    let call = |number: u64| {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_le_bytes());
        let call = signing::Call { method: "POST", path: PATH, headers: &headers, body: BODY.as_bytes() };
        let token = signing::sign(key, "edge", "here", call, at, id);
        let mut text = format!("POST {PATH} HTTP/1.1\r\nhost: tier-two\r\ncontent-type: application/json\r\n");
        for (name, value) in &headers {
            text += &format!("{name}: {}\r\n", value.to_str().unwrap_or_default());
        }
        text += &format!("{}: {token}\r\ncontent-length: {}\r\n\r\n{BODY}", header::TOKEN, BODY.len());
        text.into_bytes()
    };
    (first..first + count).map(call).collect()
}

/// Sends one call on each connection and reads all the answers; gives what it took.
fn turn(connections: &mut [TcpStream], calls: &mut dyn Iterator<Item = Vec<u8>>) -> Duration {
    let begun = Instant::now();
    for connection in &mut *connections {
        connection.write_all(&calls.next().expect("enough calls")).expect("it is sent");
    }
    let mut buffer = [0; 4096];
    for connection in connections {
        let mut seen = Vec::new();
        while !seen.ends_with(ANSWER.as_bytes()) {
            let read = connection.read(&mut buffer).expect("an answer");
            assert!(read > 0, "{}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&buffer[..read]);
        }
        assert!(seen.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&seen));
    }
    begun.elapsed()
}

fn connect(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let connect = |_| {
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_nodelay(true).expect("an option");
        stream
    };
    (0..count).map(connect).collect()
}

/// Nanoseconds that a thread has been on a processor.
fn taken(schedstat: &str) -> u64 {
    let text = fs::read_to_string(schedstat).expect("a thread");
    text.split(' ').next().and_then(|text| text.parse().ok()).expect("a number")
}

/// Nanoseconds of processor time to verify a token.
fn verifying(key: &SigningKey, public: &VerifyingKey, sessions: &Sessions) -> u64 {
    let call = calls(key, 0, 1).remove(0);
    let text = String::from_utf8_lossy(&call);
    let token = text.lines().find_map(|line| line.strip_prefix("x-weir-token: ")).expect("a token");
    let before = taken("/proc/thread-self/schedstat");
    for _ in 0..20_000 {
        assert!(sessions.verify(token, |_| Some(public), "here", now()).is_ok());
    }
    (taken("/proc/thread-self/schedstat") - before) / 20_000
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn main() {
    let key = SigningKey::from_hex(&Secret::new("07".repeat(32))).expect("a key");
    let public = signing::public_key(&key.public_hex()).expect("a key");
    let (server, _) = thread("server", model_server);
    let sessions = Arc::new(Sessions::new([9; 32]));
    let verifier = OneEdge { key: public, sessions: sessions.clone(), seen: Mutex::default() };
    let (plane, clock) = thread("plane", move || data_plane(server, verifier));
    let by_signature = verifying(&key, &public, &sessions);
    // As every edge does that keeps anything from call to call.
    key.heed("here", &sessions.offer(), [8; 32]);
    let by_mac = verifying(&key, &public, &sessions);
    println!("of which to verify a token: {by_mac} ns; without a session with the edge: {by_signature} ns");
    let count: u64 = if std::env::args().any(|arg| arg == "--test") { 400 } else { 40_000 };
    for width in [1, 16] {
        let mut supply = calls(&key, width as u64 * 1_000_000, count).into_iter();
        let (mut direct, mut through) = (connect(server, width), connect(plane, width));
        let mut direct_supply = std::iter::repeat_with(|| {
            let head = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{BODY}", BODY.len());
            head.into_bytes()
        });
        let turns = usize::try_from(count).unwrap_or(usize::MAX) / width / 2;
        let (mut directly, mut passed) = (Vec::new(), Vec::new());
        let before = taken(&clock);
        for _ in 0..turns {
            passed.push(turn(&mut through, &mut supply));
            if width == 1 {
                directly.push(turn(&mut direct, &mut direct_supply));
            }
        }
        let each = (taken(&clock) - before) / (turns * width) as u64;
        println!("{width} at once: {each} ns of processor time a call, {} calls a second of it", 1_000_000_000 / each);
        if width == 1 {
            let (passed, directly) = (median(passed), median(directly));
            println!("p50 {passed:?} beside {directly:?} directly: {:?} added", passed.saturating_sub(directly));
        }
    }
}
