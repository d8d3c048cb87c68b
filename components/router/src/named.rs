//! Which model a request is about: what the path says, the body, or the header by which gateways in front of KServe tell
//! each other. Where two of them say something, it is the same.

use http::HeaderMap;
use weir_core::header::GATEWAY_MODEL;
use weir_core::json::Object;
use weir_core::{Endpoint, ErrorKind, GatewayError, RequestView, Service};

use crate::content;

/// The model: the path's, where it names one, as Azure and KServe do, which then read none in the body. What is enforced
/// here is also what goes on: the plan's candidates take the place of whatever the body says.
///
/// # Errors
/// `InvalidRequest` where there is none, or two.
pub(crate) fn model(view: &RequestView, headers: &HeaderMap, body: Option<&Object>) -> Result<String, GatewayError> {
    let stated = match (&view.model, &view.endpoint) {
        (Some(name), _) | (None, Endpoint::Model(name)) => Some(name.clone()),
        _ => body.map(|body| body.read("model")).transpose()?.flatten(),
    };
    let stated = match (stated, told(headers)?) {
        (Some(stated), Some(told)) if stated != told => return Err(contradiction()),
        (stated, told) => stated.or(told),
    };
    let services = || view.service.as_ref().map(Service::model);
    stated.or_else(services).ok_or_else(|| content::missing("model", "name a model, as `GET /v1/models` lists them"))
}

/// What the header says.
fn told(headers: &HeaderMap) -> Result<Option<String>, GatewayError> {
    let mut values = headers.get_all(GATEWAY_MODEL).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(name)), None) => Ok(Some(name.to_owned())),
        _ => Err(refused("must be one name in plain ASCII")),
    }
}

fn contradiction() -> GatewayError {
    refused("names another model than the request itself")
}

fn refused(what: &str) -> GatewayError {
    GatewayError::new(ErrorKind::InvalidRequest, format!("`{GATEWAY_MODEL}` {what}")).with_param(GATEWAY_MODEL)
}
