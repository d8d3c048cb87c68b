//! What a model server says when it refuses or fails, put into the caller's dialect.
//!
//! KServe's servers have `{"error": "…"}`, FastAPI beneath them `{"detail": …}`, engines OpenAI's object in two shapes, and
//! what stands between (Knative's queue, Istio's gateway) plain text or a page. A body that is in the caller's dialect
//! already is passed on byte for byte; the status always is.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::time::Instant;
use weir_core::error::Theirs;
use weir_core::{Dialect, ErrorKind, GatewayError, RequestView};
use weir_serve::{Body, full};

use crate::answer;

/// The longest body of an error that is read, in bytes.
const MOST: usize = 64 * 1024;
/// How long its end is waited for: the status has said already that nothing good comes.
const LONGEST: Duration = Duration::from_secs(5);
/// The longest message that is passed on, in characters.
const MESSAGE: usize = 2_000;

/// The body of an error: all of it, or nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refused(Bytes);

impl Refused {
    /// Hears what follows a head whose status is an error's. A body that is too long, too slow or broken says nothing.
    pub(crate) async fn hear(mut body: Body, until: Instant) -> Self {
        let read = async {
            let mut heard = BytesMut::new();
            while let Some(frame) = body.frame().await {
                if let Ok(data) = frame.ok()?.into_data() {
                    heard.extend_from_slice(&data);
                }
                if heard.len() > MOST {
                    return None;
                }
            }
            Some(heard.freeze())
        };
        let until = until.min(Instant::now() + LONGEST);
        Self(tokio::time::timeout_at(until, read).await.ok().flatten().unwrap_or_default())
    }

    /// Whether the server says that it has no such model, though it is listed for it: it came back with another one, or
    /// lost it. Not where the caller asked for a version, which may well not be there.
    pub(crate) fn lacks_the_model(&self, status: StatusCode, view: &RequestView) -> bool {
        if status != StatusCode::NOT_FOUND || view.version.is_some() {
            return false;
        }
        let said = Said::read(&self.0);
        let named = said.theirs.code.as_deref() == Some("model_not_found");
        let message = said.message.unwrap_or_default().to_lowercase();
        named || message.contains("model") && ["does not exist", "not found"].iter().any(|end| message.contains(end))
    }

    /// Whether it was the model's own code that failed, on this very input: KServe's runtime answers 500 then, with the
    /// exception's words. Another server would fail alike, and nobody could put servers aside by sending nonsense.
    pub(crate) fn is_the_models_own(&self, status: StatusCode, view: &RequestView) -> bool {
        let inference = matches!(view.dialect, Dialect::KserveV1 | Dialect::KserveV2);
        let worded = || serde_json::from_slice(&self.0).is_ok_and(|value| is_in(view.dialect, &value));
        inference && status == StatusCode::INTERNAL_SERVER_ERROR && worded()
    }

    /// The answer to the caller.
    pub(crate) fn answer(self, mut head: Parts, view: &RequestView) -> Response<Body> {
        answer::clean(&mut head.headers);
        if self.lacks_the_model(head.status, view) {
            let message = "the model's server does not have the model at the moment";
            return with(answer::refusal(view.dialect, &GatewayError::new(ErrorKind::UpstreamFailed, message)), &head);
        }
        let is_json =
            head.headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
        if is_json && serde_json::from_slice(&self.0).is_ok_and(|value| is_in(view.dialect, &value)) {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(self.0.len()));
            return Response::from_parts(head, full(self.0));
        }
        let error = Said::read(&self.0).error(head.status);
        with(answer::refusal(view.dialect, &error), &head)
    }
}

/// A refusal made here, with what the server's own says of when to come again, and by which request it is known.
fn with(mut response: Response<Body>, head: &Parts) -> Response<Body> {
    let keep = |name: &str, to: &mut HeaderMap| {
        if let (Some(value), Ok(name)) = (head.headers.get(name), name.parse::<http::HeaderName>()) {
            to.insert(name, value.clone());
        }
    };
    keep("retry-after", response.headers_mut());
    response
}

