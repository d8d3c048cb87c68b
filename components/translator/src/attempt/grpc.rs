//! What comes back of a call over gRPC: a head, messages that pass as they are, and a status at the end.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use weir_core::grpc::{self, Code, Deframer, PUSHBACK, Status};
use weir_core::usage::Failure;
use weir_core::{Ending, Millis, Tokens, Usage, header};

use crate::stream::estimated_tokens;

/// What of an answer's head and end the client gets; a tier two has seen to it already that there is nothing else.
const FIELDS: [&str; 5] = ["grpc-encoding", grpc::STATUS, grpc::MESSAGE, grpc::STATUS_DETAILS, grpc::PUSHBACK];

/// Messages that are longer are not looked at for their text.
const LONGEST_READ: usize = 1024 * 1024;

/// Whether an answer's head is of gRPC.
#[must_use]
pub fn is_answer(status: u16, headers: &HeaderMap) -> bool {
    status == 200 && headers.get(CONTENT_TYPE).is_some_and(|value| grpc::is_grpc(value.as_bytes()))
}

/// The head of the answer to the client.
#[must_use]
pub fn answer_head(from: &HeaderMap) -> HeaderMap {
    let mut headers = for_the_client(from);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    if let Some(id) = from.get(header::REQUEST_ID) {
        headers.insert("x-upstream-request-id", id.clone());
    }
    headers
}

/// The end of the answer: what the trailers say, or, where they say nothing, that it broke off.
#[must_use]
pub fn end(trailers: Option<&HeaderMap>) -> (HeaderMap, Ending) {
    match trailers.and_then(|trailers| Some((trailers, Code::read(trailers)?))) {
        Some((trailers, code)) => (for_the_client(trailers), ending(code)),
        None => (broken_off("the backend broke off in the middle of its answer"), Ending::Truncated),
    }
}

/// The end of an answer that does not go on, in words of ours.
#[must_use]
pub fn broken_off(why: &str) -> HeaderMap {
    Status::new(Code::Unavailable, why).fields()
}

/// An answer that is but a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alone {
    /// Its head.
    pub headers: HeaderMap,
    /// Whether it is a failure after which another candidate may be tried.
    pub failure: Option<Failure>,
    /// How the attempt ended.
    pub ending: Ending,
}

/// Reads a head that holds a status, and so is all of its answer; `None` where messages follow.
#[must_use]
pub fn alone(from: &HeaderMap) -> Option<Alone> {
    let code = Code::read(from)?;
    // What one server cannot take now, another may; and where the cluster has no room, it says so.
    let retry = code == Code::Unavailable || from.contains_key(header::SPILL);
    let after = from.get(PUSHBACK).and_then(|value| value.to_str().ok()?.parse().ok()).map(Millis);
    let failure = retry.then_some(Failure { retry, retry_after: after });
    Some(Alone { headers: answer_head(from), failure, ending: ending(code) })
}

fn ending(code: Code) -> Ending {
    match code.http_status() {
        200 => Ending::Complete,
        400..=499 => Ending::Refused,
        _ => Ending::Failed,
    }
}

fn for_the_client(from: &HeaderMap) -> HeaderMap {
    let known = FIELDS.iter().filter_map(|name| Some((HeaderName::from_static(name), from.get(*name)?.clone())));
    known.collect()
}

/// Looks on while messages pass, for what they used: the text in them, estimated, since no server reports usage.
#[derive(Debug)]
pub struct Tap {
    deframer: Option<Deframer>,
    /// Whether it is the answer of a call that goes on, whose messages may have the responses in them.
    goes_on: bool,
    bytes: usize,
}

impl Tap {
    /// For the answer of a call that goes on, or of another.
    #[must_use]
    pub fn new(goes_on: bool) -> Self {
        Self { deframer: Some(Deframer::new(LONGEST_READ)), goes_on, bytes: 0 }
    }

    /// A piece of the answer passes.
    pub fn pass(&mut self, piece: &[u8]) {
        let Some(deframer) = &mut self.deframer else { return };
        deframer.feed(piece);
        loop {
            match deframer.message() {
                Ok(Some(message)) => {
                    let wrapped = if self.goes_on { grpc::streamed_texts(message.bytes()) } else { Vec::new() };
                    let texts = grpc::answered_texts(message.bytes()).into_iter().chain(wrapped);
                    self.bytes += texts.map(<[u8]>::len).sum::<usize>();
                }
                Ok(None) => return,
                // Compressed, or too long: how much text it is stays unknown.
                Err(_) => {
                    self.deframer = None;
                    return;
                }
            }
        }
    }

    /// What the answer used so far, for a prompt of `input`.
    #[must_use]
    pub fn usage(&self, input: Tokens) -> Usage {
        Usage { input, output: estimated_tokens(self.bytes), estimated: true, ..Usage::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_status_alone_says_whether_another_may_be_tried() {
        let read = |list: &[(&'static str, &'static str)]| alone(&fields(list));
        assert_eq!(read(&[("content-type", "application/grpc")]), None);
        let gone = read(&[("grpc-status", "14"), ("grpc-retry-pushback-ms", "1500")]).unwrap();
        assert_eq!(gone.failure, Some(Failure { retry: true, retry_after: Some(Millis(1500)) }));
        assert_eq!(gone.ending, Ending::Failed);
        assert!(read(&[("grpc-status", "8"), ("x-weir-spill", "saturated")]).unwrap().failure.is_some());
        let wrong = read(&[("grpc-status", "3"), ("grpc-message", "no"), ("x-weir-usage", "{}")]).unwrap();
        assert_eq!((wrong.failure, wrong.ending), (None, Ending::Refused));
        let expected = fields(&[("content-type", "application/grpc"), ("grpc-status", "3"), ("grpc-message", "no")]);
        assert_eq!(wrong.headers, expected);
    }

    #[test]
    fn an_answer_without_a_status_at_its_end_broke_off() {
        let (trailers, ending) = end(Some(&fields(&[("grpc-status", "0"), ("x-weir-usage", "{}"), ("x-own", "1")])));
        assert_eq!((trailers, ending), (fields(&[("grpc-status", "0")]), Ending::Complete));
        for none in [None, Some(fields(&[("x-own", "1")]))] {
            let (trailers, ending) = end(none.as_ref());
            assert_eq!((trailers["grpc-status"].as_bytes(), ending), (&b"14"[..], Ending::Truncated));
        }
    }

    #[test]
    fn text_in_an_answer_is_counted_however_it_is_cut() {
        // One output of BYTES with the text `12345678`.
        let message = grpc::framed(b"\x0a\x01m\x2a\x13\x12\x05BYTES\x2a\x0a\x42\x0812345678");
        for length in 1..message.len() {
            let mut tap = Tap::new(false);
            [&message[..], &message].concat().chunks(length).for_each(|piece| tap.pass(piece));
            assert_eq!(tap.usage(Tokens(5)).total(), Tokens(9), "{length}");
        }
        let wrapped = [&b"\x12\x18"[..], &message[grpc::PREFIX..]].concat();
        for (goes_on, output) in [(true, Tokens(2)), (false, Tokens(0))] {
            let mut tap = Tap::new(goes_on);
            tap.pass(&grpc::framed(&wrapped));
            assert_eq!(tap.usage(Tokens(5)).output, output);
        }
        let mut tap = Tap::new(false);
        tap.pass(b"\x01\0\0\0\x01a");
        tap.pass(&message);
        assert_eq!(tap.usage(Tokens(5)).output, Tokens(0));
    }
}
