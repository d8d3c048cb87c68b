//! Which endpoint a path names, and whether it can be read in one way only.

use percent_encoding::percent_decode_str;

use super::{Endpoint, Service, inference};
use crate::{Dialect, ErrorKind, GatewayError};

/// What a path names: the endpoint, and what else stands in the path.
pub(super) struct Named {
    pub(super) endpoint: Endpoint,
    pub(super) model: Option<String>,
    pub(super) version: Option<String>,
    pub(super) service: Option<Service>,
}

impl Named {
    /// An endpoint, and nothing else in the path.
    pub(super) fn at(endpoint: Endpoint) -> Self {
        Self { endpoint, model: None, version: None, service: None }
    }
}

/// The dialect of the answer to whatever comes for this path; `shared` for the paths that dialects share.
pub(super) fn dialect_of(path: &str, shared: Dialect) -> Dialect {
    if let Some(dialect) = inference::dialect_of(path) {
        return dialect;
    }
    let path = Service::split(path).map_or(path, |(_, rest)| rest);
    match beneath_root(path) {
        Some(rest) if rest.starts_with("/messages") => Dialect::AnthropicMessages,
        Some(rest) if ["/responses", "/conversations"].iter().any(|start| rest.starts_with(start)) => {
            Dialect::OpenaiResponses
        }
        Some(rest) if rest.starts_with(DEPLOYMENTS) => Dialect::OpenaiChat,
        _ if path.starts_with("/v1beta/") => Dialect::Gemini,
        _ => shared,
    }
}

/// Reads a path.
///
/// # Errors
/// `PathNotFound`, with what there is instead; `Forbidden` for what would have a model loaded.
pub(super) fn read(path: &str) -> Result<Named, GatewayError> {
    // One of an inference protocol's own paths names nothing else, however it is mistaken.
    let rest = beneath_root(path).filter(|_| inference::dialect_of(path).is_none());
    let named = inference::named(path).or_else(|| tokens(path)).or_else(|| rest.and_then(named));
    if let Some(named) = named.or_else(|| of_service(path)) {
        return Ok(named);
    }
    if inference::loads(path) {
        let message = "models are loaded and unloaded by the cluster, never by a request";
        return Err(GatewayError::new(ErrorKind::Forbidden, message));
    }
    let message = match rest.and_then(stored) {
        Some(what) => format!(
            "{what} are not stored here, so nothing is served at {path}; send the whole conversation with each request"
        ),
        None => format!(
            "nothing is served at {path}; try /v1/chat/completions, /v1/responses, /v1/messages, /v1/embeddings, /v1/completions or /v1/models"
        ),
    };
    Err(GatewayError::new(ErrorKind::PathNotFound, message))
}

/// Where Azure's SDKs have the deployment in the path
/// (<https://learn.microsoft.com/en-us/azure/ai-services/openai/reference>).
const DEPLOYMENTS: &str = "/deployments/";

/// What Azure serves beneath its older root; the rest of it names a deployment.
const CLASSIC: [&str; 3] = ["/responses", "/models", DEPLOYMENTS];

/// The path beneath the root of the API: `/v1`, Azure's `/openai/v1`, or its older `/openai`.
fn beneath_root(path: &str) -> Option<&str> {
    let beneath = |root| path.strip_prefix(root).filter(|rest: &&str| rest.starts_with('/'));
    match beneath("/openai/v1").or_else(|| beneath("/v1")) {
        Some(rest) => (!rest.starts_with(DEPLOYMENTS)).then_some(rest),
        None => beneath("/openai").filter(|rest| CLASSIC.iter().any(|start| rest.starts_with(start))),
    }
}

fn named(rest: &str) -> Option<Named> {
    Some(Named::at(match rest {
        "/chat/completions" => Endpoint::ChatCompletions,
        "/completions" => Endpoint::Completions,
        "/embeddings" => Endpoint::Embeddings,
        "/responses" => Endpoint::Responses,
        "/responses/input_tokens" => Endpoint::InputTokens,
        "/messages" => Endpoint::Messages,
        "/messages/count_tokens" => Endpoint::CountTokens,
        "/models" => Endpoint::Models,
        _ => match rest.strip_prefix(DEPLOYMENTS) {
            Some(deployment) => return deployed(deployment),
            None => Endpoint::Model(segment(rest.strip_prefix("/models/")?)?),
        },
    }))
}

/// The two paths for tokens, at the root as vLLM has them, or beneath `/v1`, as SGLang has them, too.
fn tokens(path: &str) -> Option<Named> {
    match path.strip_prefix("/v1").unwrap_or(path) {
        "/tokenize" => Some(Named::at(Endpoint::Tokenize)),
        "/detokenize" => Some(Named::at(Endpoint::Detokenize)),
        _ => None,
    }
}

/// `/{namespace}/{name}/v1/…`, and the paths for tokens of that service.
fn of_service(path: &str) -> Option<Named> {
    let (service, rest) = Service::split(path)?;
    let api = || rest.strip_prefix("/v1").filter(|rest| rest.starts_with('/') && !rest.starts_with(DEPLOYMENTS));
    let named = tokens(rest).or_else(|| named(api()?))?;
    Some(Named { service: Some(service), ..named })
}

/// `{deployment}/chat/completions` and its like. The name may hold a `/`, as models' names do.
fn deployed(rest: &str) -> Option<Named> {
    // The longer ending first: the other is its end.
    let endings = [
        ("/chat/completions", Endpoint::ChatCompletions),
        ("/completions", Endpoint::Completions),
        ("/embeddings", Endpoint::Embeddings),
    ];
    let (name, endpoint) =
        endings.into_iter().find_map(|(ending, endpoint)| Some((rest.strip_suffix(ending)?, endpoint)))?;
    Some(Named { model: Some(segment(name)?), ..Named::at(endpoint) })
}

/// A name out of a path, in its plain form.
pub(super) fn segment(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

/// What a path asks for that a server would have to have stored.
fn stored(rest: &str) -> Option<&'static str> {
    let segments: Vec<&str> = rest.split('/').skip(1).collect();
    match segments.as_slice() {
        ["responses", "compact"] => None,
        ["responses", _] | ["responses", _, "cancel" | "input_items"] => Some("responses"),
        ["conversations", ..] => Some("conversations"),
        ["chat", "completions", _] | ["chat", "completions", _, "messages"] => Some("completions"),
        ["batches", ..] | ["messages", "batches", ..] => Some("batches"),
        ["files", ..] => Some("files"),
        _ => None,
    }
}

/// What makes a path readable in two ways, if anything does.
pub(super) fn ambiguous(path: &str) -> Option<&'static str> {
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
