//! The face towards WASI: carries heads and handles, decides nothing.

mod control_plane;
mod permit;

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use weir_core::config::Runtime;
use weir_core::control::{Grant, Reserve, Reserved};
use weir_core::header::{BACKEND, DEGRADED, RESERVATION, json_value};
use weir_core::{Config, Dialect, Endpoint, ErrorKind, GatewayError, RequestView};
use weir_face::futures::channel::oneshot;
use weir_face::relay::Relay;
use weir_face::request::Incoming;
use weir_face::{ErrorCode, Request, Response, answer, clock, settings};

use crate::answer::{denial, rate_limit_headers};
use crate::call::{self, End};
use crate::control_call::ControlFault;
use crate::{Quota, QuotaBounds};
use control_plane::ControlPlane;
use permit::{Permit, Store};

/// What an instance keeps. The counts of the local quota are shared between its tenants only in that they stand in
/// one table: each is counted for its own tenant.
struct Instance {
    config: Rc<Config>,
    local: RefCell<Quota>,
    control: Option<ControlPlane>,
}

thread_local! {
    static INSTANCE: OnceCell<Rc<Instance>> = const { OnceCell::new() };
}

#[cfg(feature = "component")]
weir_face::export_middleware!(handle);

/// Asks for room for a request, hands it on to the next part in, and settles what it used.
///
/// # Errors
/// What the next part failed with, where it gave no answer.
pub async fn handle(
    request: Request,
    next: impl AsyncFn(Request) -> Result<Response, ErrorCode>,
) -> Result<Response, ErrorCode> {
    let incoming = Incoming::take(request);
    let (dialect, endpoint) = asked(&incoming);
    let admission = async {
        let instance = instance().await?;
        let ask = call::reserve(&incoming.headers, endpoint.as_ref()).map_err(|fault| out_of_place(&fault))?;
        call::check_tenant(&instance.config, &ask)?;
        Ok((instance, ask))
    };
    match admission.await {
        Ok((instance, ask)) => limited(&instance, incoming, dialect, ask, next).await,
        Err(error) => Ok(answer::error(dialect, &error, None)),
    }
}

/// Asks for room; passes the request on if there is some.
async fn limited(
    instance: &Rc<Instance>,
    incoming: Incoming,
    dialect: Dialect,
    ask: Reserve,
    next: impl AsyncFn(Request) -> Result<Response, ErrorCode>,
) -> Result<Response, ErrorCode> {
    let (reserved, store) = match instance.reserve(&ask).await {
        Ok(answered) => answered,
        Err(error) => return Ok(answer::error(dialect, &error, None)),
    };
    // Nothing stands in for a control plane where none is configured.
    let degraded = store == Store::Local && instance.control.is_some();
    let mut response = match reserved {
        Reserved::Denied(deny) => {
            let rendered = denial(dialect, &deny, clock::now());
            return Ok(refuse(&rendered, degraded));
        }
        Reserved::Granted(grant) if store == Store::Local && !degraded && grant.reservation.is_none() => {
            return next(marked(incoming, &ask, &grant, store).pass_on()).await;
        }
        Reserved::Granted(grant) => {
            admitted(instance, incoming, Admission { ask, grant, store, dialect }, next).await?
        }
    };
    if degraded {
        response.headers.append(HeaderName::from_static(DEGRADED), HeaderValue::from_static("limiter"));
    }
    Ok(response.pass_on())
}

/// A response on its way out, with the permit that its end settles.
struct Outgoing {
    headers: http::HeaderMap,
    relay: Relay,
    permit: Permit,
}

/// For how long the end of an answer is held back until it is settled, where the runtime may end the instance with the
/// answer, and the settlement with it.
const LONGEST_HOLD: Duration = Duration::from_millis(250);

impl Outgoing {
    fn pass_on(self) -> Response {
        let Self { headers, mut relay, permit } = self;
        relay.headers = headers;
        let status = relay.status;
        relay.pass_on_with(move |trailers| async move {
            let usage =
                trailers.as_ref().ok().and_then(Option::as_ref).and_then(|map| map.get(weir_core::header::USAGE));
            let trailer = usage.map(|value| value.as_bytes().to_vec());
            let held = permit.runtime() == Runtime::Portable;
            let (settled, over) = oneshot::channel::<()>();
            // In a task of its own: the client's end of the stream waits for the control plane a moment at most.
            weir_face::spawn(async move {
                permit.settle(trailer, Some(status)).await;
                drop(settled);
            });
            if held {
                clock::within(LONGEST_HOLD, over).await;
            }
            trailers
        })
    }
}

/// What was asked for, and granted.
struct Admission {
    ask: Reserve,
    grant: Grant,
    store: Store,
    dialect: Dialect,
}

