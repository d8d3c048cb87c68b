//! Conversations and answers that are generated, through every pair of dialects: what the page of the dialects says is
//! kept is kept of each of them, whatever else they hold.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "tests read files; the library does not")]

mod common;

use std::sync::LazyLock;

use proptest::prelude::*;
use weir_core::json::Object;
use weir_core::plan::OnUnsupported;
use weir_core::{Dialect, Ending};
use weir_translator::canonical::{Event, Part, Request, Response, Signature};
use weir_translator::codec::{Asked, backend_side, client_side};
use weir_translator::fuzz::{self, Heard, exchange, pairs};
use weir_translator::stream::{Close, Frames};
use weir_translator::unsupported::Unsupported;

use common::conversation::{request, response};
use common::conveyed::lost;
use common::rows::{self, Cell, answers, requests};
use common::{NOW, call, run, with_target};

/// The rows that the page says are kept between two dialects.
struct Kept {
    client: Dialect,
    backend: Dialect,
    requests: Vec<&'static requests::Row>,
    answers: Vec<&'static answers::Row>,
    streams: Vec<&'static answers::Row>,
}

static KEPT: LazyLock<Vec<Kept>> = LazyLock::new(|| {
    let known = |dialect| client_side(dialect).is_some() && backend_side(dialect).is_some();
    let pairs = pairs().into_iter().filter(|&(client, backend)| client != backend && known(client) && known(backend));
    let kept = |(client, backend)| Kept {
        client,
        backend,
        requests: requests::rows()
            .filter(|row| row.raw.is_none() && rows::request(row, client, backend) == Cell::Kept)
            .collect(),
        answers: answers::ROWS.iter().filter(|row| rows::answer(row, client, backend) == Cell::Kept).collect(),
        streams: answers::ROWS.iter().filter(|row| rows::stream(row, client, backend) == Cell::Kept).collect(),
    };
    pairs.map(kept).collect()
});

/// What one member rules out of another, where that is named: the row, the field, and why.
const COMBINED: &[(&str, &str, &str)] = &[
    ("temperature", "temperature", "Anthropic's models draw at 1 while they think"),
    ("top_p", "top_p", "Anthropic's models take no other than 0.95 to 1 while they think"),
    ("top_k", "top_k", "Anthropic's models take none while they think"),
    ("some tool forced", "tool_choice", "Anthropic's models cannot be forced while they think"),
    ("one tool forced", "tool_choice", "Anthropic's models cannot be forced while they think"),
];

/// A request as a client of a dialect would write it, as far as the dialect can say it.
fn written(request: &Request, client: Dialect) -> Vec<u8> {
    let mut unsupported = Unsupported::new(OnUnsupported::Drop, client, client);
    let encode = backend_side(client).unwrap().encode_request;
    with_target("m", |target| encode(request.clone(), target, &mut unsupported)).unwrap()
}

/// A stream as a backend of a dialect would send it, its words in pieces of `piece` characters.
fn streamed(response: &Response, backend: Dialect, piece: usize) -> Vec<u8> {
    let asked = Asked { include_usage: true, proofs: true, ..Asked::default() };
    let mut sink = (client_side(backend).unwrap().sink)(&asked, NOW);
    let mut frames = Frames::default();
    for event in answers::events(response).into_iter().flat_map(|event| pieces(event, piece)) {
        sink.event(&event, &mut frames);
    }
    sink.end(&mut frames);
    let mut bytes = Vec::new();
    while let Some(frame) = frames.pop() {
        bytes.extend(frame);
    }
    bytes
}

/// An answer whose thoughts its backend vouches for, as far as its family does.
fn proven(response: &Response, backend: Dialect) -> Response {
    let mut response = response.clone();
    let proof = match backend {
        Dialect::AnthropicMessages => "proof",
        Dialect::OpenaiResponses => "rs_1:proof",
        _ => return response,
    };
    for part in response.candidates.iter_mut().flat_map(|candidate| &mut candidate.parts) {
        if let Part::Reasoning(reasoning) = part {
            reasoning.signature = Some(Signature::new(backend, proof));
        }
    }
    response
}

