//! What the tests of this crate share: machines by the dialects on their sides, and calls prepared from plain JSON.
#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod conversation;
pub(crate) mod conveyed;
pub(crate) mod rows;

use http::{HeaderMap, Method};
use serde_json::json;
use weir_core::config::{BackendKind, Quirks, Retry, Timeouts};
use weir_core::plan::OnUnsupported;
use weir_core::{
    Candidate, Config, Dialect, ErrorKind, Estimate, GatewayError, Limits, RequestView, Tokens, UnixMillis,
};
use weir_translator::attempt::{Attempt, Prepared, Request, prepare, prepare_in};
use weir_translator::codec::Target;
use weir_translator::fuzz::least;
use weir_translator::stream::{Close, Closed, Machine};

/// A time to stand in answers.
pub(crate) const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

/// What the tests' requests are estimated at.
pub(crate) const ESTIMATE: Estimate = Estimate { input: Tokens(100), output: Tokens(4096) };

/// A configuration with a backend of each kind, named `openai`, `anthropic` and `host`, and
/// `compatible`, which speaks OpenAI's dialect with many a quirk.
pub(crate) fn config() -> Config {
    let backend = |kind: BackendKind, origin: &str, base_path: &str| {
        json!({
            "kind": kind,
            "origin": origin,
            "base_path": base_path,
            "key": {"secret": "KEY", "scheme": "bearer"},
            "timeouts": Timeouts::default(),
            "on_client_gone": "cancel",
        })
    };
    let mut compatible = backend(BackendKind::Openai, "https://api.compatible.example", "/v1");
    compatible["quirks"] = json!({
        "responses": false, "max_tokens": "max_tokens", "developer_role": false, "stream_options": false,
        "reasoning": "reasoning_content", "custom_tools": false, "parallel_tool_calls": false,
        "tool_choice_any": true, "seed": "random_seed", "max_stop": 2, "logprobs": false, "user": false,
        "prompt_cache_key": false, "verbosity": false, "web_search": false, "strict": false, "images": false,
        "call_id": "nine", "max_temperature": 1.5,
    });
    let config = json!({
        "version": Config::VERSION,
        "policy": "p",
        "chain": ["router", "translator"],
        "tenants": [],
        "backends": {
            "openai": backend(BackendKind::Openai, "https://api.openai.example", "/v1"),
            "anthropic": backend(BackendKind::Anthropic, "https://api.anthropic.example", ""),
            "compatible": compatible,
            "host": backend(BackendKind::Weir { audience: "host-1".into() }, "http://127.0.0.1:3100", ""),
        },
        "routes": [],
        "limits": [],
        "control": null,
        "retry": Retry::default(),
        "sizes": Limits::default(),
    });
    Config::from_json(&config.to_string()).unwrap()
}

/// An attempt at `backend`.
pub(crate) fn attempt(backend: &str, on_unsupported: OnUnsupported) -> Attempt {
    let candidate = Candidate { backend: backend.to_owned(), model: "their-model".to_owned() };
    Attempt { candidate, on_unsupported, estimate: ESTIMATE, deadline: None }
}

/// Prepares the call for a request to `target`.
pub(crate) fn prepared(
    backend: &str,
    target: &str,
    headers: &HeaderMap,
    body: &[u8],
    on_unsupported: OnUnsupported,
) -> Result<Prepared, GatewayError> {
    let view = RequestView::parse(&Method::POST, target, false).map_err(|(_, error)| error).unwrap();
    prepare(&config(), &attempt(backend, on_unsupported), Request { view: &view, headers, body })
}

/// Prepares the call for a request of one dialect to a backend of another.
pub(crate) fn call(
    client: Dialect,
    backend: Dialect,
    body: &[u8],
    on_unsupported: OnUnsupported,
) -> Result<Prepared, GatewayError> {
    let name = if backend == Dialect::AnthropicMessages { "anthropic" } else { "openai" };
    call_at(name, client, backend, body, on_unsupported)
}

/// The same to the backend of this name.
pub(crate) fn call_at(
    name: &str,
    client: Dialect,
    backend: Dialect,
    body: &[u8],
    on_unsupported: OnUnsupported,
) -> Result<Prepared, GatewayError> {
    let view = RequestView::parse(&Method::POST, target(client), false).map_err(|(_, error)| error).unwrap();
    let headers = HeaderMap::new();
    let request = Request { view: &view, headers: &headers, body };
    prepare_in(&CONFIG, &attempt(name, on_unsupported), request, Some(backend))
}

/// The configuration, read once.
static CONFIG: std::sync::LazyLock<Config> = std::sync::LazyLock::new(config);

/// The path under which clients speak a dialect.
pub(crate) fn target(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenaiChat => "/v1/chat/completions",
        Dialect::OpenaiResponses => "/v1/responses",
        Dialect::AnthropicMessages => "/v1/messages",
        other => panic!("no client speaks {other:?} yet"),
    }
}

/// A machine between a backend's dialect and a client's. `asked` says whether the client asked for the usage.
pub(crate) fn machine(backend: Dialect, client: Dialect, asked: bool) -> Machine {
    exchange(backend, client, asked).exchange.machine(NOW)
}

/// A prepared streaming call between two dialects.
pub(crate) fn exchange(backend: Dialect, client: Dialect, asked: bool) -> Prepared {
    let mut body = least(client);
    if !asked && let Some(body) = body.as_object_mut() {
        body.remove("stream_options");
    }
    call(client, backend, body.to_string().as_bytes(), OnUnsupported::Reject).unwrap()
}

/// The backend broke off.
pub(crate) fn reset() -> Close {
    Close::Broken(GatewayError::new(ErrorKind::UpstreamTruncated, "reset"))
}

/// Feeds `pieces` and closes; gives all that the client gets, and the ending.
pub(crate) fn run<'a>(
    machine: &mut Machine,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    how: Close,
) -> (Vec<u8>, Closed) {
    let mut out = Vec::new();
    for piece in pieces {
        machine.feed(piece);
        // Nothing is committed before the first event.
        while machine.has_started()
            && let Some(frame) = machine.poll_output()
        {
            out.extend_from_slice(&frame);
        }
    }
    let closed = machine.close(how);
    out.extend_from_slice(&closed.tail);
    (out, closed)
}

/// How many terminal events of `dialect`, errors included, stand in a stream.
pub(crate) fn terminals(dialect: Dialect, stream: &[u8]) -> usize {
    let text = String::from_utf8_lossy(stream);
    let ends: &[&str] = match dialect {
        Dialect::OpenaiChat => {
            &["data: [DONE]\n", "data:[DONE]\n", "data: [DONE]\r\n", "data:[DONE]\r\n", "data: {\"error\":"]
        }
        Dialect::AnthropicMessages => &["event: message_stop\n", "event: error\n"],
        Dialect::OpenaiResponses => &[
            "event: response.completed\n",
            "event: response.incomplete\n",
            "event: response.failed\n",
            "event: error\n",
        ],
        other => panic!("no client speaks {other:?} yet"),
    };
    ends.iter().map(|end| text.matches(end).count()).sum()
}

/// Gives `act` a target that calls the model so.
pub(crate) fn with_target<T>(model: &str, act: impl FnOnce(&Target<'_>) -> T) -> T {
    act(&Target { model, max_output: ESTIMATE.output, quirks: &Quirks::default() })
}

/// Fails with what was found.
pub(crate) fn none(faults: &[String]) {
    let shown: Vec<String> = faults.iter().map(|fault| fault.chars().take(400).collect()).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), shown.join("\n"));
}
