//! From a signed request to what it asks for: the method, the message, the model; in this order.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Version};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};
use weir_core::grpc::{Deframer, Fault, Message, Name, TIMEOUT, framed, read_timeout};
use weir_core::signing::Claims;
use weir_core::{Endpoint, ErrorKind, GatewayError, Principal, RequestView, Rpc};
use weir_serve::Body;

use super::upload::Upload;
use super::{Plane, health, is_grpc};
use crate::admit::{authorize, deadline, unreadable};
use crate::directory::Entry;
use crate::protocol::named::known;
use crate::protocol::speaks;
use crate::read::{ReadError, read};
use crate::tally::Tally;
use crate::verify::{Signed, unsigned};

/// What a call asks for.
pub(super) enum Asked {
    /// Something that is known here: the message of the answer.
    Here(Vec<u8>),
    /// To be told of the health of a model, or of all, whenever it changes.
    Watch(Option<String>),
    /// An answer of a model server.
    Call(Box<Call>),
}

/// A call that goes to a model server.
pub(super) struct Call {
    pub(super) rpc: Rpc,
    pub(super) headers: HeaderMap,
    pub(super) model: Arc<Entry>,
    /// The first message with its prefix, and for all but streams the only one.
    pub(super) message: Bytes,
    /// The model's name, as the message has it.
    pub(super) name: Name,
    /// What follows the first message of a stream.
    pub(super) upload: Option<Arc<Upload>>,
    /// When the answer must have begun.
    pub(super) begun_by: Instant,
    /// When it must have ended: the caller's `grpc-timeout`.
    pub(super) ended_by: Option<Instant>,
}

/// Everything before the first byte goes to a model server. Of the body nothing is looked at before its digest is right.
pub(super) async fn admit(plane: &Plane<'_>, signed: Signed, tally: &mut Tally) -> Result<Asked, GatewayError> {
    let Signed { head, body, claims, principal } = signed;
    let (rpc, view) = method(&head)?;
    let ended_by = ended_by(&head.headers)?;
    let begun_by = deadline(&head.headers, plane.options)?;
    let begun_by = ended_by.map_or(begun_by, |end| end.min(begun_by));
    if rpc == Rpc::ModelStreamInfer {
        let call = streamed(plane, (head, view), body, claims, &principal, (begun_by, ended_by), tally).await?;
        return Ok(Asked::Call(Box::new(call)));
    }
    let body = read_whole(body, plane.options.limits.body_bytes, begun_by).await?;
    claims.check_body(&body).map_err(|why| unsigned(&why, tally))?;
    let message = Message::only(&body, plane.options.limits.body_bytes)?;
    let name = message.name(plane.options.limits.model_bytes);
    let model = match rpc {
        Rpc::ServerLive | Rpc::ServerReady | Rpc::ServerMetadata => return Ok(Asked::Here(health::server(rpc, plane))),
        Rpc::HealthCheck | Rpc::HealthWatch => return of_health(rpc, name?, plane, &head.headers, &principal),
        _ => name?.ok_or_else(unnamed)?,
    };
    let entry = find(plane, &head.headers, &view, &principal, &model)?;
    tally.model(&entry, &view.endpoint);
    if rpc == Rpc::ModelReady && !plane.forwarder.pool.is_hopeful(&entry) {
        return Ok(Asked::Here(health::not_ready()));
    }
    let (model, name, headers) = (entry, model, head.headers);
    Ok(Asked::Call(Box::new(Call { rpc, headers, model, message: body, name, upload: None, begun_by, ended_by })))
}

