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

    /// Whether the caller goes on to send messages while it is answered: then the first one alone says what it asks for.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        matches!(self.endpoint, Endpoint::Grpc(rpc) if rpc.goes_on())
    }

    /// Whether only a tier two can serve it: an inference protocol, a service in the cluster, a model's state, or tokens of
    /// a prompt as the engine itself counts them.
    #[must_use]
    pub fn is_for_tier_two(&self) -> bool {
        let endpoint = &self.endpoint;
        self.dialect.is_inference()
            || self.service.is_some()
            || matches!(endpoint, Endpoint::Tokenize | Endpoint::Detokenize | Endpoint::Model(_))
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
mod tests;
