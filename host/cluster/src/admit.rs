//! From a signed request to what it asks for: the path, the body, the model; in this order.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method};
use tokio::time::Instant;
use weir_core::{
    Dialect, Endpoint, ErrorKind, GatewayError, Millis, Plan, Principal, RequestView, UnixMillis, header, tensors,
};
use weir_serve::RequestBodyError;

use crate::directory::{Directory, Entry};
use crate::options::ClusterOptions;
use crate::protocol::questions::Question;
use crate::protocol::{named, questions, speaks};
use crate::read::{ReadError, read};
use crate::tally::Tally;
use crate::verify::{Signed, unsigned};

/// A deadline that is further away is not meant.
const LONGEST: Duration = Duration::from_secs(3600);

/// What a request asks for.
pub(crate) enum Asked {
    /// Something about the cluster that is known here.
    Question(Box<Question>),
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
    /// The name that stands in the body, where one does: servers get the one by which they know the model.
    pub(crate) named: Option<String>,
    /// When the answer must have begun.
    pub(crate) deadline: Instant,
}

/// A request that is not answered as it wished.
pub(crate) struct Refused {
    pub(crate) dialect: Dialect,
    pub(crate) error: GatewayError,
}

/// In which dialect a request is refused that is looked at no further.
pub(crate) fn dialect(head: &Parts) -> Dialect {
    view(head).map_or_else(|(dialect, _)| dialect, |view| view.dialect)
}

/// Everything before the first byte goes to a model server. Of the body nothing is looked at before its digest is right.
pub(crate) async fn admit(
    signed: Signed,
    directory: &Directory,
    options: &ClusterOptions,
    tally: &mut Tally,
) -> Result<Asked, Refused> {
    let Signed { head, body, claims, principal } = signed;
    let view = view(&head).map_err(|(dialect, error)| Refused { dialect, error })?;
    let dialect = view.dialect;
    let refuse = |error| Refused { dialect, error };
    let body = read(body, options.limits.body_bytes).await.map_err(|e| refuse(unreadable(e)))?;
    claims.check_body(&body).map_err(|why| refuse(unsigned(&why, tally)))?;
    let asked = if questions::is_one(&view.endpoint) {
        question(&head.headers, view, principal, directory).map(|question| Asked::Question(Box::new(question)))
    } else {
        call(head, view, body, &principal, directory, options).map(|call| Asked::Call(Box::new(call)))
    };
    if let Ok(Asked::Call(call)) = &asked {
        tally.model(&call.model, &call.view.endpoint);
    }
    asked.map_err(refuse)
}

fn view(head: &Parts) -> Result<RequestView, (Dialect, GatewayError)> {
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    RequestView::parse(&head.method, target, head.headers.contains_key("anthropic-version"))
}

fn call(
    head: Parts,
    view: RequestView,
    body: Bytes,
    principal: &Principal,
    directory: &Directory,
    options: &ClusterOptions,
) -> Result<Call, GatewayError> {
    let name = named::name(&view, &body)?;
    let model = authorized(&head.headers, &view, principal, directory, &name)?.1;
    let model = match view.endpoint {
        Endpoint::Explain => directory.explainer(model).unwrap_or(model),
        _ => model,
    };
    speaks::check(model.protocols, &view)?;
    tensors::json_of(&view.endpoint, &head.headers, &body)?;
    let named = (!view.dialect.is_inference()).then_some(name);
    let deadline = deadline(&head.headers, options)?;
    let model = model.clone();
    Ok(Call { method: head.method, view, headers: head.headers, body, model, named, deadline })
}

fn question(
    headers: &HeaderMap,
    view: RequestView,
    principal: Principal,
    directory: &Directory,
) -> Result<Question, GatewayError> {
    if view.endpoint.is_about_the_server() {
        return Ok(Question { principal, view, model: None });
    }
    let name = named::name(&view, b"")?;
    let (asked, entry) = authorized(headers, &view, &principal, directory, &name)?;
    let model = Some((asked, entry.clone()));
    Ok(Question { principal, view, model })
}

/// The model of this name that the caller may use, and the caller's own name for it.
fn authorized<'d>(
    headers: &HeaderMap,
    view: &RequestView,
    principal: &Principal,
    directory: &'d Directory,
    name: &str,
) -> Result<(String, &'d Arc<Entry>), GatewayError> {
    let asked = authorize(headers, principal, name)?;
    let (known_as, entry) = named::find(directory, view.service.as_ref(), name)?;
    // The plain name may be another service's model, which the caller may use, and this one not.
    if known_as != name && !principal.allows(&known_as) {
        return Err(not_allowed(&known_as));
    }
    Ok((asked, entry))
}

/// Whether the caller may use the model; gives the caller's own name for it. Patterns are about names that callers use:
/// where tier one has renamed the model, its signed plan says what the caller asked for, and that this name came of it.
pub(crate) fn authorize(headers: &HeaderMap, principal: &Principal, name: &str) -> Result<String, GatewayError> {
    let plan: Option<Plan> = header::read_json(headers, header::PLAN)
        .map_err(|_| GatewayError::new(ErrorKind::InvalidRequest, "the plan cannot be read"))?;
    match plan {
        Some(plan)
            if principal.allows(&plan.model) && plan.candidates.iter().any(|candidate| candidate.model == name) =>
        {
            Ok(plan.model)
        }
        None if principal.allows(name) => Ok(name.to_owned()),
        _ => Err(not_allowed(name)),
    }
}

fn not_allowed(name: &str) -> GatewayError {
    let message = format!("this key may not use the model `{name}`");
    GatewayError::new(ErrorKind::ModelNotAllowed, message).with_param("model")
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
}
