//! One call that a guest makes, from its request to the head of the response.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};
use weir_serve::{BoxError, ClientError};

use super::body::LegBody;
use super::destination::{Destinations, Purpose};
use super::error::{Late, of_client};
use crate::call::{Call, Leg};
use crate::stats::{EdgeStats, up};

/// What an instance's calls go through.
pub(crate) struct Hooks {
    pub(crate) destinations: Arc<Destinations>,
    pub(crate) stats: Arc<EdgeStats>,
    /// The request that the next call belongs to: set by [`attribution`](super::attribution) right before it.
    pub(crate) caller: Option<Arc<Call>>,
}

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answer = (http::Response<WasiBody>, Io);

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _consumed: Io,
    ) -> Box<dyn Future<Output = Result<Answer, Error>> + Send> {
        let caller = self.caller.take();
        let (destinations, stats) = (self.destinations.clone(), self.stats.clone());
        Box::new(exchange(destinations, stats, caller, request, options.unwrap_or_default()))
    }
}

async fn exchange(
    destinations: Arc<Destinations>,
    stats: Arc<EdgeStats>,
    caller: Option<Arc<Call>>,
    request: http::Request<WasiBody>,
    options: RequestOptions,
) -> Result<Answer, Error> {
    up(&stats.outbound);
    let Some(destination) = destinations.find(request.uri()) else {
        up(&stats.outbound_denied);
        return Err(Error::HttpRequestDenied);
    };
    let grpc = request.headers().get(CONTENT_TYPE).is_some_and(|value| weir_core::grpc::is_grpc(value.as_bytes()));
    let client = destinations.client(destination, options.connect_timeout, grpc);
    let request = request.map(|body| body.map_err(BoxError::from).boxed_unsync());
    let sending = within(options.first_byte_timeout, client.send(request));

    let (response, body) = match leg_of(destination.purpose, caller.as_deref(), &stats)? {
        Some(leg) => {
            let cancelled = |cut: crate::call::WasCut| {
                up(&stats.outbound_cancelled);
                Error::from(cut)
            };
            let (parts, body) = leg.run(sending).await.map_err(cancelled)??.into_parts();
            leg.begin_body(body).map_err(cancelled)?;
            (parts, LegBody::shared(leg, options.between_bytes_timeout))
        }
        None => {
            let (parts, body) = sending.await?.into_parts();
            (parts, LegBody::own(body, options.between_bytes_timeout))
        }
    };
    // The client's own tasks drive the connection, so there is nothing left to drive here.
    Ok((http::Response::from_parts(response, body.boxed_unsync()), Box::new(std::future::ready(Ok(())))))
}

/// The leg by which the host can end the call; none for those that nobody but the guest ends.
fn leg_of(purpose: Purpose, caller: Option<&Call>, stats: &EdgeStats) -> Result<Option<Arc<Leg>>, Error> {
    match (purpose, caller) {
        (Purpose::Control, _) => Ok(None),
        (Purpose::Backend, None) => {
            up(&stats.outbound_unattributed);
            Ok(None)
        }
        (Purpose::Backend, Some(call)) => call.open_leg().map(Some).map_err(|cut| {
            up(&stats.outbound_cancelled);
            Error::InternalError(Some(cut.reason().to_owned()))
        }),
    }
}

/// The head of the response, unless it takes longer than `limit`.
async fn within(
    limit: Option<Duration>,
    sending: impl Future<Output = Result<http::Response<weir_serve::Body>, ClientError>>,
) -> Result<http::Response<weir_serve::Body>, Error> {
    let sent = match limit {
        None => sending.await,
        Some(limit) => match tokio::time::timeout(limit, sending).await {
            Ok(sent) => sent,
            Err(_) => return Err(Late::FirstByte(limit).into()),
        },
    };
    sent.map_err(|error| of_client(&error))
}
