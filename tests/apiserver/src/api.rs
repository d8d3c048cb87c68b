//! One request, one answer.

use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::answer::{Body, document, full, no_page, plain, reason_of, status, with_json};
use crate::faults::{Refusal, Verb};
use crate::request::{Asked, Objects};
use crate::server::ApiServer;
use crate::{control, discovery, listing, watching};

/// Answers a request, and notes it.
pub(crate) async fn answer<B>(server: &ApiServer, request: Request<B>) -> Response<Body>
where
    B: http_body::Body + Send,
    B::Error: std::fmt::Display,
{
    if request.uri().path().starts_with("/_test/") {
        return control::answer(server, request).await;
    }
    let objects = Objects::of(request.uri());
    let (plural, verb) = match &objects {
        Some(objects) => (Some(objects.kind.plural), objects.verb()),
        None => (None, Verb::Discover),
    };
    let note = server.state().asked.len();
    let (head, _) = request.into_parts();
    server.state().asked.push(Asked {
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        agent: text(&head.headers, header::USER_AGENT).to_owned(),
        status: 0,
    });
    let answer = match server.refusal(plural, verb) {
        Some(refusal) if refusal.is_silent() => std::future::pending().await,
        Some(refusal) => refuse(&refusal),
        None => right(server, &head, objects.as_ref()),
    };
    if let Some(asked) = server.state().asked.get_mut(note) {
        asked.status = answer.status().as_u16();
    }
    answer
}

/// The answer that is due.
fn right(server: &ApiServer, head: &http::request::Parts, objects: Option<&Objects>) -> Response<Body> {
    match head.uri.path() {
        "/healthz" | "/livez" | "/readyz" => return plain(StatusCode::OK, "ok"),
        _ => {}
    }
    let token = text(&head.headers, header::AUTHORIZATION).strip_prefix("Bearer ").unwrap_or_default();
    if token != "nobody-token" && !server.state().tokens.contains(token) {
        return status(401, "Unauthorized", "Unauthorized", &Value::Null);
    }
    if head.method != Method::GET {
        return status(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
            &json!({}),
        );
    }
    let Some(objects) = objects else {
        return match discovery::document(server, head.uri.path()) {
            Some(found) => document(&head.headers, &found),
            None => no_page(),
        };
    };
    if token == "nobody-token" {
        return forbidden(objects);
    }
    if !server.state().history(objects.kind).served.contains(&objects.version) {
        return no_page();
    }
    match objects.verb() {
        Verb::Watch => watching::open(server, objects),
        Verb::Get => listing::one(server, objects, &head.headers),
        _ => listing::page(server, objects, &head.headers),
    }
}

fn forbidden(objects: &Objects) -> Response<Body> {
    let verb = if objects.query.watch { "watch" } else { "list" };
    let (group, plural) = (objects.kind.group, objects.kind.plural);
    let scope = match &objects.namespace {
        Some(namespace) => format!("in the namespace \"{namespace}\""),
        None => "at the cluster scope".to_owned(),
    };
    let message = format!(
        "{} is forbidden: User \"nobody\" cannot {verb} resource \"{plural}\" in API group \"{group}\" {scope}",
        objects.kind.full_name()
    );
    status(403, "Forbidden", &message, &json!({ "group": group, "kind": plural }))
}

fn refuse(refusal: &Refusal) -> Response<Body> {
    let (code, retry_after, body) = refusal.parts();
    let mut answer = match body {
        Some(body) => with_json(StatusCode::from_u16(code).unwrap_or_default(), full(body.to_owned())),
        None => status(code, reason_of(code), &format!("a refusal that was asked for: {code}"), &Value::Null),
    };
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
