//! Chat requests as raw bytes, and the events of OpenAI's chat stream.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use serde_json::{Value, json};
use weir_core::signing::{self, Call, SigningKey};
use weir_core::{Millis, Pattern, Principal, RequestId, UnixMillis, header};

use crate::raw::{Head, RawClient};
use crate::upstream::Script;

/// The edge that signs.
static EDGE: LazyLock<SigningKey> = LazyLock::new(crate::weir::edge_key);

/// A chat request for the model `sim`, as it goes over the wire.
#[must_use]
pub fn request(to: SocketAddr, key: &str, stream: bool) -> Vec<u8> {
    let messages = json!([{"role": "user", "content": "How wide is the river?"}]);
    post(to, key, "/v1/chat/completions", &json!({"model": "sim", "stream": stream, "messages": messages}).to_string())
}

/// A request with this body, whatever it is.
#[must_use]
pub fn post(to: SocketAddr, key: &str, path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: {to}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A chat request with this body, signed as tier one signs its calls to tier two.
///
/// # Panics
/// Never: its parts are all headers and JSON.
#[must_use]
pub fn signed_post(to: SocketAddr, body: &str) -> Vec<u8> {
    let path = "/v1/chat/completions";
    let principal = Principal {
        tenant: "first".into(),
        key: "test".into(),
        user: None,
        claims: BTreeMap::new(),
        models: [vec![Pattern::new("*")], vec![Pattern::new("*")]],
        policy: "000000000000".into(),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map(Millis::from).unwrap_or_default();
    let request = RequestId::new(UnixMillis(now.0), std::array::from_fn(|_| rand_byte()));
    let mut headers = HeaderMap::new();
    headers.insert(header::PRINCIPAL, header::json_value(&principal));
    headers.insert(header::REQUEST, request.to_string().parse().expect("a UUID is a header"));
    let call = Call { method: "POST", path, headers: &headers, body: body.as_bytes() };
    let id = std::array::from_fn(|_| rand_byte());
    let token = signing::sign(&EDGE, "test-edge", "test-host", call, UnixMillis(now.0), id);
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nhost: {to}\r\ncontent-type: application/json\r\n{}: {token}\r\n",
        header::TOKEN
    );
    for (name, value) in &headers {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().expect("internal headers are ASCII")));
    }
    format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Takes up what tier two's answer to a signed request offers, as edges do: further ones are signed for that session too.
pub fn heed(answer: &Head) {
    if let Some(offer) = answer.header(header::SESSION) {
        EDGE.heed("test-host", offer, std::array::from_fn(|_| rand_byte()));
    }
}

/// Random enough for ids: the hasher's seed is.
fn rand_byte() -> u8 {
    RandomState::new().hash_one(0_u8) as u8
}

/// Sends a request on a connection of its own and reads the whole answer.
///
/// # Errors
/// Those of the connection.
pub async fn exchange(to: SocketAddr, request: &[u8]) -> std::io::Result<(Head, Value)> {
    let mut client = RawClient::connect(to).await?;
    client.send(request).await?;
    let head = client.read_head().await?;
    let body = client.read_body(&head).await?;
    Ok((head, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

/// The data of a chunk that carries text.
#[must_use]
pub fn text_chunk(text: &str) -> String {
    chunk(&json!({"content": text}), None)
}

/// The data of a chunk.
#[must_use]
pub fn chunk(delta: &Value, finish: Option<&str>) -> String {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "sim",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    })
    .to_string()
}

/// The data of the chunk with the usage.
#[must_use]
pub fn usage_chunk(input: u64, output: u64) -> String {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "sim", "choices": [],
        "usage": {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output},
    })
    .to_string()
}

/// The events of a whole stream: four words, an end, usage (7 in, 4 out), `[DONE]`.
#[must_use]
pub fn whole_stream() -> Vec<String> {
    let mut events = vec![chunk(&json!({"role": "assistant", "content": ""}), None)];
    events.extend(["a ", "wide ", "river", "."].map(text_chunk));
    events.extend([chunk(&json!({}), Some("stop")), usage_chunk(7, 4), "[DONE]".to_owned()]);
    events
}

/// A script that streams these events with a short pause after each.
#[must_use]
pub fn streams(events: &[String]) -> Script {
    events.iter().fold(Script::event_stream(), |script, event| script.event(event).delay(Duration::from_millis(2)))
}

/// A whole answer that is no stream: 7 tokens in, 4 out.
#[must_use]
pub fn whole_answer() -> Script {
    let body = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "sim",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "a wide river."}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 4, "total_tokens": 11},
    });
    Script::json(200, &body.to_string())
}

/// The settlement records that the control plane has, the oldest request first, once there are `count` or more.
///
/// # Panics
/// When there are fewer after ten seconds.
pub async fn records(control: SocketAddr, count: usize) -> Vec<Value> {
    let request = format!(
        "GET /control/v1/usage?limit=1000 HTTP/1.1\r\nhost: {control}\r\nauthorization: Bearer {}\r\n\r\n",
        crate::weir::ADMIN_KEY
    );
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let (head, body) = exchange(control, request.as_bytes()).await.expect("the control plane answers");
        assert_eq!(head.status, 200, "{body}");
        let mut records = body["records"].as_array().cloned().unwrap_or_default();
        // Settlements may overtake each other; the ids of requests are in the order of their arrival.
        records.sort_by_key(|record| (record["request"].as_str().map(str::to_owned), record["attempt"].as_u64()));
        if records.len() >= count {
            return records;
        }
        assert!(Instant::now() < end, "{} records instead of {count}: {body:#}", records.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
