//! The pairs of dialects, and calls between them.

use std::sync::LazyLock;

use http::{HeaderMap, Method};
use serde_json::{Value, json};
use weir_core::config::{Retry, Timeouts};
use weir_core::plan::OnUnsupported;
use weir_core::{Candidate, Config, Dialect, Estimate, GatewayError, Limits, RequestView, Tokens};

use crate::attempt::{Attempt, Exchange, Prepared, Request, prepare_in};
use crate::codec::{backend_side, client_side};

/// The dialects in which conversations are held.
pub const DIALECTS: [Dialect; 3] = [Dialect::OpenaiChat, Dialect::OpenaiResponses, Dialect::AnthropicMessages];

/// Every pair of a client's and a backend's dialect, in this order, that there is.
#[must_use]
pub fn pairs() -> Vec<(Dialect, Dialect)> {
    DIALECTS.into_iter().flat_map(|client| backends(client).map(move |backend| (client, backend))).collect()
}

/// The dialects of backends that clients of `client` reach.
pub fn backends(client: Dialect) -> impl Iterator<Item = Dialect> {
    DIALECTS.into_iter().filter(move |&backend| speak(client, backend))
}

/// The dialects of clients that reach backends of `backend`.
pub fn clients(backend: Dialect) -> impl Iterator<Item = Dialect> {
    DIALECTS.into_iter().filter(move |&client| speak(client, backend))
}

fn speak(client: Dialect, backend: Dialect) -> bool {
    client == backend || (client_side(client).is_some() && backend_side(backend).is_some())
}

/// What the calls are estimated at.
const ESTIMATE: Estimate = Estimate { input: Tokens(7), output: Tokens(4096) };

/// One backend, whose dialect the caller chooses.
static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let backend = json!({
        "kind": {"type": "openai"},
        "origin": "https://api.example.com",
        "base_path": "/v1",
        "key": null,
        "timeouts": Timeouts::default(),
        "on_client_gone": "cancel",
    });
    let sizes = Limits { sse_line_bytes: 64 * 1024, sse_event_bytes: 128 * 1024, ..Limits::default() };
    let config = json!({
        "version": Config::VERSION, "policy": "p", "chain": [], "tenants": [], "backends": {"b": backend}, "routes": [],
        "limits": [], "control": null, "retry": Retry::default(), "sizes": sizes,
    });
    Config::from_json(&config.to_string()).expect("the configuration above is one")
});

/// The call for a request of a client's.
///
/// # Errors
/// Those of [`prepare`](crate::attempt::prepare).
///
/// # Panics
/// When clients speak no such dialect.
pub fn call(
    client: Dialect,
    backend: Dialect,
    body: &[u8],
    on_unsupported: OnUnsupported,
) -> Result<Prepared, GatewayError> {
    let target = match client {
        Dialect::OpenaiChat => "/v1/chat/completions",
        Dialect::OpenaiResponses => "/v1/responses",
        Dialect::AnthropicMessages => "/v1/messages",
        other => panic!("no client speaks {other:?}"),
    };
    let view = RequestView::parse(&Method::POST, target, false).expect("the paths above are known");
    let candidate = Candidate { backend: "b".to_owned(), model: "their-model".to_owned() };
    let attempt = Attempt { candidate, on_unsupported, estimate: ESTIMATE, deadline: None };
    let headers = HeaderMap::new();
    prepare_in(&CONFIG, &attempt, Request { view: &view, headers: &headers, body }, Some(backend))
}

/// The least that a client of a dialect may ask, for a stream.
///
/// # Panics
/// When clients speak no such dialect.
#[must_use]
pub fn least(client: Dialect) -> Value {
    let messages = json!([{"role": "user", "content": "hi"}]);
    match client {
        Dialect::OpenaiChat => {
            let options = json!({"include_usage": true});
            json!({"model": "m", "messages": messages, "stream": true, "stream_options": options})
        }
        Dialect::OpenaiResponses => {
            let include = json!(["reasoning.encrypted_content"]);
            json!({"model": "m", "input": messages, "stream": true, "store": false, "include": include})
        }
        Dialect::AnthropicMessages => json!({"model": "m", "max_tokens": 64, "messages": messages, "stream": true}),
        other => panic!("no client speaks {other:?}"),
    }
}

/// What was agreed on for the [least](least) request.
///
/// # Panics
/// When there is no such pair.
#[must_use]
pub fn exchange(client: Dialect, backend: Dialect) -> Exchange {
    static EXCHANGES: LazyLock<Vec<((Dialect, Dialect), Exchange)>> = LazyLock::new(|| {
        let agreed = |(client, backend)| {
            let body = least(client).to_string();
            let call = call(client, backend, body.as_bytes(), OnUnsupported::Reject);
            ((client, backend), call.expect("the least request can be made of everyone").exchange)
        };
        pairs().into_iter().map(agreed).collect()
    });
    let found = EXCHANGES.iter().find(|(pair, _)| *pair == (client, backend));
    found.expect("there is such a pair").1.clone()
}
