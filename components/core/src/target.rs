//! The request target, parsed once: `auth` and `router` see the same value, so they cannot disagree about it.

use http::Method;
use percent_encoding::percent_decode_str;

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
    /// In which dialect the caller expects answers, errors included.
    pub dialect: Dialect,
    /// The caller's key, where it came as `?key=` (Gemini's SDKs do so).
    key: Option<crate::Secret<String>>,
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1/messages/count_tokens`
    CountTokens,
    /// `GET /v1/models`
    Models,
    /// `GET /v1/models/{model}`
    Model(String),
}

impl RequestView {
    /// Reads method and target. `target` is the path with its query; `anthropic` says whether the request bears
    /// `anthropic-version`, which decides the dialect of the paths that dialects share (`/v1/models`).
    ///
    /// # Errors
    /// A 400 for a path that two readers could understand in two ways (empty or dot segments, encoded `/`, `.`
    /// or `%`, `;`, `\`, control characters); 404 for a path that names nothing; 405 for the wrong method; 401 for two
    /// different keys in the query. Each
    /// comes with the dialect that its answer should have.
    pub fn parse(method: &Method, target: &str, anthropic: bool) -> Result<Self, (Dialect, GatewayError)> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let rest = path.strip_prefix("/openai/v1").or_else(|| path.strip_prefix("/v1"));
        let shared = if anthropic { Dialect::AnthropicMessages } else { Dialect::OpenaiChat };
        let dialect = match rest {
            Some(r) if r.starts_with("/messages") => Dialect::AnthropicMessages,
            Some(r) if r.starts_with("/responses") => Dialect::OpenaiResponses,
            _ if path.starts_with("/v1beta/") => Dialect::Gemini,
            _ => shared,
        };
        if let Some(trick) = ambiguous(path) {
            let message = format!("the path holds {trick}, which could be read in two ways; write it plainly");
            return Err((dialect, GatewayError::new(ErrorKind::InvalidRequest, message)));
        }
        let (endpoint, allowed) = rest.and_then(endpoint_of).ok_or_else(|| {
            let message = format!(
                "nothing is served at {path}; try /v1/chat/completions, /v1/responses, /v1/messages, /v1/embeddings, /v1/completions or /v1/models"
            );
            (dialect, GatewayError::new(ErrorKind::PathNotFound, message))
        })?;
        if *method != allowed {
            let message = format!("{path} takes {allowed}, not {method}");
            return Err((dialect, GatewayError::new(ErrorKind::MethodNotAllowed, message)));
        }
        let (query, key) = without_key(query).ok_or_else(|| {
            let message = "two different keys stand in the query; send one";
            (dialect, GatewayError::new(ErrorKind::InvalidKey, message))
        })?;
        Ok(Self { path: path.to_owned(), query, endpoint, dialect, key })
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

fn endpoint_of(rest: &str) -> Option<(Endpoint, Method)> {
    let post = |endpoint| Some((endpoint, Method::POST));
    match rest {
        "/chat/completions" => post(Endpoint::ChatCompletions),
        "/completions" => post(Endpoint::Completions),
        "/embeddings" => post(Endpoint::Embeddings),
        "/responses" => post(Endpoint::Responses),
        "/messages" => post(Endpoint::Messages),
        "/messages/count_tokens" => post(Endpoint::CountTokens),
        "/models" => Some((Endpoint::Models, Method::GET)),
        _ => {
            let model = percent_decode_str(rest.strip_prefix("/models/")?).decode_utf8().ok()?;
            (!model.is_empty()).then(|| (Endpoint::Model(model.into_owned()), Method::GET))
        }
    }
}

/// What makes a path readable in two ways, if anything does.
fn ambiguous(path: &str) -> Option<&'static str> {
    let lower = path.to_ascii_lowercase();
    if !path.starts_with('/') {
        return Some("no leading `/`");
    }
    if path.bytes().any(|b| b <= b' ' || b >= 0x7f || b == b'\\' || b == b';' || b == b'#') {
        return Some("a control character, a space, `\\`, `;` or `#`");
    }
    if ["%2f", "%5c", "%2e", "%25", "%3b", "%3f", "%23"].iter().any(|code| lower.contains(code)) || bad_escape(&lower) {
        return Some("an encoded `/`, `\\`, `.`, `%`, `;`, `?` or `#`, or a broken escape");
    }
    if path.len() > 1 && path[1..].split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Some("an empty or a dot segment");
    }
    None
}

/// Whether an escape is broken or stands for a control character.
fn bad_escape(path: &str) -> bool {
    path.split('%').skip(1).any(|after| {
        let code = after.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        code.is_none_or(|byte| byte < 0x20 || byte == 0x7f)
    })
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
