//! The request target, parsed once: `auth` and `router` see the same value, so they cannot disagree about it.

mod endpoint;
mod inference;
mod path;
mod rpc;
mod service;

use http::Method;
use percent_encoding::percent_decode_str;

pub use self::endpoint::Endpoint;
pub use self::rpc::Rpc;
pub use self::service::Service;
use crate::{Dialect, ErrorKind, GatewayError};

/// What a request asks for, as its target says.
#[derive(Clone)]
pub struct RequestView {
    /// The path, as it came; refused where it could be read in two ways.
    pub path: String,
    /// The query without the caller's key, empty if there is none.
    pub query: String,
    /// What the path names.
    pub endpoint: Endpoint,
    /// The model, where it stands in the path, as Azure's SDKs and KServe's protocols have it. It counts, and a body's
    /// `model` does not.
    pub model: Option<String>,
    /// The version of the model, where V2 names one.
    pub version: Option<String>,
    /// The service in the cluster whose path it is. A body's `model` must be one of its models.
    pub service: Option<Service>,
    /// In which dialect the caller expects answers, errors included.
    pub dialect: Dialect,
    /// The caller's key, where it came as `?key=` (Gemini's SDKs do so).
    key: Option<crate::Secret<String>>,
}

impl RequestView {
    /// Reads method and target. `target` is the path with its query; `anthropic` says whether the request bears
    /// `anthropic-version`, which decides the dialect of the paths that dialects share (`/v1/models`).
    ///
    /// # Errors
    /// A 400 for a path that two readers could understand in two ways (empty or dot segments, encoded `/`, `.`
    /// or `%`, `;`, `\`, control characters); 404 for a path that names nothing; 403 for one that would load models; 405
    /// for the wrong method; 401 for two different keys in the query. Each comes with the dialect that its answer
    /// should have.
    pub fn parse(method: &Method, target: &str, anthropic: bool) -> Result<Self, (Dialect, GatewayError)> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let shared = if anthropic { Dialect::AnthropicMessages } else { Dialect::OpenaiChat };
        let dialect = path::dialect_of(path, shared);
        if let Some(trick) = path::ambiguous(path) {
            let message = format!("the path holds {trick}, which could be read in two ways; write it plainly");
            return Err((dialect, GatewayError::new(ErrorKind::InvalidRequest, message)));
        }
        let named = path::read(path).map_err(|error| (dialect, error))?;
        let takes = named.endpoint.method();
        if *method != takes {
            let message = format!("{path} takes {takes}, not {method}");
            return Err((dialect, GatewayError::new(ErrorKind::MethodNotAllowed, message)));
        }
        let (query, key) = without_key(query).ok_or_else(|| {
            let message = "two different keys stand in the query; send one";
            (dialect, GatewayError::new(ErrorKind::InvalidKey, message))
        })?;
        let path::Named { endpoint, model, version, service } = named;
        Ok(Self { path: path.to_owned(), query, endpoint, model, version, service, dialect, key })
    }

    /// Path and query as they go further in: without the caller's key.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// The caller's key, where it came in the query.
    #[must_use]
    pub fn query_key(&self) -> Option<&crate::Secret<String>> {
        self.key.as_ref()
    }
}

