//! From a request to what it asks for: the signature, the caller, the path, the body, the model; in this order.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request};
use serde::Deserialize;
use tokio::time::Instant;
use weir_core::json::Object;
use weir_core::{Dialect, Endpoint, ErrorKind, GatewayError, Millis, Plan, Principal, RequestView, UnixMillis, header};
use weir_serve::{Body, RequestBodyError};

use crate::directory::{Directory, Entry};
use crate::options::ClusterOptions;
use crate::read::{ReadError, read};
use crate::tally::Tally;
use crate::verify::CallVerifier;

/// A deadline that is further away is not meant.
const LONGEST: Duration = Duration::from_secs(3600);

/// What a request asks for.
pub(crate) enum Asked {
    /// The list of models.
    Models { principal: Principal, dialect: Dialect },
    /// One model of the list.
    Model { name: String, dialect: Dialect },
    /// An answer of a model.
    Call(Box<Call>),
}

/// A request that goes to a model server.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) view: RequestView,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) model: Arc<Entry>,
    /// When the answer must have begun.
    pub(crate) deadline: Instant,
}

/// A request that is not answered as it wished.
pub(crate) struct Refused {
    pub(crate) dialect: Dialect,
    pub(crate) error: GatewayError,
}

/// Everything before the first byte goes to a model server.
///
/// Nothing is looked at before the head's signature is right, and of the body nothing before its digest is.
pub(crate) async fn admit(
    request: Request<Body>,
    verifier: &dyn CallVerifier,
    directory: &Directory,
    options: &ClusterOptions,
    tally: &mut Tally,
) -> Result<Asked, Refused> {
    let (head, body) = request.into_parts();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let anthropic = head.headers.contains_key("anthropic-version");
    let view = RequestView::parse(&head.method, target, anthropic);
    let dialect = match &view {
        Ok(view) => view.dialect,
        Err((dialect, _)) => *dialect,
    };
    let refuse = |error| Refused { dialect, error };
    let unsigned = |why: &dyn std::fmt::Display, tally: &Tally| {
        tally.refused_call();
        tracing::debug!(%why, "call refused");
        let message = "tier two takes only calls that a registered edge has signed";
        refuse(GatewayError::new(ErrorKind::InvalidKey, message))
    };
    let claims = verifier.verify_head(&head, now()).map_err(|why| unsigned(&why, tally))?;
    let view = view.map_err(|(_, error)| refuse(error))?;
    let principal: Principal = header::require_json(&head.headers, header::PRINCIPAL).map_err(|e| {
        tracing::warn!(error = %e, edge = claims.iss, "a signed call without a principal");
        refuse(GatewayError::new(ErrorKind::InvalidRequest, "the signed call names no principal"))
    })?;
    tally.identify(&head.headers, &principal);
    let body = read(body, options.limits.body_bytes).await.map_err(|e| refuse(unreadable(e)))?;
    claims.check_body(&body).map_err(|why| unsigned(&why, tally))?;
    let asked = match &view.endpoint {
        Endpoint::Models => Asked::Models { principal, dialect },
        Endpoint::Model(name) => {
            let known = directory.find(name).is_some() && principal.allows(name);
            let name = known.then(|| name.clone()).ok_or_else(|| refuse(unknown(name)))?;
            Asked::Model { name, dialect }
        }
        _ => {
            let call = call(head, view, body, &principal, directory, options).map_err(refuse)?;
            tally.model(&call.model.name);
            Asked::Call(Box::new(call))
        }
    };
    Ok(asked)
}

fn call(
    head: Parts,
    view: RequestView,
    body: Bytes,
    principal: &Principal,
    directory: &Directory,
    options: &ClusterOptions,
) -> Result<Call, GatewayError> {
    let name = model_name(&body)?;
    authorize(&head.headers, principal, &name)?;
    let model = directory.find(&name).cloned().ok_or_else(|| unknown(&name))?;
    let body = if model.name == name { body } else { renamed(&body, &model.name, options.limits.json_depth)? };
    let deadline = deadline(&head.headers, options)?;
    Ok(Call { method: head.method, view, headers: head.headers, body, model, deadline })
}

/// Whether the caller may use the model. Patterns are about names that callers use: where tier one has renamed the
/// model, its signed plan says what the caller asked for, and that this name came of it.
pub(crate) fn authorize(headers: &HeaderMap, principal: &Principal, name: &str) -> Result<(), GatewayError> {
    let plan: Option<Plan> = header::read_json(headers, header::PLAN)
        .map_err(|_| GatewayError::new(ErrorKind::InvalidRequest, "the plan cannot be read"))?;
    let allowed = match plan {
        Some(plan) => principal.allows(&plan.model) && plan.candidates.iter().any(|candidate| candidate.model == name),
        None => principal.allows(name),
    };
    if allowed {
        return Ok(());
    }
    let message = format!("this key may not use the model `{name}`");
    Err(GatewayError::new(ErrorKind::ModelNotAllowed, message).with_param("model"))
}

/// The one member that is needed. Two of them are an error, whatever they are.
#[derive(Deserialize)]
struct Named {
    model: Option<String>,
}

