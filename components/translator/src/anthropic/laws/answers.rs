//! Answers and streams: written for a client, read from a backend.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use weir_core::sse::{Decoder as Sse, Item};
use weir_core::{Dialect, Limits, Tokens, UnixMillis, Usage};

use crate::anthropic::{Decoder, Encoder, decode_response, encode_response};
use crate::canonical::{
    Candidate, Citation, Event, Finish, Foreign, Part, Reasoning, Response, ServiceTier, Signature, Text, ToolCall,
};
use crate::codec::Asked;
use crate::stream::{Frames, Sink, Source, Step};

fn words() -> impl Strategy<Value = String> {
    "[a-z\"\\\\\u{e9}\u{1F600} \n]{1,12}"
}

fn text() -> impl Strategy<Value = Part> {
    let citation = (words(), option::of(words()), words()).prop_map(|(url, title, cited)| Citation {
        url: Some(url),
        title,
        cited_text: Some(cited),
        range: None,
    });
    (words(), vec(citation, 0..2)).prop_map(|(text, citations)| Part::Text(Text { text, citations, ..Text::default() }))
}

fn thought() -> impl Strategy<Value = Part> {
    (words(), words(), any::<bool>()).prop_map(|(text, proof, redacted)| {
        let text = if redacted { String::new() } else { text };
        let signature = Some(Signature::new(Dialect::AnthropicMessages, proof));
        Part::Reasoning(Reasoning { text, signature, redacted, ..Reasoning::default() })
    })
}

fn call() -> impl Strategy<Value = Part> {
    ("[a-zA-Z0-9_-]{1,8}", words()).prop_map(|(id, argument)| {
        let arguments = serde_json::json!({ "a": argument }).to_string();
        Part::ToolCall(ToolCall { id, name: "f".to_owned(), arguments, ..ToolCall::default() })
    })
}

fn foreign() -> impl Strategy<Value = Part> {
    words().prop_map(|id| {
        let value =
            serde_json::json!({"type": "server_tool_use", "id": id, "name": "web_search", "input": {"query": "q"}});
        let kind = "server_tool_use".to_owned();
        Part::Foreign(Foreign { family: Dialect::AnthropicMessages, kind, value, at: String::new() })
    })
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    vec(prop_oneof![3 => text(), 1 => thought(), 2 => call(), 1 => foreign()], 0..6)
}

fn finish(parts: &[Part], sequence: Option<String>) -> Finish {
    match sequence {
        Some(sequence) => Finish::StopSequence(Some(sequence)),
        None if parts.iter().any(|part| matches!(part, Part::ToolCall(_))) => Finish::ToolCalls,
        None => Finish::Stop,
    }
}

fn usage() -> impl Strategy<Value = Usage> {
    (0u64..100, 0u64..100, 0u64..100, 0u64..100, 0u64..100).prop_map(|(input, output, read, write, reasoning)| Usage {
        input: Tokens(input + read + write),
        output: Tokens(output),
        cache_read: Tokens(read),
        cache_write: Tokens(write),
        reasoning: Tokens(reasoning),
        estimated: false,
    })
}

/// The events of a stream that says this, its words in pieces of `piece` characters. Where `mixed`, calls in a row come
/// in between each other.
fn events(response: &Response, piece: usize, mixed: bool) -> Vec<Event> {
    let pieces = |text: &str| -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        chars.chunks(piece).map(|piece| piece.iter().collect()).collect()
    };
    let candidate = 0;
    let mut tool = 0;
    let mut events = vec![Event::Start { id: response.id.clone(), model: response.model.clone() }];
    // The ends of calls that others are to begin before.
    let mut late: Vec<Event> = Vec::new();
    for part in &response.candidates[0].parts {
        if !matches!(part, Part::ToolCall(_)) {
            events.append(&mut late);
        }
        match part {
            Part::Text(text) => {
                events.extend(pieces(&text.text).into_iter().map(|text| Event::Text { candidate, text }));
                events.extend(text.citations.iter().cloned().map(|citation| Event::Citation { candidate, citation }));
                events.push(Event::PartEnd { candidate });
            }
            Part::Reasoning(thought) => {
                events.extend(pieces(&thought.text).into_iter().map(|text| Event::Reasoning { candidate, text }));
                let signature = thought.signature.clone().unwrap();
                events.push(Event::ReasoningSignature { candidate, signature, redacted: thought.redacted });
                events.push(Event::PartEnd { candidate });
            }
            Part::ToolCall(call) => {
                let (id, name) = (call.id.clone(), call.name.clone());
                events.push(Event::ToolStart { candidate, tool, id, name, custom: false });
                let arguments =
                    pieces(&call.arguments).into_iter().map(|json| Event::ToolArguments { candidate, tool, json });
                late.extend(arguments);
                late.push(Event::ToolEnd { candidate, tool });
                if !mixed {
                    events.append(&mut late);
                }
                tool += 1;
            }
            Part::Foreign(foreign) => events.push(Event::Foreign { candidate, foreign: foreign.clone() }),
            _ => unreachable!(),
        }
    }
    events.append(&mut late);
    events.push(Event::Finish { candidate, reason: response.candidates[0].finish.clone() });
    events.push(Event::Usage(response.usage));
    events
}