/// A call in which the caller goes on to send messages: the first one says what it is about.
async fn streamed(
    plane: &Plane<'_>,
    (head, view): (Parts, RequestView),
    mut body: Body,
    claims: Claims,
    principal: &Principal,
    (begun_by, ended_by): (Instant, Option<Instant>),
    tally: &mut Tally,
) -> Result<Call, GatewayError> {
    let mut deframer = Deframer::new(plane.options.grpc.message_bytes);
    let message = timeout_at(begun_by, first_message(&mut body, &mut deframer)).await.map_err(|_| too_slow())??;
    claims.check_first_message(&message).map_err(|why| unsigned(&why, tally))?;
    let limit = plane.options.limits.model_bytes;
    let name = Message::only(&message, usize::MAX)?.name(limit)?.ok_or_else(unnamed)?;
    let model = find(plane, &head.headers, &view, principal, &name)?;
    tally.model(&model, &view.endpoint);
    let upload = Some(Upload::new(body, deframer, name.text(), limit));
    let (rpc, headers) = (Rpc::ModelStreamInfer, head.headers);
    Ok(Call { rpc, headers, model, message, name, upload, begun_by, ended_by })
}

async fn first_message(body: &mut Body, deframer: &mut Deframer) -> Result<Bytes, GatewayError> {
    loop {
        if let Some(message) = deframer.message()? {
            return Ok(framed(message.bytes()).into());
        }
        let Some(frame) = body.frame().await else {
            let fault = if deframer.is_between() { Fault::NoMessage } else { Fault::Cut };
            return Err(fault.into());
        };
        if let Ok(piece) = frame.map_err(|e| unreadable(ReadError::Broken(e)))?.into_data() {
            deframer.feed(&piece);
        }
    }
}

async fn read_whole(body: Body, limit: usize, until: Instant) -> Result<Bytes, GatewayError> {
    timeout_at(until, read(body, limit)).await.map_err(|_| too_slow())?.map_err(unreadable)
}

/// The method that the head names.
fn method(head: &Parts) -> Result<(Rpc, RequestView), GatewayError> {
    if head.version != Version::HTTP_2 {
        return Err(GatewayError::new(ErrorKind::InvalidRequest, "gRPC needs HTTP/2"));
    }
    if !is_grpc(&head.headers) {
        let message = "gRPC is asked for with `content-type: application/grpc`";
        return Err(GatewayError::new(ErrorKind::UnsupportedEncoding, message));
    }
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let view = RequestView::parse(&head.method, target, false).map_err(|(_, error)| error)?;
    match view.endpoint {
        Endpoint::Grpc(rpc) => Ok((rpc, view)),
        _ => Err(GatewayError::new(ErrorKind::PathNotFound, "there is no such method of gRPC")),
    }
}

/// The model that the caller named, where it may use it.
fn find(
    plane: &Plane<'_>,
    headers: &HeaderMap,
    view: &RequestView,
    principal: &Principal,
    name: &Name,
) -> Result<Arc<Entry>, GatewayError> {
    authorize(headers, principal, name.text())?;
    let entry = known(plane.directory, name.text())?.clone();
    speaks::check(entry.protocols, view)?;
    Ok(entry)
}

fn of_health(
    rpc: Rpc,
    name: Option<Name>,
    plane: &Plane<'_>,
    headers: &HeaderMap,
    principal: &Principal,
) -> Result<Asked, GatewayError> {
    let model = match name {
        Some(name) if name.text() != Rpc::SERVICE => {
            // Where tier one has renamed the model, its plan says so; it has none for what is asked without it.
            authorize(headers, principal, name.text())
                .or_else(|refused| if principal.allows(name.text()) { Ok(String::new()) } else { Err(refused) })?;
            Some(name.text().to_owned())
        }
        _ => None,
    };
    if rpc == Rpc::HealthWatch {
        return Ok(Asked::Watch(model));
    }
    health::check(model.as_deref(), plane.look.as_ref()).map(Asked::Here)
}

fn ended_by(headers: &HeaderMap) -> Result<Option<Instant>, GatewayError> {
    let Some(value) = headers.get(TIMEOUT) else { return Ok(None) };
    let left = read_timeout(value.as_bytes())
        .ok_or_else(|| GatewayError::new(ErrorKind::InvalidRequest, "grpc-timeout cannot be read"))?;
    // One that is too far away to be counted is none.
    Ok(Instant::now().checked_add(left))
}

fn unnamed() -> GatewayError {
    GatewayError::new(ErrorKind::InvalidRequest, "the message names no model")
}

fn too_slow() -> GatewayError {
    GatewayError::new(ErrorKind::ClientTimeout, "the request came too slowly")
}
