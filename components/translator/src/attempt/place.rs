//! Where at a backend a call goes: path and query, from the configuration and the endpoint alone.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use weir_core::config::{Backend, BackendKind};
use weir_core::{Dialect, Endpoint, ErrorKind, GatewayError, RequestView, Service};

/// What is escaped in a segment of a path: all but RFC 3986's unreserved characters.
const SEGMENT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path of an endpoint, below `/v1` or what stands in its place. The same for all who serve it.
///
/// # Errors
/// `PathNotFound` for what is no concern of a backend.
pub(super) fn endpoint_path(endpoint: &Endpoint) -> Result<&'static str, GatewayError> {
    match endpoint {
        Endpoint::ChatCompletions => Ok("/chat/completions"),
        Endpoint::Completions => Ok("/completions"),
        Endpoint::Embeddings => Ok("/embeddings"),
        Endpoint::Responses => Ok("/responses"),
        Endpoint::InputTokens => Ok("/responses/input_tokens"),
        Endpoint::Messages => Ok("/messages"),
        Endpoint::CountTokens => Ok("/messages/count_tokens"),
        Endpoint::Tokenize => Ok("/tokenize"),
        Endpoint::Detokenize => Ok("/detokenize"),
        _ => {
            let message = format!("{} is not for a backend of this kind", endpoint.path());
            Err(GatewayError::new(ErrorKind::PathNotFound, message))
        }
    }
}

/// The whole target of a call: `path` as [`endpoint_path`] has it, at this backend, for this model.
pub(super) fn target(backend: &Backend, path: &str, model: &str, query: &str) -> String {
    let base = &backend.base_path;
    match &backend.kind {
        BackendKind::Azure { api_version: None } => format!("{base}/openai/v1{path}"),
        BackendKind::Azure { api_version: Some(version) } => {
            let version = utf8_percent_encode(version, &SEGMENT);
            if path.starts_with("/responses") {
                format!("{base}/openai{path}?api-version={version}")
            } else {
                let model = utf8_percent_encode(model, &SEGMENT);
                format!("{base}/openai/deployments/{model}{path}?api-version={version}")
            }
        }
        // Their paths begin with `/v1` unless the URL says otherwise. With those like OpenAI the configuration has said
        // what they begin with.
        BackendKind::Weir { .. } | BackendKind::Anthropic if base.is_empty() => format!("/v1{path}{query}"),
        BackendKind::Weir { .. } | BackendKind::Anthropic | BackendKind::Openai => format!("{base}{path}{query}"),
    }
}

/// A request for a tier two, and a backend that is none.
pub(super) fn not_in_cluster(view: &RequestView) -> GatewayError {
    let message = format!("{} is served by a tier two alone, and the chosen backend is none", view.endpoint.path());
    GatewayError::new(ErrorKind::Unsupported, message)
}

/// The target of a call to a tier two: `path` as a client would write it, beginning with `/v1` where it has that; beneath
/// the service that it is for, if it is for one.
pub(super) fn in_cluster(backend: &Backend, service: Option<&Service>, path: &str) -> String {
    let base = &backend.base_path;
    let root = base.strip_suffix("/v1").unwrap_or(base);
    format!("{root}{}{path}", service.map(Service::base_path).unwrap_or_default())
}

/// Of the client's query, the one member that means something to a backend: Anthropic's SDKs ask for betas so.
pub(super) fn query(view: &RequestView, backend: Dialect) -> &'static str {
    let beta = view.dialect == backend && backend == Dialect::AnthropicMessages;
    if beta && view.query.split('&').any(|pair| pair == "beta=true") { "?beta=true" } else { "" }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn backend(kind: &serde_json::Value, base_path: &str) -> Backend {
        serde_json::from_value(json!({
            "kind": kind,
            "origin": "https://example.com",
            "base_path": base_path,
            "key": null,
            "timeouts": weir_core::config::Timeouts::default(),
            "on_client_gone": "cancel",
        }))
        .unwrap()
    }

    #[test]
    fn each_kind_of_backend_has_its_paths() {
        let azure = json!({"type": "azure", "api_version": "2024-10-21"});
        for (kind, base, path, expected) in [
            (json!({"type": "openai"}), "/v1", "/chat/completions", "/v1/chat/completions"),
            (json!({"type": "openai"}), "", "/chat/completions", "/chat/completions"),
            (json!({"type": "anthropic"}), "", "/messages", "/v1/messages?beta=true"),
            (json!({"type": "anthropic"}), "/x/v1", "/messages", "/x/v1/messages?beta=true"),
            (json!({"type": "azure"}), "", "/chat/completions", "/openai/v1/chat/completions"),
            (json!({"type": "azure"}), "/eu", "/responses", "/eu/openai/v1/responses"),
            (azure.clone(), "", "/responses", "/openai/responses?api-version=2024-10-21"),
            (azure, "", "/embeddings", "/openai/deployments/gpt/embeddings?api-version=2024-10-21"),
        ] {
            let query = if kind["type"] == "anthropic" { "?beta=true" } else { "" };
            assert_eq!(target(&backend(&kind, base), path, "gpt", query), expected);
        }
    }

    #[test]
    fn a_tier_two_has_the_clients_own_paths() {
        let of = |base: &str, method: http::Method, path: &str| {
            let view = RequestView::parse(&method, path, false).ok().unwrap();
            let path = view.endpoint.path_for("meta/m", view.version.as_deref());
            in_cluster(&backend(&json!({"type": "weir", "audience": "a"}), base), view.service.as_ref(), &path)
        };
        let (get, post) = (http::Method::GET, http::Method::POST);
        for (base, method, path, expected) in [
            ("", &post, "/v1/models/m:predict", "/v1/models/meta/m:predict"),
            ("/x/v1", &post, "/v1/models/m:predict", "/x/v1/models/meta/m:predict"),
            ("/x", &post, "/v2/models/m/versions/2/infer", "/x/v2/models/meta/m/versions/2/infer"),
            ("/v1", &get, "/v2/health/live", "/v2/health/live"),
            ("", &get, "/team/llama/v1/models", "/team/llama/v1/models"),
        ] {
            assert_eq!(of(base, method.clone(), path), expected);
        }
    }

    #[test]
    fn e5_a_model_in_a_path_stays_one_segment_of_it() {
        let azure = backend(&json!({"type": "azure", "api_version": "v&x=1"}), "");
        for (model, expected) in [
            ("../../x", "..%2F..%2Fx"),
            ("a?b#c", "a%3Fb%23c"),
            ("a%2fb", "a%252fb"),
            ("é\n", "%C3%A9%0A"),
            ("gpt-4.1_x~", "gpt-4.1_x~"),
        ] {
            let target = target(&azure, "/chat/completions", model, "");
            let expected = format!("/openai/deployments/{expected}/chat/completions?api-version=v%26x%3D1");
            assert_eq!(target, expected);
        }
    }
}
