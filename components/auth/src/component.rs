//! The face towards WASI: carries heads and handles, decides nothing.

use std::cell::OnceCell;
use std::rc::Rc;

use weir_core::config::Runtime;
use weir_core::{Config, Dialect, GatewayError, RequestId, RequestView};
use weir_face::relay::Relay;
use weir_face::request::Incoming;
use weir_face::{ErrorCode, Request, Response, answer, clock, leave, random, settings};

use crate::{Answer, Arrival, Auth, Decision, Pass};

/// What an instance keeps: nothing that one caller could see of another.
struct Instance {
    auth: Auth,
    /// Whether a router further in makes the response fit for the client.
    cleaned_further_in: bool,
    runtime: Runtime,
}

thread_local! {
    static INSTANCE: OnceCell<Rc<Instance>> = const { OnceCell::new() };
}

#[cfg(feature = "component")]
weir_face::export_middleware!(handle);

/// Authenticates a request, and hands it on to the next part in.
///
/// # Errors
/// What the next part failed with, where it gave no answer.
pub async fn handle(
    request: Request,
    next: impl AsyncFn(Request) -> Result<Response, ErrorCode>,
) -> Result<Response, ErrorCode> {
    let mut incoming = Incoming::take(request);
    let instance = match instance().await {
        Ok(instance) => instance,
        Err(error) => return Ok(misconfigured(&incoming, &error)),
    };
    let arrival = Arrival {
        method: incoming.method.clone(),
        target: std::mem::take(&mut incoming.target),
        authority: incoming.authority.clone(),
        headers: std::mem::take(&mut incoming.headers),
    };
    match instance.auth.decide(arrival, clock::now(), random::bytes()) {
        Decision::Answer(Answer { status, headers, body }) => Ok(answer::whole(status, headers, body)),
        Decision::Pass(pass) => {
            let Pass { request, view, headers, .. } = *pass;
            incoming.target = view.path_and_query();
            incoming.headers = headers;
            let sent = (!instance.cleaned_further_in).then(|| incoming.headers.clone());
            let response = next(incoming.pass_on()).await?;
            Ok(match sent {
                Some(sent) => leave::to_client(Relay::of(response), request, instance.runtime, &sent),
                None => response,
            })
        }
    }
}

async fn instance() -> Result<Rc<Instance>, GatewayError> {
    if let Some(instance) = INSTANCE.with(|cell| cell.get().cloned()) {
        return Ok(instance);
    }
    let config = settings::config().await?;
    let (cleaned_further_in, runtime) = (has_router(&config), config.runtime);
    let instance = Rc::new(Instance { auth: Auth::new(&config), cleaned_further_in, runtime });
    // Two requests may have come at once; the first one's work stays.
    Ok(INSTANCE.with(|cell| cell.get_or_init(|| instance).clone()))
}

/// Parts are named in the chain, or given as the path of their file.
fn has_router(config: &Config) -> bool {
    config.chain.iter().any(|part| {
        let file = part.rsplit('/').next().unwrap_or(part);
        file.strip_suffix(".wasm").unwrap_or(file) == "router"
    })
}

fn misconfigured(incoming: &Incoming, error: &GatewayError) -> Response {
    let anthropic = incoming.headers.contains_key("anthropic-version");
    let view = RequestView::parse(&incoming.method, &incoming.target, anthropic);
    let dialect: Dialect = view.map_or_else(|(dialect, _)| dialect, |view| view.dialect);
    answer::error(dialect, error, Some(RequestId::new(clock::now(), random::bytes())))
}
