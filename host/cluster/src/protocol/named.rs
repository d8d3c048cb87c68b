//! Which model a call is for: the name in its path or its body, among those of the service whose path it is.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use weir_core::{Endpoint, ErrorKind, GatewayError, RequestView, Service};

use crate::directory::{Directory, Entry};

/// When to come again while models are still being looked for.
const SHORTLY: Duration = Duration::from_secs(1);

/// The name that a call gives: the path's, where it has one, else the body's.
///
/// # Errors
/// `InvalidRequest` for a body that is no JSON object with a `model`, or that has two.
pub(crate) fn name(view: &RequestView, body: &[u8]) -> Result<String, GatewayError> {
    match (&view.model, &view.endpoint) {
        // Azure's paths name a model, and tier one has put what became of it into the body.
        (Some(name), _) if view.dialect.is_inference() => Ok(name.clone()),
        (_, Endpoint::Model(name)) => Ok(name.clone()),
        _ => in_body(body),
    }
}

/// The model of this name, as far as the path's service has it, and the name under which it is known here.
///
/// # Errors
/// `ModelNotFound`; `BackendsUnavailable` while models are still being looked for.
pub(crate) fn find<'d>(
    directory: &'d Directory,
    service: Option<&Service>,
    name: &str,
) -> Result<(String, &'d Arc<Entry>), GatewayError> {
    let Some(service) = service else {
        return Ok((name.to_owned(), known(directory, name)?));
    };
    let own = |name: &str| directory.find(name).filter(|entry| belongs(entry, service));
    if let Some(entry) = own(name) {
        return Ok((name.to_owned(), entry));
    }
    // Another service may have the plain name; then its own is the one under its namespace.
    let qualified = service.qualified(name);
    if let Some(entry) = own(&qualified) {
        return Ok((qualified, entry));
    }
    // Where a request named no model, tier one has named the service itself.
    let whole = || directory.entries().iter().find(|entry| belongs(entry, service));
    match (name == service.model()).then(whole).flatten() {
        Some(entry) => Ok((name.to_owned(), entry)),
        None if directory.is_in_part() => Err(not_known_yet(name)),
        None => Err(not_of(service, name)),
    }
}

/// Whether a service's paths lead to a model.
pub(crate) fn belongs(entry: &Entry, service: &Service) -> bool {
    entry.paths.iter().any(|(namespace, name)| *namespace == service.namespace && *name == service.name)
}

/// The model of this name.
///
/// # Errors
/// Those of [`find`].
pub(crate) fn known<'d>(directory: &'d Directory, name: &str) -> Result<&'d Arc<Entry>, GatewayError> {
    let missing = || if directory.is_in_part() { not_known_yet(name) } else { unknown(name) };
    directory.find(name).ok_or_else(missing)
}

fn not_known_yet(name: &str) -> GatewayError {
    let message = format!("whether there is a model that is called `{name}` is not known yet; try again shortly");
    GatewayError::new(ErrorKind::BackendsUnavailable, message).with_param("model").with_retry_after(SHORTLY)
}

fn unknown(name: &str) -> GatewayError {
    GatewayError::new(ErrorKind::ModelNotFound, format!("no model is called `{name}` here")).with_param("model")
}

fn not_of(service: &Service, name: &str) -> GatewayError {
    let message = format!("the service {service} has no model that is called `{name}`");
    GatewayError::new(ErrorKind::ModelNotFound, message).with_param("model")
}

/// The one member that is needed. Two of them are an error, whatever they are.
#[derive(Deserialize)]
struct Named {
    model: Option<String>,
}

/// The model that a body names. The rest was checked by tier one, and its digest shows that it has not changed.
fn in_body(body: &[u8]) -> Result<String, GatewayError> {
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

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn the_path_names_the_model_of_an_inference_protocol_and_the_body_that_of_others() {
        let of = |path: &str, body: &str| {
            let method = if path.ends_with("ready") { Method::GET } else { Method::POST };
            name(&RequestView::parse(&method, path, false).ok().unwrap(), body.as_bytes())
        };
        assert_eq!(of("/v2/models/a/infer", r#"{"model":"b"}"#), Ok("a".into()));
        assert_eq!(of("/v2/models/a/infer", "not JSON"), Ok("a".into()));
        assert_eq!(of("/v1/models/a:predict", "{}"), Ok("a".into()));
        assert_eq!(of("/v2/models/a/ready", ""), Ok("a".into()));
        assert_eq!(of("/v1/chat/completions", r#"{"model":"b"}"#), Ok("b".into()));
        assert_eq!(of("/openai/deployments/a/chat/completions", r#"{"model":"b"}"#), Ok("b".into()));
        for body in ["{}", r#"{"model":""}"#, r#"{"model":"a","model":"b"}"#, r#"["a"]"#, "", r#"{"model":7}"#] {
            assert_eq!(of("/v1/chat/completions", body).unwrap_err().status(), 400, "{body}");
        }
    }
}