/// The frames that a client gets.
fn streamed(events: &[Event]) -> Vec<u8> {
    let mut encoder = Encoder::new(&Asked::default(), UnixMillis(0));
    let mut frames = Frames::default();
    for event in events {
        encoder.event(event, &mut frames);
    }
    encoder.end(&mut frames);
    let mut out = Vec::new();
    while let Some(frame) = frames.pop() {
        out.extend(frame);
    }
    out
}

/// What a stream says, as a whole answer.
fn heard(stream: &[u8]) -> Response {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    let mut ended = false;
    let note = |item: Item<'_>| {
        if let Item::Event(event) = item {
            match decoder.event(&event, &mut events) {
                Step::More => assert!(!ended),
                Step::End => ended = true,
                Step::Failed(error) => panic!("{error}"),
            }
        }
    };
    Sse::new(&Limits::default()).feed(stream, note).unwrap();
    assert!(ended);
    folded(events)
}

fn folded(events: Vec<Event>) -> Response {
    let mut response = Response::default();
    let mut parts: Vec<Part> = Vec::new();
    let mut finish = Finish::Stop;
    let mut fresh = true;
    for event in events {
        let begins = std::mem::take(&mut fresh);
        match (event, parts.last_mut().filter(|_| !begins)) {
            (Event::Start { id, model }, _) => {
                (response.id, response.model) = (id, model);
                fresh = true;
            }
            (Event::Text { text, .. }, Some(Part::Text(so_far))) => so_far.text.push_str(&text),
            (Event::Text { text, .. }, _) => parts.push(Part::Text(text.into())),
            (Event::Citation { citation, .. }, Some(Part::Text(so_far))) => so_far.citations.push(citation),
            (Event::Reasoning { text, .. }, Some(Part::Reasoning(so_far))) => so_far.text.push_str(&text),
            (Event::Reasoning { text, .. }, _) => {
                parts.push(Part::Reasoning(Reasoning { text, ..Reasoning::default() }));
            }
            (Event::ReasoningSignature { signature, redacted: false, .. }, Some(Part::Reasoning(so_far))) => {
                so_far.signature = Some(signature);
            }
            (Event::ReasoningSignature { signature, redacted, .. }, _) => {
                parts.push(Part::Reasoning(Reasoning { signature: Some(signature), redacted, ..Reasoning::default() }));
            }
            (Event::ToolStart { id, name, .. }, _) => {
                parts.push(Part::ToolCall(ToolCall { id, name, ..ToolCall::default() }));
            }
            (Event::ToolArguments { json, .. }, Some(Part::ToolCall(call))) => call.arguments.push_str(&json),
            (Event::Foreign { foreign, .. }, _) => {
                parts.push(Part::Foreign(foreign));
                fresh = true;
            }
            (Event::PartEnd { .. } | Event::ToolEnd { .. }, _) => fresh = true,
            (Event::Usage(usage), _) => response.usage = usage,
            (Event::Finish { reason, .. }, _) => finish = reason,
            (other, _) => panic!("{other:?}"),
        }
    }
    response.candidates = vec![Candidate { parts, finish }];
    response
}

proptest! {
    #[test]
    fn answers_are_read_as_they_were_written(parts in parts(), sequence in option::of(words()), usage in usage(), tier in 0usize..4) {
        let finish = finish(&parts, sequence);
        let service_tier = [None, Some(ServiceTier::Standard), Some(ServiceTier::Priority), Some(ServiceTier::Flex)][tier];
        let candidates = vec![Candidate { parts, finish }];
        let response = Response { id: "msg_1".to_owned(), model: "m".to_owned(), candidates, usage, service_tier };
        let body = encode_response(&response, &Asked::default(), UnixMillis(0));
        prop_assert_eq!(decode_response(&body).unwrap(), response);
    }

    #[test]
    fn streams_are_read_as_they_were_written(parts in parts(), sequence in option::of(words()), usage in usage(), piece in 1usize..20, mixed: bool) {
        let finish = finish(&parts, sequence);
        let candidates = vec![Candidate { parts, finish }];
        let response = Response { id: "msg_1".to_owned(), model: "m".to_owned(), candidates, usage, service_tier: None };
        let stream = streamed(&events(&response, piece, mixed));
        prop_assert_eq!(heard(&stream), response);
    }
}