/// Passes an admitted request on, and keeps its reservation alive meanwhile.
async fn admitted(
    instance: &Rc<Instance>,
    incoming: Incoming,
    admission: Admission,
    next: impl AsyncFn(Request) -> Result<Response, ErrorCode>,
) -> Result<Outgoing, ErrorCode> {
    let Admission { ask, grant, store, dialect } = admission;
    let request = marked(incoming, &ask, &grant, store).pass_on();
    let permit = Permit::new(instance.clone(), ask, &grant, store);
    match next(request).await {
        Ok(response) => {
            let mut relay = Relay::of(response);
            for (name, value) in rate_limit_headers(dialect, &grant.limits, clock::now()) {
                if let Ok(value) = HeaderValue::try_from(value) {
                    relay.headers.insert(HeaderName::from_static(name), value);
                }
            }
            Ok(Outgoing { headers: std::mem::take(&mut relay.headers), relay, permit })
        }
        Err(code) => {
            weir_face::spawn(permit.settle(None, None));
            Err(code)
        }
    }
}

/// The request with what was decided about it.
fn marked(mut incoming: Incoming, ask: &Reserve, grant: &Grant, store: Store) -> Incoming {
    if let Some(candidate) = ask.candidates.get(grant.candidate) {
        incoming.headers.insert(HeaderName::from_static(BACKEND), json_value(candidate));
    }
    // A reservation of this instance means nothing to tier two.
    if let (Store::Shared, Some(id)) = (store, &grant.reservation)
        && let Ok(id) = HeaderValue::from_str(id)
    {
        incoming.headers.insert(HeaderName::from_static(RESERVATION), id);
    }
    incoming
}

fn refuse(rendered: &weir_core::error::Rendered, degraded: bool) -> Response {
    let mut headers = answer::rendered_headers(rendered);
    if degraded {
        headers.insert(HeaderName::from_static(DEGRADED), HeaderValue::from_static("limiter"));
    }
    answer::whole(rendered.status, headers, rendered.body.clone())
}

impl Instance {
    /// Asks the control plane; itself, where there is none, or none that answers.
    async fn reserve(&self, ask: &Reserve) -> Result<(Reserved, Store), GatewayError> {
        if let Some(control) = &self.control {
            match control.reserve(ask).await {
                Ok(reserved) => return Ok((reserved, Store::Shared)),
                // Once it is left alone, that was said; a line for each request would drown the log.
                Err(ControlFault::LeftAlone) => {}
                // Only an outage is bridged: a control plane that answers, and refuses, is obeyed.
                Err(fault) if !fault.may_pass() => return Err(refused(&fault)),
                Err(fault) => eprintln!("limits run degraded: {fault}"),
            }
        }
        let mut local = self.local.borrow_mut();
        // Nobody else keeps the instance's books.
        local.tick(clock::now());
        Ok((local.reserve(clock::now(), ask), Store::Local))
    }
}

async fn instance() -> Result<Rc<Instance>, GatewayError> {
    if let Some(instance) = INSTANCE.with(|cell| cell.get().cloned()) {
        return Ok(instance);
    }
    let config = settings::config().await?;
    let control = match &config.control {
        Some(control) => Some(ControlPlane::new(control, &*settings::secret(&control.secret).await?)?),
        None => None,
    };
    // Small, since it lives in the memory of an instance among many.
    let bounds = QuotaBounds { counters: 10_000, reservations: 5_000, remembered: 4_096, ..QuotaBounds::default() };
    let local = RefCell::new(Quota::new(&config.limits, bounds));
    let instance = Rc::new(Instance { config, local, control });
    // Two requests may have come at once; the first one's work stays.
    Ok(INSTANCE.with(|cell| cell.get_or_init(|| instance).clone()))
}

/// In which dialect the caller is answered, and what it asks for.
fn asked(incoming: &Incoming) -> (Dialect, Option<Endpoint>) {
    let anthropic = incoming.headers.contains_key("anthropic-version");
    let view = RequestView::parse(&incoming.method, &incoming.target, anthropic);
    view.map_or_else(|(dialect, _)| (dialect, None), |view| (view.dialect, Some(view.endpoint)))
}

fn refused(fault: &ControlFault) -> GatewayError {
    eprintln!("nothing is let through: {fault}");
    GatewayError::new(
        ErrorKind::Misconfigured,
        "the gateway is misconfigured; its operator finds the reason in its log",
    )
}

fn out_of_place(fault: &weir_core::header::InternalHeaderError) -> GatewayError {
    eprintln!("misconfigured: {fault}");
    GatewayError::new(
        ErrorKind::Misconfigured,
        "the gateway is misconfigured; its operator finds the reason in its log",
    )
}
