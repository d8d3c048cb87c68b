//! The messages of a stream on their way to a model server, each looked at.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use tokio::time::Instant;
use weir_core::GatewayError;
use weir_core::grpc::{Deframer, Fault};
use weir_serve::{Body, BoxError};

use crate::admit::unreadable;
use crate::read::ReadError;

/// What a caller goes on to send. It outlives the attempt that reads it, so that one which reached no server takes nothing
/// from the next.
pub(super) struct Upload(Mutex<State>);

struct State {
    client: Body,
    deframer: Deframer,
    /// The model that every message must name.
    asked: String,
    /// How long a name may be.
    name_limit: usize,
    /// Whether anything but the first message was read.
    begun: bool,
    /// When the last message came.
    last: Instant,
    fault: Option<GatewayError>,
    /// Who must know of a fault: the answer's side.
    told: Option<Waker>,
}

/// The stream was ended from this side; the answer's side says why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(GatewayError);

impl Upload {
    pub(super) fn new(client: Body, deframer: Deframer, asked: &str, name_limit: usize) -> Arc<Self> {
        let (asked, last) = (asked.to_owned(), Instant::now());
        let (begun, fault, told) = (false, None, None);
        Arc::new(Self(Mutex::new(State { client, deframer, asked, name_limit, begun, last, fault, told })))
    }

    /// The body of one attempt: the first message, then what the caller sends; under the name by which the server knows
    /// the model.
    pub(super) fn body(self: &Arc<Self>, first: Bytes, served_as: &str) -> Body {
        Sending { upload: self.clone(), first: Some(first), served_as: served_as.to_owned() }.boxed_unsync()
    }

    /// Whether an attempt has taken more than the first message, so that there can be no other.
    pub(super) fn has_begun(&self) -> bool {
        self.0.lock().begun
    }

    /// When the last message came.
    pub(super) fn last(&self) -> Instant {
        self.0.lock().last
    }

    /// What was wrong with what the caller sent.
    pub(super) fn fault(&self) -> Option<GatewayError> {
        self.0.lock().fault.clone()
    }

    /// The same; where there is nothing wrong yet, `cx` is woken when there is.
    pub(super) fn watch(&self, cx: &Context<'_>) -> Option<GatewayError> {
        let mut state = self.0.lock();
        if state.fault.is_none() && !state.told.as_ref().is_some_and(|told| told.will_wake(cx.waker())) {
            state.told = Some(cx.waker().clone());
        }
        state.fault.clone()
    }
}

impl State {
    /// The next message, with its prefix.
    fn poll_message(&mut self, served_as: &str, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, GatewayError>>> {
        loop {
            match self.deframer.message() {
                Ok(Some(message)) => {
                    self.last = Instant::now();
                    let message = message.following(&self.asked, served_as, self.name_limit);
                    return Poll::Ready(Some(message.map(Into::into)));
                }
                Ok(None) => {}
                Err(fault) => return Poll::Ready(Some(Err(fault.into()))),
            }
            match std::task::ready!(Pin::new(&mut self.client).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    self.begun = true;
                    if let Ok(piece) = frame.into_data() {
                        self.deframer.feed(&piece);
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(unreadable(ReadError::Broken(error))))),
                None if self.deframer.is_between() => return Poll::Ready(None),
                None => return Poll::Ready(Some(Err(Fault::Cut.into()))),
            }
        }
    }
}

struct Sending {
    upload: Arc<Upload>,
    first: Option<Bytes>,
    served_as: String,
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let mut state = self.upload.0.lock();
        if let Some(fault) = &state.fault {
            return Poll::Ready(Some(Err(Box::new(Refused(fault.clone())))));
        }
        match std::task::ready!(state.poll_message(&self.served_as, cx)) {
            Some(Ok(message)) => Poll::Ready(Some(Ok(Frame::data(message)))),
            Some(Err(error)) => {
                state.fault = Some(error.clone());
                let told = state.told.take();
                drop(state);
                if let Some(told) = told {
                    told.wake();
                }
                Poll::Ready(Some(Err(Box::new(Refused(error)))))
            }
            None => Poll::Ready(None),
        }
    }
}
