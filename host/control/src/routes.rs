//! The routes: signed calls of edges, the console's, and those of whoever watches.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::{Body, Bytes};
use axum::extract::{Query, Request, State as Shared};
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use prometheus_client::encoding::text::encode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use weir_core::config::KeyHash;
use weir_core::control::{self, Renew, Reserve, Settle, Settled};
use weir_core::header::SESSION;
use weir_core::{RequestId, Usage};
use weir_limiter::AttemptId;

use crate::fleet;
use crate::ledger::Record;
use crate::plane::State;
use crate::verify::{Refusal, Verified};

/// The largest body of a call, in bytes.
pub(crate) const BODY: usize = 64 * 1024;
/// How many records one page of usage has, and how many it may have.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 1_000;

pub(crate) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route(control::RESERVE, post(reserve))
        .route(control::RENEW, post(renew))
        .route(control::SETTLE, post(settle))
        .route("/control/v1/usage", get(usage))
        .route("/control/v1/fleet", get(fleet::fleet))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(async || Fault::NotFound)
        .method_not_allowed_fallback(async || Fault::Method)
        .with_state(state)
}

/// Why a call gets no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// No more is said than that, whatever the reason.
    #[error("signature refused")]
    Signature(#[from] Refusal),
    #[error("the body is not what this path takes: {0}")]
    Json(serde_json::Error),
    #[error("a reservation's id is `<request>.<attempt>`, of the attempt that is settled")]
    Reservation,
    #[error("the body is longer than {BODY} bytes")]
    TooLarge,
    #[error("the body could not be read to its end")]
    Broken,
    #[error("there is no such reservation, or not any more")]
    Over,
    #[error("nothing is served at this path")]
    NotFound,
    #[error("this path takes another method")]
    Method,
    #[error("the console's key is needed")]
    Admin,
    #[error("`wait` is a number and `ms`, `s` or `m`, such as `30s`")]
    Wait,
    #[error("too many wait for a change already")]
    Crowded,
}

impl axum::response::IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Signature(_) => StatusCode::UNAUTHORIZED,
            Self::Json(_) | Self::Reservation | Self::Broken | Self::Wait => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Over | Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Admin => StatusCode::FORBIDDEN,
            Self::Crowded => StatusCode::TOO_MANY_REQUESTS,
        };
        (status, Json(json!({"error": {"message": self.to_string()}}))).into_response()
    }
}

/// What an answer offers the edge.
type Offer = AppendHeaders<Option<(&'static str, HeaderValue)>>;
type Answered<T> = Result<(Offer, Json<T>), Fault>;

async fn reserve(Shared(state): Shared<Arc<State>>, request: Request) -> Answered<control::Reserved> {
    let (verified, ask) = signed::<Reserve>(&state, request).await?;
    state.verifier.check_tenant(&verified, &ask.principal.tenant)?;
    let reserved = state.books.reserve(state.now(), &verified.edge, &ask);
    Ok((offer(verified), Json(state.verifier.counted(reserved)?)))
}

async fn renew(Shared(state): Shared<Arc<State>>, request: Request) -> Answered<control::Renewed> {
    let (verified, Renew { reservation }) = signed::<Renew>(&state, request).await?;
    let id: AttemptId = reservation.parse().map_err(|_| Fault::Over)?;
    let renewed = state.books.renew(state.now(), &verified.edge, id);
    let renewed = state.verifier.counted(renewed)?.ok_or(Fault::Over)?;
    Ok((offer(verified), Json(renewed)))
}

async fn settle(Shared(state): Shared<Arc<State>>, request: Request) -> Answered<Settled> {
    let (verified, settle) = signed::<Settle>(&state, request).await?;
    state.verifier.check_tenant(&verified, &settle.principal.tenant)?;
    let id = AttemptId { request: settle.request, attempt: settle.attempt };
    if settle.reservation.as_ref().is_some_and(|reservation| reservation.parse() != Ok(id)) {
        return Err(Fault::Reservation);
    }
    let settled = state.books.settle(state.now(), &verified.edge, &settle);
    Ok((offer(verified), Json(state.verifier.counted(settled)?.into())))
}

fn offer(verified: Verified) -> Offer {
    AppendHeaders(verified.offer.map(|offer| (SESSION, offer)))
}

/// A call's body, once everything about the call is verified. Of an unsigned call no byte of the body is read.
async fn signed<T: DeserializeOwned>(state: &State, request: Request) -> Result<(Verified, T), Fault> {
    let (head, body) = request.into_parts();
    let verified = state.verifier.verify_head(&head, state.now())?;
    let body = read(body).await?;
    state.verifier.check_body(&verified, &body)?;
    Ok((verified, serde_json::from_slice(&body).map_err(Fault::Json)?))
}

async fn read(body: Body) -> Result<Bytes, Fault> {
    match Limited::new(body, BODY).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Fault::TooLarge),
        Err(_) => Err(Fault::Broken),
    }
}

/// Which records are asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    limit: Option<usize>,
    tenant: Option<String>,
    request: Option<RequestId>,
}

/// The latest of what was used.
#[derive(Debug, Serialize)]
struct UsagePage {
    /// How many attempts were settled or expired since the start.
    attempts: u64,
    /// What the records in memory add up to.
    used: Usage,
    /// The newest first.
    records: Vec<Record>,
}

async fn usage(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Fault> {
    check_admin(&state, &headers)?;
    let Query(wanted) = match wanted {
        Ok(wanted) => wanted,
        Err(rejection) => return Ok(rejection.into_response()),
    };
    let most = wanted.limit.unwrap_or(PAGE).min(LONGEST_PAGE);
    let (attempts, records) = state.books.records(most, |record| {
        wanted.tenant.as_ref().is_none_or(|tenant| *tenant == record.tenant)
            && wanted.request.is_none_or(|request| request == record.request)
    });
    Ok(Json(UsagePage { attempts, used: state.books.used(), records }).into_response())
}

/// Without a key there is no console; what it is opened with is compared by its hash, in constant time.
pub(crate) fn check_admin(state: &State, headers: &HeaderMap) -> Result<(), Fault> {
    let Some(admin) = state.admin.load_full() else {
        return Err(Fault::NotFound);
    };
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let key = shown.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match key {
        Some((_, key)) if KeyHash::of(key.trim()) == *admin => Ok(()),
        _ => Err(Fault::Admin),
    }
}

async fn ready(Shared(state): Shared<Arc<State>>) -> (StatusCode, &'static str) {
    match state.draining.load(Ordering::Relaxed) {
        true => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
        false => (StatusCode::OK, "ready\n"),
    }
}

async fn metrics(Shared(state): Shared<Arc<State>>) -> Response {
    let mut text = String::new();
    if encode(&mut text, &state.registry.lock()).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