/// The model that a body names. The rest was checked by tier one, and its digest shows that it has not changed.
fn model_name(body: &[u8]) -> Result<String, GatewayError> {
    let fault = |message: String| GatewayError::new(ErrorKind::InvalidRequest, message);
    // A list is read as a struct, too; it is none.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(fault("the body must be a JSON object".into()));
    }
    let named: Named =
        serde_json::from_slice(body).map_err(|e| fault(format!("the body is not what it should be: {e}")))?;
    let missing = || fault("`model` is missing".into()).with_param("model");
    named.model.filter(|name| !name.is_empty()).ok_or_else(missing)
}

/// The body with the name by which the servers know the model.
fn renamed(body: &[u8], name: &str, depth: usize) -> Result<Bytes, GatewayError> {
    let mut object = Object::parse(body, depth)?;
    object.set("model", &name);
    Ok(object.to_bytes().into())
}

pub(crate) fn deadline(headers: &HeaderMap, options: &ClusterOptions) -> Result<Instant, GatewayError> {
    let Some(value) = headers.get(header::DEADLINE) else {
        // Time for each attempt; a caller that states a deadline decides for itself.
        return Ok(Instant::now() + options.timeouts.first_byte * options.retry.attempts);
    };
    let at = value.to_str().ok().and_then(|text| text.parse().ok()).map(UnixMillis);
    let at = at.ok_or_else(|| GatewayError::new(ErrorKind::InvalidRequest, "the deadline cannot be read"))?;
    let left = at.since(now());
    if left == Millis::ZERO {
        return Err(GatewayError::new(ErrorKind::UpstreamTimeout, "the deadline passed before the request came"));
    }
    Ok(Instant::now() + LONGEST.min(left.into()))
}

/// What a body's fault is in the caller's eyes.
pub(crate) fn unreadable(error: ReadError) -> GatewayError {
    let cause = match error {
        ReadError::TooLong(limit) => return too_large(limit),
        ReadError::Broken(cause) => cause,
    };
    match RequestBodyError::find(cause.as_ref()) {
        Some(RequestBodyError::TooLarge { limit }) => too_large(usize::try_from(*limit).unwrap_or(usize::MAX)),
        Some(RequestBodyError::Idle { .. }) => GatewayError::new(ErrorKind::ClientTimeout, "the body came too slowly"),
        _ => GatewayError::new(ErrorKind::InvalidRequest, "the body ended too early"),
    }
}

fn too_large(limit: usize) -> GatewayError {
    GatewayError::new(ErrorKind::BodyTooLarge, format!("the body is longer than {limit} bytes"))
}

pub(crate) fn unknown(name: &str) -> GatewayError {
    GatewayError::new(ErrorKind::ModelNotFound, format!("no model is called `{name}` here")).with_param("model")
}

pub(crate) fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(Millis::from(since).0)
}

#[cfg(test)]
mod tests {
    use weir_core::{Candidate, Pattern};

    use super::*;

    fn principal(patterns: &[&str]) -> Principal {
        let patterns: Vec<Pattern> = patterns.iter().map(|text| Pattern::new(*text)).collect();
        let (tenant, key, policy) = ("t".into(), "k".into(), "p".into());
        Principal { tenant, key, user: None, claims: Default::default(), models: [patterns.clone(), patterns], policy }
    }

    #[test]
    fn the_model_is_read_in_one_way_or_not_at_all() {
        assert_eq!(model_name(br#" {"x":[1,{"model":"no"}],"model":"a"}"#).ok(), Some("a".to_owned()));
        for body in ["", "[\"a\"]", "\"a\"", "{}", r#"{"model":1}"#, r#"{"model":""}"#, r#"{"model":"a"} x"#] {
            assert!(model_name(body.as_bytes()).is_err(), "{body}");
        }
        assert!(model_name(br#"{"model":"a","mod\u0065l":"b"}"#).is_err(), "the same key twice, written differently");
    }

    #[test]
    fn patterns_hold_for_the_name_that_the_caller_used() {
        let plan = |asked: &str, models: &[&str]| {
            let candidate = |model: &&str| Candidate { backend: "b".into(), model: (*model).to_owned() };
            let candidates = models.iter().map(candidate).collect();
            let plan = Plan { model: asked.into(), stream: false, on_unsupported: Default::default(), candidates };
            let mut headers = HeaderMap::new();
            headers.insert(header::PLAN, header::json_value(&plan));
            headers
        };
        let fast = principal(&["fast"]);
        assert!(authorize(&plan("fast", &["llama"]), &fast, "llama").is_ok());
        assert!(authorize(&plan("fast", &["llama"]), &fast, "other").is_err(), "not what came of the plan");
        assert!(authorize(&plan("slow", &["llama"]), &fast, "llama").is_err());
        assert!(authorize(&HeaderMap::new(), &fast, "llama").is_err());
        assert!(authorize(&HeaderMap::new(), &fast, "fast").is_ok());
    }

    #[test]
    fn an_alias_is_rewritten_and_nothing_else() {
        let body = renamed(br#"{"a":1.50,"model":"alias","z":"\u00e9"}"#, "name", 64).ok();
        assert_eq!(body.as_deref(), Some(&br#"{"a":1.50,"model":"name","z":"\u00e9"}"#[..]));
    }
}
