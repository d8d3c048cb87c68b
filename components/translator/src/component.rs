//! The face to WASI: carries bytes between the runtime and the pure parts, keeps time, and always answers.

mod call;
mod grpc;
mod held;
mod keys;
mod outcome;
mod pump;
mod upload;

use weir_core::{Dialect, ErrorKind, GatewayError, RequestView, Usage};
use weir_face::clock::{Mark, Silence, now};
use weir_face::request::{BodyFault, Incoming};
use weir_face::{ErrorCode, Request, Response, answer, settings};

use self::call::{Came, Failed};
use self::outcome::Account;
use self::upload::Upload;
use crate::attempt::{self, Attempt, Exchange, Prepared};

#[cfg(feature = "component")]
weir_face::export_service!(handle);

/// Sends a request to its backend, and answers.
///
/// # Errors
/// None: what fails is answered.
pub async fn handle(request: Request) -> Result<Response, ErrorCode> {
    Ok(serve(request).await)
}

async fn serve(request: Request) -> Response {
    let began = Mark::now();
    let mut incoming = Incoming::take(request);
    let anthropic = incoming.headers.contains_key("anthropic-version");
    let view = match RequestView::parse(&incoming.method, &incoming.target, anthropic) {
        Ok(view) => view,
        Err((dialect, error)) => return answer::error(dialect, &error, None),
    };
    let attempt = match Attempt::read(&incoming.headers) {
        Ok(attempt) => attempt,
        Err(fault) => return misplaced(view.dialect, &fault.to_string()),
    };
    let account = Account::new(began, &attempt);
    match answered(&mut incoming, &view, &attempt, &account).await {
        Ok(response) => response,
        Err(failed) => account.failed(view.dialect, &failed),
    }
}

/// A chain that is put together wrongly: nothing can be settled, since nobody said where the request goes.
fn misplaced(dialect: Dialect, fault: &str) -> Response {
    eprintln!("misconfigured: {fault}");
    let error = GatewayError::new(ErrorKind::Misconfigured, "the gateway's parts are in the wrong order");
    answer::error(dialect, &error, None)
}

async fn answered(
    incoming: &mut Incoming,
    view: &RequestView,
    attempt: &Attempt,
    account: &Account,
) -> Result<Response, Failed> {
    let config = settings::config().await?;
    let (_held, body, upload) = if view.goes_on() {
        let (body, model) = (incoming.take_body(), &attempt.candidate.model);
        let (first, upload) = Upload::begin(body, model, &config.sizes).await?;
        (held::Held::nothing(), first, Some(upload))
    } else {
        let held = held::Held::claim(&incoming.headers, &config.sizes)?;
        (held, incoming.read_body(config.sizes.body_bytes).await.map_err(unread)?, None)
    };
    let request = attempt::Request { view, headers: &incoming.headers, body: &body };
    if let Some((headers, body)) = attempt::estimated_count(&config, attempt, request)? {
        return Ok(account.clone().answered(200).whole(headers, body, Usage::default()));
    }
    let Prepared { mut upstream, exchange } = attempt::prepare(&config, attempt, request)?;
    drop(body);
    let (keys, signer) = keys::attach(&mut upstream, &config).await?;
    let limit = account.time_for_first_event(&upstream.timeouts, attempt.deadline, now());
    let wants = call::Wants { exchange: &exchange, keys: &keys, signer: signer.as_ref(), sizes: &config.sizes, limit };
    let (timeouts, on_gone, from_weir) = (upstream.timeouts, upstream.on_client_gone, upstream.audience.is_some());
    if view.dialect == Dialect::KserveGrpc {
        return grpc::make(upstream, wants, account, upload).await;
    }
    match call::make(upstream, wants, from_weir).await? {
        Came::Whole { status, headers, body } => whole(&exchange, account, status, &headers, body, &keys)
            .map_err(|error| Failed::of(error).with_status(status)),
        Came::Stream { status, headers, started } => {
            let headers = exchange.answer_headers(&headers, true);
            let (response, outlet) = answer::stream(200, headers);
            let idle = timeouts.idle;
            let silence = Silence::of(idle.into(), timeouts.heartbeat.into());
            let pump = pump::Pump { started: *started, outlet, idle, on_gone, silence, events: 0, attended: true };
            weir_face::spawn(pump.run(account.clone().answered(status)));
            Ok(response)
        }
    }
}

fn whole(
    exchange: &Exchange,
    account: &Account,
    status: u16,
    headers: &http::HeaderMap,
    body: Vec<u8>,
    keys: &keys::Secrets,
) -> Result<Response, GatewayError> {
    let stream = exchange.is_stream();
    let whole = if stream { exchange.streamed(&body, now()) } else { exchange.whole(body, now()) };
    let (body, usage) = whole.map_err(|error| attempt::redact_error(error, |text| keys::redacted(keys, text)))?;
    let headers = exchange.answer_headers(headers, stream);
    Ok(account.clone().answered(status).whole(headers, body, usage))
}

fn unread(fault: BodyFault) -> GatewayError {
    match fault {
        BodyFault::TooLarge => GatewayError::new(ErrorKind::BodyTooLarge, "the body is larger than the gateway takes"),
        BodyFault::Broken => GatewayError::new(ErrorKind::ClientGone, "the request broke off"),
    }
}
