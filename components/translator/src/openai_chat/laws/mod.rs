//! What chat completions can say comes back as it was: through the backend's side and the client's, both ways.

mod said;

use proptest::prelude::*;
use serde_json::Value;
use weir_core::config::{Quirks, ReasoningField};
use weir_core::json::Object;
use weir_core::plan::OnUnsupported;
use weir_core::sse::{Decoder as Sse, Item};
use weir_core::{Dialect, Limits, Tokens, UnixMillis};

use super::{Decoder, Encoder, decode_request, decode_response, encode_request, encode_response};
use crate::canonical::*;
use crate::codec::{Asked, Target};
use crate::stream::{Frames, Sink as _, Source as _, Step};
use crate::unsupported::Unsupported;

/// A server that has whatever there is.
fn everything() -> Quirks {
    Quirks { reasoning: ReasoningField::Reasoning, top_k: true, ..Quirks::default() }
}

/// An answer as the events of a stream, words in pieces, and its last calls between each other.
fn events(response: &Response) -> Vec<Event> {
    let mut events = vec![Event::Start { id: response.id.clone(), model: response.model.clone() }];
    for (answer, candidate) in response.candidates.iter().zip(0..) {
        let mut tool = 0;
        let mut later = Vec::new();
        for part in &answer.parts {
            match part {
                Part::Text(text) => {
                    let pieces = text.text.char_indices().map(|(at, c)| &text.text[at..at + c.len_utf8()]);
                    events.extend(pieces.map(|piece| Event::Text { candidate, text: piece.into() }));
                    let tokens = text.logprobs.clone();
                    events.extend((!tokens.is_empty()).then_some(Event::Logprobs { candidate, tokens }));
                    let citations = text.citations.iter().cloned();
                    events.extend(citations.map(|citation| Event::Citation { candidate, citation }));
                }
                Part::Reasoning(thoughts) => {
                    events.push(Event::Reasoning { candidate, text: thoughts.text.clone() });
                    events.push(Event::PartEnd { candidate });
                }
                Part::Refusal(text) => events.push(Event::Refusal { candidate, text: text.clone() }),
                Part::ToolCall(call) => {
                    let (id, name, custom) = (call.id.clone(), call.name.clone(), call.custom);
                    events.push(Event::ToolStart { candidate, tool, id, name, custom });
                    let begin = call.arguments.chars().next().map_or(0, char::len_utf8);
                    let (first, rest) = call.arguments.split_at(begin);
                    events.push(Event::ToolArguments { candidate, tool, json: first.into() });
                    later.push(Event::ToolArguments { candidate, tool, json: rest.into() });
                    later.push(Event::ToolEnd { candidate, tool });
                    tool += 1;
                }
                _ => {}
            }
        }
        events.append(&mut later);
        events.push(Event::Finish { candidate, reason: answer.finish.clone() });
    }
    events.push(Event::Usage(response.usage));
    events
}

/// The answer that these events make up.
fn folded(events: &[Event]) -> Response {
    let mut response = Response { service_tier: Some(ServiceTier::Flex), ..Response::default() };
    for event in events {
        match event {
            Event::Start { id, model } => (response.id, response.model) = (id.clone(), model.clone()),
            Event::Usage(usage) => response.usage = *usage,
            Event::Finish { candidate, reason } => of(&mut response, *candidate).finish = reason.clone(),
            Event::Text { candidate, text } => words_of(&mut response, *candidate).text.push_str(text),
            Event::Citation { candidate, citation } => {
                words_of(&mut response, *candidate).citations.push(citation.clone());
            }
            Event::Logprobs { candidate, tokens } => {
                words_of(&mut response, *candidate).logprobs.extend(tokens.clone());
            }
            Event::Reasoning { candidate, text } => match of(&mut response, *candidate).parts.last_mut() {
                Some(Part::Reasoning(thoughts)) => thoughts.text.push_str(text),
                _ => {
                    let thoughts = Reasoning { text: text.clone(), ..Reasoning::default() };
                    of(&mut response, *candidate).parts.push(Part::Reasoning(thoughts));
                }
            },
            Event::Refusal { candidate, text } => {
                of(&mut response, *candidate).parts.push(Part::Refusal(text.clone()));
            }
            Event::ToolStart { candidate, id, name, custom, .. } => {
                let (id, name) = (id.clone(), name.clone());
                let call = ToolCall { id, name, custom: *custom, ..ToolCall::default() };
                of(&mut response, *candidate).parts.push(Part::ToolCall(call));
            }
            Event::ToolArguments { candidate, tool, json } => {
                let calls = of(&mut response, *candidate).parts.iter_mut().filter_map(|part| match part {
                    Part::ToolCall(call) => Some(call),
                    _ => None,
                });
                calls.skip(*tool as usize).take(1).for_each(|call| call.arguments.push_str(json));
            }
            Event::ToolEnd { .. } | Event::PartEnd { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    response
}

fn of(response: &mut Response, candidate: u32) -> &mut Candidate {
    while response.candidates.len() <= candidate as usize {
        response.candidates.push(Candidate { parts: Vec::new(), finish: Finish::Other("none".into()) });
    }
    &mut response.candidates[candidate as usize]
}

fn words_of(response: &mut Response, candidate: u32) -> &mut Text {
    let parts = &mut of(response, candidate).parts;
    if !matches!(parts.last(), Some(Part::Text(_))) {
        parts.push(Part::Text(Text::default()));
    }
    match parts.last_mut() {
        Some(Part::Text(text)) => text,
        _ => unreachable!("it was just put there"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_request_comes_back_as_it_was(request in said::request()) {
        let mut unsupported = Unsupported::new(OnUnsupported::Reject, Dialect::OpenaiChat, Dialect::OpenaiChat);
        let quirks = everything();
        let target = Target { model: "m", max_output: Tokens(4096), quirks: &quirks };
        let body = encode_request(request.clone(), &target, &mut unsupported).unwrap();
        prop_assert!(unsupported.into_dropped().is_empty());
        let back = decode_request(&Object::parse(&body, 64).unwrap()).unwrap();
        prop_assert_eq!(back, request);
    }

    #[test]
    fn an_answer_comes_back_as_it_was(response in said::response()) {
        let body = encode_response(&response, &Asked::default(), UnixMillis(0));
        let shown: Value = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(decode_response(&body).unwrap(), response, "{}", shown);
    }

    #[test]
    fn s11_a_stream_comes_back_as_it_was(response in said::response()) {
        let events = events(&response);
        prop_assert_eq!(&folded(&events), &response);
        let mut encoder = Encoder::new(&Asked { include_usage: true, ..Asked::default() }, UnixMillis(0));
        let mut frames = Frames::default();
        events.iter().for_each(|event| encoder.event(event, &mut frames));
        encoder.end(&mut frames);
        let mut decoder = Decoder::default();
        let (mut back, mut ended) = (Vec::new(), false);
        let mut sse = Sse::new(&Limits::default());
        while let Some(frame) = frames.pop() {
            let read = |item: Item<'_>| if let Item::Event(event) = item {
                match decoder.event(&event, &mut back) {
                    Step::More => assert!(!ended),
                    Step::End => ended = true,
                    Step::Failed(error) => panic!("{error}"),
                }
            };
            sse.feed(&frame, read).unwrap();
        }
        prop_assert!(ended);
        prop_assert_eq!(folded(&back), response);
    }
}
