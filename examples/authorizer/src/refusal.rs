//! Answers of the authorizer's own.

use serde_json::json;

use crate::bindings::wasi::http::types::{Fields, Response};
use crate::bindings::{wit_future, wit_stream};

/// 403, for a caller whom no rule lets pass.
pub fn not_allowed(message: &str) -> Response {
    answer(403, "permission_error", "not_allowed", message)
}

/// 500, when the settings cannot be had or read: then nobody passes. The reason is for the operator's log alone.
pub fn misconfigured(fault: &str) -> Response {
    eprintln!("authorizer: nobody passes, since its settings cannot be used: {fault}");
    answer(500, "api_error", "misconfigured", "The authorizer of this gateway is misconfigured.")
}

/// An error as the SDKs of OpenAI and of Anthropic both read it.
fn answer(status: u16, kind: &str, code: &str, message: &str) -> Response {
    let error = json!({ "type": kind, "code": code, "message": message, "param": null });
    let body = json!({ "type": "error", "error": error }).to_string().into_bytes();
    let headers = Fields::new();
    for (name, value) in [("content-type", "application/json"), ("content-length", &body.len().to_string())] {
        // These two names are refused by no host.
        let _ = headers.append(name, value.as_bytes());
    }
    let (mut writer, stream) = wit_stream::new();
    let (trailers, on_trailers) = wit_future::new(|| Ok(None));
    let (response, _transmitted) = Response::new(headers, Some(stream), on_trailers);
    let _ = response.set_status_code(status);
    // The body is written while the host already sends the head.
    wit_bindgen::spawn(async move {
        writer.write_all(body).await;
        drop((writer, trailers));
    });
    response
}
