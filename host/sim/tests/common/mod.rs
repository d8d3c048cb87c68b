//! A simulator on a free port, and a client for it.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use weir_serve::{Body, Client, ClientOptions, empty, full};
use weir_sim::{Fraction, Sim, SimHandle, SimOptions};

pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    client: Client,
    _handle: SimHandle,
}

/// Options for quick tests: no waiting and no chance.
pub(crate) fn quick() -> SimOptions {
    SimOptions {
        models: vec!["llama".into()],
        ttft: Duration::from_millis(2),
        tpot: Duration::from_millis(1),
        jitter: Fraction::default(),
        ..SimOptions::default()
    }
}

pub(crate) async fn start(options: SimOptions) -> Running {
    let (addr, handle) = Sim::bind("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    Running { addr, client: Client::new(ClientOptions::default()).unwrap(), _handle: handle }
}

impl Running {
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.addr));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.map_or_else(empty, full)).unwrap();
        tokio::time::timeout(Duration::from_secs(20), self.client.send(request))
            .await
            .expect("an answer in time")
            .unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        json_of(self.send("POST", path, &[("content-type", "application/json")], Some(body.to_string())).await).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let response = self.send("GET", path, &[], None).await;
        let status = response.status().as_u16();
        (status, text_of(response).await.unwrap())
    }

    /// The answer to one user message.
    pub(crate) async fn chat(&self, message: &str) -> (u16, Value) {
        self.post("/v1/chat/completions", &ask(message)).await
    }

    /// The response to one user message, streamed with its usage.
    pub(crate) async fn stream(&self, message: &str) -> Response<Body> {
        let mut body = ask(message);
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
        self.send("POST", "/v1/chat/completions", &[], Some(body.to_string())).await
    }

    /// The value of a metric; its labels are a part of the line.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.get("/metrics").await;
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in\n{text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Waits until a metric has a value; a second is far more than it takes.
    pub(crate) async fn wait_for(&self, name: &str, value: f64) {
        for _ in 0..100 {
            if (self.metric(name).await - value).abs() < 1e-9 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{name} did not become {value}, it is {}", self.metric(name).await);
    }
}

pub(crate) fn ask(message: &str) -> Value {
    json!({"model": "llama", "messages": [{"role": "user", "content": message}]})
}

pub(crate) async fn text_of(response: Response<Body>) -> Result<String, String> {
    let collected =
        tokio::time::timeout(Duration::from_secs(20), response.into_body().collect()).await.expect("an end in time");
    collected.map(|body| String::from_utf8(body.to_bytes().to_vec()).unwrap()).map_err(|error| error.to_string())
}

pub(crate) async fn json_of(response: Response<Body>) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = text_of(response).await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}")))
}

/// The JSON events of a stream that must have come to its end.
pub(crate) fn events(text: &str) -> Vec<Value> {
    let mut events: Vec<&str> = text.split("\n\n").filter(|event| !event.is_empty()).collect();
    assert_eq!(events.pop(), Some("data: [DONE]"));
    events.iter().map(|event| serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap()).collect()
}

/// What the deltas of choice 0 say together, by their key.
pub(crate) fn said(events: &[Value], key: &str) -> String {
    events.iter().filter_map(|event| event["choices"][0]["delta"][key].as_str()).collect()
}
