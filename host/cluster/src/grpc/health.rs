//! What the gateway says of itself, and gRPC's health protocol
//! (<https://github.com/grpc/grpc/blob/master/doc/health-checking.md>).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Frame;
use http_body_util::BodyExt as _;
use tokio::time::{Interval, MissedTickBehavior};
use weir_core::grpc::{Code, Status, framed, wire};
use weir_core::{ErrorKind, GatewayError, Rpc};
use weir_serve::{Body, BoxError, Ending};

use super::{Plane, answer};
use crate::tally::Tally;

/// The service by whose name its health may be asked.
pub(super) const SERVICE: &str = "inference.GRPCInferenceService";

/// How often a watch looks whether something has changed.
const EVERY: Duration = Duration::from_millis(500);

/// Looks at the state of a model, or of the gateway as a whole.
pub(crate) type Look = dyn Fn(Option<&str>) -> Serving + Send + Sync;

/// Whether calls are taken: the values of `HealthCheckResponse.ServingStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serving {
    /// They are.
    Yes = 1,
    /// They are not.
    No = 2,
    /// There is no such model.
    Unknown = 3,
}

/// What is asked of the server is answered for the gateway: which servers stand behind it differs from model to model.
pub(super) fn server(rpc: Rpc, plane: &Plane<'_>) -> Vec<u8> {
    let mut message = Vec::new();
    match rpc {
        // No extension is named: those that there are concern REST, or what a model's own server has.
        Rpc::ServerMetadata => {
            wire::put_text(&mut message, 1, "weir");
            wire::put_text(&mut message, 2, env!("CARGO_PKG_VERSION"));
        }
        Rpc::ServerReady => wire::put_number(&mut message, 1, u64::from((plane.look)(None) == Serving::Yes)),
        _ => wire::put_number(&mut message, 1, 1),
    }
    message
}

/// `ModelReadyResponse` of a model that no server can be asked about. `false` is not written.
pub(super) fn not_ready() -> Vec<u8> {
    Vec::new()
}

/// The answer to a check.
pub(super) fn check(model: Option<&str>, look: &Look) -> Result<Vec<u8>, GatewayError> {
    match look(model) {
        Serving::Unknown => {
            let name = model.unwrap_or_default();
            Err(GatewayError::new(ErrorKind::ModelNotFound, format!("no model is called `{name}` here")))
        }
        serving => Ok(response(serving)),
    }
}

/// A stream that tells the health now, and again whenever it changes, until the caller leaves.
pub(super) fn watch(model: Option<String>, look: Arc<Look>, tally: Tally) -> Response<Body> {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    answer::head(Watch { model, look, tally, every, told: None, ended: false }.boxed_unsync())
}

fn response(serving: Serving) -> Vec<u8> {
    let mut message = Vec::new();
    wire::put_number(&mut message, 1, serving as u64);
    message
}

struct Watch {
    model: Option<String>,
    look: Arc<Look>,
    tally: Tally,
    every: Interval,
    told: Option<Serving>,
    ended: bool,
}

impl http_body::Body for Watch {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        // The whole gateway stops: nothing better will be told, and the watch would hold the connection.
        if this.told == Some(Serving::No) && this.model.is_none() {
            this.ended = true;
            let status = Status::new(Code::Unavailable, "the gateway is stopping");
            this.tally.grpc(status.code);
            this.tally.ended(Ending::Complete);
            return Poll::Ready(Some(Ok(Frame::trailers(status.fields()))));
        }
        loop {
            std::task::ready!(this.every.poll_tick(cx));
            let now = (this.look)(this.model.as_deref());
            if this.told.replace(now) != Some(now) {
                let piece = framed(&response(now));
                this.tally.passed_bytes(piece.len());
                return Poll::Ready(Some(Ok(Frame::data(piece.into()))));
            }
        }
    }
}
