//! What becomes of a row between two dialects.

use serde_json::Value;
use weir_core::json::Object;
use weir_core::plan::OnUnsupported;
use weir_core::{Dialect, ErrorKind, Limits};
use weir_translator::canonical::{self, Response, Signature};
use weir_translator::codec::{Asked, backend_side, client_side};
use weir_translator::fuzz::least;
use weir_translator::stream::{Close, Frames};
use weir_translator::unsupported::Unsupported;

use super::{answers, requests};
use crate::common::{NOW, call, run, with_target};

/// What becomes of a row between a client's dialect and a backend's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// The side that would say it has no words for it.
    Unsaid,
    /// It arrives as it was said.
    Kept,
    /// It arrives as the next best that the target has.
    Mapped,
    /// Refused by name, or dropped by name where the route says so.
    Refused,
    /// Dropped by name, whatever the route says: an echo.
    Dropped,
    /// It is gone, and nobody was told. No row may have it but those that say so.
    Lost,
}

impl Cell {
    /// The word on the page.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Unsaid => "–",
            Self::Kept => "kept",
            Self::Mapped => "mapped",
            Self::Refused => "refused",
            Self::Dropped => "dropped",
            Self::Lost => "left out",
        }
    }
}

/// What stands for a proof of the backend's family until it is known which that is.
pub(crate) const PROOF: &str = "PROOF";

/// A request as a client of `client` writes it; `None` where the dialect has no words for what the row is about.
pub(crate) fn written(row: &requests::Row, client: Dialect, backend: Dialect) -> Option<Object> {
    let mut request = requests::base();
    (row.put)(&mut request);
    let mut body = match row.raw {
        Some(raw) => raw(client)?,
        None => {
            let mut unsupported = Unsupported::new(OnUnsupported::Reject, client, client);
            let encode = backend_side(client)?.encode_request;
            let body = with_target("m", |target| encode(request, target, &mut unsupported)).ok()?;
            if !unsupported.into_dropped().is_empty() {
                return None;
            }
            String::from_utf8(body).unwrap()
        }
    };
    if row.proof {
        body = proven(&body, client, backend)?;
    }
    let object = Object::parse(body.as_bytes(), 64).unwrap();
    Some(object)
}

/// `body` with a proof of the backend's family in the place of the client's own, as a client would send it back.
fn proven(body: &str, client: Dialect, backend: Dialect) -> Option<String> {
    let value = if backend == Dialect::OpenaiResponses { "rs_1:proof" } else { "proof" };
    let proof = Signature::new(backend, value);
    match client {
        // Its backends make none.
        _ if backend == Dialect::OpenaiChat => None,
        // Chat has its place in the id of a call.
        Dialect::OpenaiChat => Some(body.replace("call_proof", &proof.into_id("call_1", false))),
        Dialect::OpenaiResponses if backend == client => Some(body.replace("rs_1:PROOF", "PROOF")),
        _ => Some(body.replace(PROOF, &proof.written(client, false))),
    }
}

/// What becomes of a request's row.
pub(crate) fn request(row: &requests::Row, client: Dialect, backend: Dialect) -> Cell {
    let Some(body) = written(row, client, backend) else {
        return Cell::Unsaid;
    };
    let Some((decode, reader)) = client_side(client).zip(client_side(backend)) else {
        return Cell::Unsaid;
    };
    let mut original = requests::base();
    (row.put)(&mut original);
    let bytes = body.to_bytes();
    let said = match (decode.decode_request)(&body) {
        Ok(request) => (row.read)(&request),
        // What nobody could serve passes to a backend of the same dialect alone.
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{}: {error}", row.name);
            let passes = client == backend && call(client, backend, &bytes, OnUnsupported::Reject).is_ok();
            return if passes { Cell::Kept } else { Cell::Refused };
        }
    };
    if row.raw.is_none() && (nothing(&said) || said != (row.read)(&original)) {
        return Cell::Unsaid;
    }
    let sent = match call(client, backend, &bytes, OnUnsupported::Reject) {
        Ok(sent) => sent,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{}: {error}", row.name);
            let dropped = call(client, backend, &bytes, OnUnsupported::Drop).map(|sent| sent.exchange.dropped().len());
            assert!(dropped.is_ok_and(|dropped| dropped > 0), "{}: refused, and then not dropped by name", row.name);
            return Cell::Refused;
        }
    };
    if !sent.exchange.dropped().is_empty() {
        return Cell::Dropped;
    }
    if client == backend {
        return Cell::Kept;
    }
    let out = Object::parse(&sent.upstream.body, 80).unwrap();
    let heard = (row.read)(&(reader.decode_request)(&out).unwrap_or_else(|error| panic!("{}: {error}", row.name)));
    arrived(&said, &heard)
}

