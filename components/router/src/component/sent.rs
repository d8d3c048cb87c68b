//! What a client sent, as its attempts get it.

use weir_core::GatewayError;
use weir_core::grpc::{Deframer, Fault, framed};
use weir_face::inlet::{Carrying, Inlet};
use weir_face::relay::Relay;
use weir_face::request::Incoming;
use weir_face::{Request, Response};

use crate::{Share, head, room};

/// The body of a request.
pub(super) enum Sent {
    /// All of it.
    Whole(Vec<u8>),
    /// Of a call in which the client goes on to send messages the first one, and the body from its beginning, until an
    /// attempt has it.
    First { message: Vec<u8>, body: Option<Inlet> },
}

impl Sent {
    /// Reads the first message of `body`, of up to `limit` bytes, into this request's share of the room.
    pub(super) async fn first(mut body: Inlet, limit: usize, share: &mut Share) -> Result<Self, GatewayError> {
        let (mut deframer, mut piece) = (Deframer::new(limit), Vec::new());
        let message = loop {
            if let Some(message) = deframer.message()? {
                break framed(message.bytes());
            }
            if !body.next(&mut piece).await {
                body.end().await.map_err(|_| head::broken_off())?;
                return Err(if deframer.is_between() { Fault::NoMessage } else { Fault::Cut }.into());
            }
            if !share.grow_to(deframer.held() + piece.len()) {
                return Err(room::no_room());
            }
            deframer.feed(&piece);
        };
        body.put_back([&message, deframer.rest()].concat());
        Ok(Self::First { message, body: Some(body) })
    }

    /// How many attempts there can be, of those that a request may have: what is left of a stream is handed on once.
    pub(super) fn attempts(&self, most: u32) -> u32 {
        match self {
            Self::Whole(_) => most,
            Self::First { .. } => 1,
        }
    }

    /// What is decided by.
    pub(super) fn decisive(&self) -> &[u8] {
        let (Self::Whole(bytes) | Self::First { message: bytes, .. }) = self;
        bytes
    }

    /// The request of an attempt, like `incoming`, and what keeps the rest of its body coming.
    pub(super) fn request(&mut self, incoming: &Incoming, last: bool) -> (Request, Option<Carrying>) {
        match self {
            Self::Whole(body) if last => (incoming.with_body(std::mem::take(body)), None),
            Self::Whole(body) => (incoming.with_body(body.clone()), None),
            Self::First { message, body } => match body.take() {
                Some(body) => {
                    let (request, carrying) = incoming.with_stream(body);
                    (request, Some(carrying))
                }
                None => (incoming.with_body(std::mem::take(message)), None),
            },
        }
    }
}

/// `response`, at whose end nothing more of the request's body is wanted.
pub(super) fn carried_until_its_end(response: Response, carrying: Option<Carrying>) -> Response {
    let Some(carrying) = carrying else { return response };
    Relay::of(response).pass_on_with(move |trailers| {
        drop(carrying);
        std::future::ready(trailers)
    })
}