/// Whether a body is an error as this dialect's clients know it.
fn is_in(dialect: Dialect, body: &Value) -> bool {
    let error = &body["error"];
    match dialect {
        Dialect::KserveV1 | Dialect::KserveV2 => error.is_string(),
        Dialect::AnthropicMessages => {
            body["type"] == "error" && error["message"].is_string() && error["type"].is_string()
        }
        _ => error["message"].is_string(),
    }
}

/// What a body says, in whichever shape.
#[derive(Debug, Default)]
struct Said {
    message: Option<String>,
    param: Option<String>,
    theirs: Theirs,
}

impl Said {
    fn read(body: &[u8]) -> Self {
        match serde_json::from_slice::<Value>(body) {
            Ok(value) => Self::of(&value),
            Err(_) => Self { message: plain(body), ..Self::default() },
        }
    }

    fn of(value: &Value) -> Self {
        let inner = match &value["error"] {
            Value::Null => value,
            error => error,
        };
        let text = |key: &str| inner[key].as_str().map(str::to_owned);
        let message = match inner {
            Value::String(message) => Some(message.clone()),
            _ => text("message").or_else(|| detail(&inner["detail"])),
        };
        Self { message, param: text("param"), theirs: Theirs { r#type: text("type"), code: text("code") } }
    }

    fn error(self, status: StatusCode) -> GatewayError {
        let (kind, what) = match status.as_u16() {
            429 => (ErrorKind::UpstreamRateLimited, "has too much to do"),
            400..=499 => (ErrorKind::UpstreamRejected, "refused the request"),
            503 => (ErrorKind::UpstreamOverloaded, "is not available"),
            504 => (ErrorKind::UpstreamTimeout, "did not answer in time"),
            _ => (ErrorKind::UpstreamFailed, "failed"),
        };
        let unsaid = || format!("the model server {what} with status {} and did not say why", status.as_u16());
        let message = self.message.map_or_else(unsaid, |message| message.chars().take(MESSAGE).collect());
        let error = GatewayError::new(kind, message).with_status(status.as_u16()).with_theirs(self.theirs);
        match self.param {
            Some(param) if kind == ErrorKind::UpstreamRejected => error.with_param(param),
            _ => error,
        }
    }
}

/// FastAPI's `detail`: a text, or a list of what is wrong where.
fn detail(detail: &Value) -> Option<String> {
    let one = |fault: &Value| -> Option<String> {
        let place: Vec<String> =
            fault["loc"].as_array()?.iter().map(|part| part.to_string().replace('"', "")).collect();
        Some(format!("{}: {}", place.join("."), fault["msg"].as_str()?))
    };
    match detail {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(faults) => Some(faults.iter().filter_map(one).collect::<Vec<_>>().join("; ")),
        other => Some(other.to_string()),
    }
    .filter(|text| !text.is_empty())
}

/// A short line of text that is no page: what small servers say.
fn plain(body: &[u8]) -> Option<String> {
    const LONGEST: usize = 300;
    let text = std::str::from_utf8(body).ok()?.trim();
    let is_line =
        !text.is_empty() && text.len() <= LONGEST && !text.starts_with('<') && !text.contains(char::is_control);
    is_line.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn view(path: &str) -> RequestView {
        RequestView::parse(&Method::POST, path, false).ok().unwrap()
    }

    async fn told(path: &str, status: u16, kind: &'static str, body: &str) -> (u16, Value) {
        let (mut head, ()) = Response::new(()).into_parts();
        head.status = StatusCode::from_u16(status).unwrap();
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        head.headers.insert("retry-after", HeaderValue::from_static("7"));
        let refused = Refused::hear(full(body.to_owned()), Instant::now() + Duration::from_secs(1)).await;
        let response = refused.answer(head, &view(path));
        assert_eq!(response.headers()["retry-after"], "7");
        assert_eq!(response.headers()["content-type"], "application/json");
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap())
    }

    const CHAT: &str = "/v1/chat/completions";
    const MESSAGES: &str = "/v1/messages";
    const V1: &str = "/v1/models/m:predict";
    const V2: &str = "/v2/models/m/infer";

    #[tokio::test]
    async fn every_servers_shape_becomes_the_callers() {
        let shapes = [
            (400, "application/json", r#"{"error":"no such tensor"}"#),
            (400, "application/json", r#"{"detail":"no such tensor"}"#),
            (400, "application/json", r#"{"error":{"message":"no such tensor","code":400}}"#),
            (
                400,
                "application/json",
                r#"{"object":"error","message":"no such tensor","type":"BadRequestError","code":400}"#,
            ),
            (400, "text/plain", "no such tensor\n"),
        ];
        for (status, kind, body) in shapes {
            let (kept, chat) = told(CHAT, status, kind, body).await;
            assert_eq!((kept, chat["error"]["message"].as_str()), (400, Some("no such tensor")), "{body}");
            let (kept, messages) = told(MESSAGES, status, kind, body).await;
            assert_eq!((kept, messages["error"]["message"].as_str()), (400, Some("no such tensor")), "{body}");
            assert_eq!(messages["type"], "error");
            for path in [V1, V2] {
                let (kept, inference) = told(path, status, kind, body).await;
                assert_eq!((kept, inference), (400, serde_json::json!({"error": "no such tensor"})), "{body}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_in_the_callers_dialect_passes_byte_for_byte() {
        for (path, body) in [
            (CHAT, r#"{"error":{"message":"m","type":"t","param":null,"code":"c","own":1}}"#),
            (MESSAGES, r#"{"type":"error","error":{"type":"overloaded_error","message":"m"},"request_id":"r"}"#),
            (V1, r#"{"error":"m","own":[1]}"#),
            (V2, r#"{"error":"m"}"#),
        ] {
            let (status, passed) = told(path, 422, "application/json", body).await;
            assert_eq!((status, passed), (422, serde_json::from_str(body).unwrap()));
        }
    }

    #[tokio::test]
    async fn pages_and_what_is_too_long_say_nothing_but_their_status() {
        let page = "<html><body>no healthy upstream</body></html>";
        let long = "x".repeat(MOST + 1);
        for body in [page, "", &long] {
            let (status, told) = told(CHAT, 503, "text/html", body).await;
            assert_eq!(status, 503);
            let message = told["error"]["message"].as_str().unwrap();
            assert!(message.contains("503") && !message.contains("healthy") && !message.contains("xx"), "{message}");
        }
    }

    #[tokio::test]
    async fn fastapi_says_what_is_wrong_where() {
        let body = r#"{"detail":[{"loc":["body","inputs",0],"msg":"Field required","type":"missing"}]}"#;
        let (status, told) = told(V2, 422, "application/json", body).await;
        assert_eq!((status, told["error"].as_str()), (422, Some("body.inputs.0: Field required")));
    }

    #[tokio::test]
    async fn a_server_that_lost_its_model_is_not_the_callers_fault() {
        for body in [
            r#"{"error":"Model with name m does not exist."}"#,
            r#"{"error":{"message":"The model `m` does not exist.","type":"NotFoundError","param":"model","code":404}}"#,
            r#"{"object":"error","message":"The model `m` does not exist.","type":"NotFoundError","code":404}"#,
            r#"{"error":{"message":"no","code":"model_not_found"}}"#,
        ] {
            for path in [CHAT, V1, V2] {
                let (status, told) = told(path, 404, "application/json", body).await;
                assert_eq!(status, 502, "{path} {body}");
                assert!(told.to_string().contains("does not have the model"), "{told}");
            }
        }
        for (path, status, body) in [
            (CHAT, 404, r#"{"detail":"Not Found"}"#),
            (CHAT, 400, r#"{"error":{"message":"The model `m` does not exist."}}"#),
            ("/v2/models/m/versions/9/infer", 404, r#"{"error":"Model with name m does not exist."}"#),
        ] {
            assert_eq!(told(path, status, "application/json", body).await.0, status, "{body}");
        }
    }
}