/// What becomes of an answer's row, where the answer is whole.
pub(crate) fn answer(row: &answers::Row, client: Dialect, backend: Dialect) -> Cell {
    let mut response = answers::base();
    (row.put)(&mut response);
    let asked = asked(backend);
    let Some((writer, reader)) = client_side(backend).zip(backend_side(backend)) else {
        return Cell::Unsaid;
    };
    let body = (writer.encode_response)(&response, &asked, NOW);
    let said = (row.read)(&(reader.decode_response)(&body).unwrap());
    if unsaid(row, backend, &said) {
        return Cell::Unsaid;
    }
    let Some(heard) = backend_side(client) else { return Cell::Unsaid };
    let exchange = exchange(client, backend);
    let (out, _) = exchange.whole(body.clone(), NOW).unwrap();
    if client == backend {
        assert_eq!(out, body, "{}", row.name);
        return Cell::Kept;
    }
    let heard = (row.read)(&(heard.decode_response)(&out).unwrap());
    arrived(&said, &heard)
}

/// The same for a stream.
pub(crate) fn stream(row: &answers::Row, client: Dialect, backend: Dialect) -> Cell {
    let mut response = answers::base();
    (row.put)(&mut response);
    let Some((writer, reader)) = client_side(backend).zip(backend_side(backend)) else {
        return Cell::Unsaid;
    };
    let asked = asked(backend);
    let mut sink = (writer.sink)(&asked, NOW);
    let mut frames = Frames::default();
    for event in answers::events(&response) {
        sink.event(&event, &mut frames);
    }
    sink.end(&mut frames);
    let mut bytes = Vec::new();
    while let Some(frame) = frames.pop() {
        bytes.extend(frame);
    }
    let said = (row.read)(&fold(&bytes, reader));
    if unsaid(row, backend, &said) {
        return Cell::Unsaid;
    }
    let Some(heard) = backend_side(client) else { return Cell::Unsaid };
    let (out, closed) = run(&mut exchange(client, backend).machine(NOW), [bytes.as_slice()], Close::End);
    assert_eq!(closed.ending, weir_core::Ending::Complete, "{}: {:?}", row.name, closed.error);
    if client == backend {
        assert_eq!(out, bytes, "{}", row.name);
        return Cell::Kept;
    }
    arrived(&said, &(row.read)(&fold(&out, heard)))
}

/// A stream read by its dialect's own decoder, and put together again.
pub(crate) fn fold(bytes: &[u8], reader: weir_translator::codec::BackendSide) -> Response {
    let mut source = (reader.source)();
    let mut events: Vec<canonical::Event> = Vec::new();
    let mut decoder = weir_core::sse::Decoder::new(&Limits::default());
    let fed = decoder.feed(bytes, |item| {
        if let weir_core::sse::Item::Event(event) = item {
            let _ = source.event(&event, &mut events);
        }
    });
    fed.unwrap();
    answers::folded(&events)
}

/// What a backend was asked, so that it says all that it may.
fn asked(backend: Dialect) -> Asked {
    let body = Object::parse(least(backend).to_string().as_bytes(), 64).unwrap();
    let echo = client_side(backend).map(|side| (side.echo)(&body)).unwrap_or_default();
    Asked { include_usage: true, proofs: true, echo }
}

fn exchange(client: Dialect, backend: Dialect) -> weir_translator::attempt::Exchange {
    let body = least(client).to_string();
    call(client, backend, body.as_bytes(), OnUnsupported::Reject).unwrap().exchange
}

/// Whether a backend's dialect has no words for what the row is about: nothing is there, or what is always there.
fn unsaid(row: &answers::Row, backend: Dialect, said: &Value) -> bool {
    let mut response = answers::base();
    let usual = (row.read)(&response);
    (row.put)(&mut response);
    let never = answers::NEVER.iter().any(|(name, dialect, _)| (*name, *dialect) == (row.name, backend));
    let put = (row.read)(&response);
    // Another word than the row's is what the dialect has in its place, and has a row of its own.
    never || nothing(said) || *said != put || (*said == usual && put != usual)
}

fn arrived(said: &Value, heard: &Value) -> Cell {
    match () {
        () if said == heard => Cell::Kept,
        () if nothing(heard) => Cell::Lost,
        () => Cell::Mapped,
    }
}

/// Whether a row reads as if nothing were there.
pub(crate) fn nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(list) => list.iter().all(nothing),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}