fn pieces(event: Event, piece: usize) -> Vec<Event> {
    let cut = |text: &str| -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        chars.chunks(piece).map(|chunk| chunk.iter().collect()).collect()
    };
    match event {
        Event::Text { candidate, text } => cut(&text).into_iter().map(|text| Event::Text { candidate, text }).collect(),
        Event::Reasoning { candidate, text } => {
            cut(&text).into_iter().map(|text| Event::Reasoning { candidate, text }).collect()
        }
        Event::ToolArguments { candidate, tool, json } => {
            cut(&json).into_iter().map(|json| Event::ToolArguments { candidate, tool, json }).collect()
        }
        other => vec![other],
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_keep_what_both_sides_can_say(request in request()) {
        for Kept { client, backend, requests, .. } in &*KEPT {
            let pair = format!("{} to {}", client.name(), backend.name());
            let body = written(&request, *client);
            let shown = String::from_utf8_lossy(&body);
            let said = (client_side(*client).unwrap().decode_request)(&Object::parse(&body, 64).unwrap()).unwrap();
            let sent = call(*client, *backend, &body, OnUnsupported::Drop);
            prop_assert!(sent.is_ok(), "{pair}: {:?}: {shown}", sent.err());
            let sent = sent.unwrap();
            let out = Object::parse(&sent.upstream.body, 80).unwrap();
            let heard = (client_side(*backend).unwrap().decode_request)(&out);
            let out = String::from_utf8_lossy(&sent.upstream.body);
            prop_assert!(heard.is_ok(), "{pair}: {:?}: {out}", heard.err());
            let heard = heard.unwrap();
            for row in requests {
                let (said, heard) = ((row.read)(&said), (row.read)(&heard));
                let dropped = sent.exchange.dropped();
                if COMBINED.iter().any(|(name, field, _)| *name == row.name && dropped.iter().any(|path| path == field)) {
                    continue;
                }
                let same = rows::nothing(&said) || said == heard;
                prop_assert!(same, "{pair}: {}: {said} is {heard}: {shown} became {out}", row.name);
            }
            // What is refused by name is dropped by name where that is allowed; nothing else changes.
            let dropped = sent.exchange.dropped();
            match call(*client, *backend, &body, OnUnsupported::Reject) {
                Ok(strict) => prop_assert_eq!(strict.upstream.body, sent.upstream.body, "{}", pair),
                Err(error) => {
                    let named = dropped.iter().any(|path| Some(path.as_str()) == error.param());
                    prop_assert!(named, "{pair}: {error}, but {dropped:?}");
                }
            }
        }
    }

    #[test]
    fn answers_keep_what_both_sides_can_say(response in response(), piece in 1usize..9) {
        for Kept { client, backend, answers, streams, .. } in &*KEPT {
            let pair = format!("{} to {}", backend.name(), client.name());
            let asked = Asked { include_usage: true, proofs: true, ..Asked::default() };
            let response = proven(&response, *backend);
            let body = (client_side(*backend).unwrap().encode_response)(&response, &asked, NOW);
            let exchange = exchange(*client, *backend);
            let (out, usage) = exchange.whole(body.clone(), NOW).unwrap();
            let (said, heard) = (Heard::whole(*backend, &body), Heard::whole(*client, &out));
            let shown = || format!("{pair}: {}\nbecame {}", String::from_utf8_lossy(&body), String::from_utf8_lossy(&out));
            prop_assert!(heard.faults.is_empty() && heard.bad_ids().is_empty(), "{:#?} {}", heard.faults, shown());
            let gone = lost(&said, *backend, &heard, *client);
            prop_assert!(gone.is_empty(), "{gone:#?} {}", shown());
            prop_assert_eq!(Some(usage), said.usage, "{}", shown());
            let reader = backend_side(*backend).unwrap();
            let (decoded, again) =
                ((reader.decode_response)(&body).unwrap(), (backend_side(*client).unwrap().decode_response)(&out).unwrap());
            for row in answers {
                let said = (row.read)(&decoded);
                prop_assert!(rows::nothing(&said) || said == (row.read)(&again), "{}: {}", row.name, shown());
            }

            let bytes = streamed(&response, *backend, piece);
            let (out, closed) = run(&mut exchange.machine(NOW), [bytes.as_slice()], Close::End);
            let shown = || format!("{pair}: {}\nbecame {}", String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&out));
            prop_assert_eq!(closed.ending, Ending::Complete, "{:?} {}", closed.error, shown());
            let (said, heard) = (Heard::stream(*backend, &bytes), Heard::stream(*client, &out));
            prop_assert!(said.faults.is_empty(), "{:#?} {}", said.faults, shown());
            prop_assert!(heard.faults.is_empty() && heard.bad_ids().is_empty(), "{:#?} {}", heard.faults, shown());
            let gone = lost(&said, *backend, &heard, *client);
            prop_assert!(gone.is_empty(), "{gone:#?} {}", shown());
            prop_assert_eq!(Some(closed.usage), said.usage, "{}", shown());
            let again = rows::fold(&out, backend_side(*client).unwrap());
            let decoded = rows::fold(&bytes, reader);
            for row in streams {
                let said = (row.read)(&decoded);
                prop_assert!(rows::nothing(&said) || said == (row.read)(&again), "{}: {}", row.name, shown());
            }
        }
    }

    #[test]
    fn streams_keep_the_laws_wherever_they_are_cut(
        response in response(),
        piece in 1usize..9,
        cut in any::<prop::sample::Index>(),
        size in 1usize..40,
    ) {
        for (client, backend) in pairs() {
            if client_side(backend).is_none() {
                continue;
            }
            let bytes = streamed(&proven(&response, backend), backend, piece);
            let cut = cut.index(bytes.len() + 1);
            for how in [Close::End, common::reset(), Close::ClientGone] {
                for bytes in [&bytes[..cut], &bytes] {
                    let broken = fuzz::broken_law(client, backend, bytes, size, &how);
                    prop_assert!(broken.is_none(), "{}", broken.unwrap());
                }
            }
        }
    }
}