/// Takes `key=` out of a query; `None` where it stands there with two different values.
fn without_key(query: &str) -> Option<(String, Option<crate::Secret<String>>)> {
    let mut key: Option<crate::Secret<String>> = None;
    let mut kept: Vec<&str> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some(value) = pair.strip_prefix("key=") else {
            kept.push(pair);
            continue;
        };
        let value = crate::Secret::new(percent_decode_str(value).decode_utf8_lossy().into_owned());
        if key.as_ref().is_some_and(|first| first.expose() != value.expose()) {
            return None;
        }
        key = Some(value);
    }
    Some((kept.join("&"), key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: &str, target: &str) -> Result<RequestView, (Dialect, GatewayError)> {
        RequestView::parse(&method.parse().unwrap(), target, false)
    }

    #[test]
    fn paths_name_endpoints_and_dialects() {
        let view = parse("POST", "/v1/messages?beta=true&key=sk-1&x=2").ok().unwrap();
        assert_eq!((view.endpoint.clone(), view.dialect), (Endpoint::Messages, Dialect::AnthropicMessages));
        assert_eq!(view.path_and_query(), "/v1/messages?beta=true&x=2");
        assert_eq!(view.query_key().unwrap().expose(), "sk-1");
        assert_eq!(parse("POST", "/openai/v1/chat/completions").ok().unwrap().endpoint, Endpoint::ChatCompletions);
        assert_eq!(parse("GET", "/v1/models/a%20b").ok().unwrap().endpoint, Endpoint::Model("a b".into()));
    }

    #[test]
    fn azures_own_paths_name_the_same_endpoints() {
        use Endpoint::*;
        let version = "?api-version=2024-10-21";
        let cases = [
            ("/openai/v1/responses", Responses, None),
            ("/openai/v1/models", Models, None),
            ("/openai/responses", Responses, None),
            ("/openai/responses/input_tokens", InputTokens, None),
            ("/openai/models", Models, None),
            ("/openai/deployments/gpt-4o/chat/completions", ChatCompletions, Some("gpt-4o")),
            ("/openai/deployments/gpt-4o/completions", Completions, Some("gpt-4o")),
            ("/openai/deployments/a%20b/embeddings", Embeddings, Some("a b")),
            ("/openai/deployments/meta-llama/Llama-3/chat/completions", ChatCompletions, Some("meta-llama/Llama-3")),
            ("/openai/deployments/chat/completions", Completions, Some("chat")),
        ];
        for (path, endpoint, model) in cases {
            let method = if endpoint == Models { "GET" } else { "POST" };
            let view = parse(method, &format!("{path}{version}")).ok().unwrap();
            assert_eq!(parse(method, &endpoint.path()).ok().unwrap().endpoint, endpoint);
            assert_eq!((view.endpoint, view.model.as_deref()), (endpoint, model), "{path}");
        }
        for path in
            ["/openai/chat/completions", "/openai/v1/deployments/m/chat/completions", "/v1/deployments/m/embeddings"]
        {
            assert_eq!(parse("POST", path).err().unwrap().1.kind(), ErrorKind::PathNotFound, "{path}");
        }
    }

    #[test]
    fn e5_a_model_in_the_path_cannot_leave_its_place() {
        for name in ["..", "a/../b", "a%2f..%2fb", "a//b", "a%3fb", "a%5cb", "a%00", "%zz"] {
            let error = parse("POST", &format!("/openai/deployments/{name}/chat/completions")).err().unwrap().1;
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{name}");
        }
        let none = parse("POST", "/openai/deployments/chat/embedding").err().unwrap().1;
        assert_eq!(none.kind(), ErrorKind::PathNotFound);
    }

    #[test]
    fn what_would_have_to_be_stored_is_refused_as_such() {
        let cases = [
            ("GET", "/v1/responses/resp_1"),
            ("DELETE", "/v1/responses/resp_1"),
            ("POST", "/v1/responses/resp_1/cancel"),
            ("GET", "/v1/responses/resp_1/input_items"),
            ("GET", "/openai/responses/resp_1?api-version=2025-03-01-preview"),
            ("POST", "/v1/conversations"),
            ("GET", "/v1/conversations/conv_1/items"),
        ];
        for (method, path) in cases {
            let (dialect, error) = parse(method, path).err().unwrap();
            assert_eq!((dialect, error.kind()), (Dialect::OpenaiResponses, ErrorKind::PathNotFound), "{path}");
            assert!(error.message().contains("not stored here"), "{}", error.message());
        }
        assert_eq!(parse("GET", "/v1/responses/input_tokens").err().unwrap().1.status(), 405);
    }

    #[test]
    fn w9_paths_that_read_in_two_ways_are_refused() {
        for path in [
            "//v1/models",
            "/v1/./models",
            "/v1/../models",
            "/v1/%2e%2e/models",
            "/v1%2fmodels",
            "/v1/models;x",
            "/v1/models/",
            "/v1\\models",
            "/v1/models/%0a",
            "/v1/models/%",
            "/v1/models/%2",
            "/v1/models/%zz",
            "/v1/models/%252f",
            "v1/models",
            "/v1/m\u{e9}",
        ] {
            let error = parse("GET", path).err().unwrap().1;
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{path}");
        }
    }

    #[test]
    fn two_keys_in_a_query_are_refused() {
        let error = parse("POST", "/v1/messages?key=a&key=b").err().unwrap().1;
        assert_eq!((error.kind(), error.status()), (ErrorKind::InvalidKey, 401));
        assert_eq!(parse("POST", "/v1/messages?key=a&x&key=a").ok().unwrap().path_and_query(), "/v1/messages?x");
    }

    #[test]
    fn other_paths_are_404_and_other_methods_405() {
        assert_eq!(parse("GET", "/V1/models").err().unwrap().1.kind(), ErrorKind::PathNotFound);
        assert_eq!(parse("GET", "/v1/chat/completions").err().unwrap().1.kind(), ErrorKind::MethodNotAllowed);
    }
}
