//! Streams.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use weir_core::sse::{Decoder as Sse, Item};
use weir_core::{Dialect, ErrorKind, GatewayError, Limits, Tokens, UnixMillis, Usage};
use weir_translator::canonical::{
    Candidate, Citation, Event, Finish, Foreign, Part, Reasoning, Response, Signature, Text, TokenLogprob, ToolCall,
    TopLogprob,
};
use weir_translator::codec::Asked;
use weir_translator::openai_responses::{Decoder, Encoder, decode_response, encode_response};
use weir_translator::stream::{Frames, Sink, Source, Step};

use crate::walk::{events, walk};

const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

fn asked() -> Asked {
    Asked { proofs: true, ..Asked::default() }
}

/// All that a client gets of `events`.
fn written(events: &[Event], asked: &Asked) -> Vec<u8> {
    let mut encoder = Encoder::new(asked, NOW);
    let mut frames = Frames::default();
    for event in events {
        encoder.event(event, &mut frames);
        assert!(encoder.fault().is_none());
    }
    encoder.end(&mut frames);
    std::iter::from_fn(|| frames.pop()).flatten().collect()
}

/// What a stream says.
fn read(stream: &[u8]) -> Vec<Event> {
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    let mut over = false;
    Sse::new(&Limits::default())
        .feed(stream, |item| {
            if let Item::Event(event) = item {
                match decoder.event(&event, &mut out) {
                    Step::More => assert!(!over),
                    Step::End => over = true,
                    Step::Failed(error) => panic!("{error}"),
                }
            }
        })
        .unwrap();
    assert!(over);
    out
}

fn start() -> Event {
    Event::Start { id: "msg_1".into(), model: "claude".into() }
}

fn text(text: &str) -> Event {
    Event::Text { candidate: 0, text: text.into() }
}

fn call(tool: u32, name: &str, custom: bool) -> Event {
    Event::ToolStart { candidate: 0, tool, id: format!("c{tool}"), name: name.into(), custom }
}

fn arguments(tool: u32, json: &str) -> Event {
    Event::ToolArguments { candidate: 0, tool, json: json.into() }
}

fn finish(reason: Finish) -> Event {
    Event::Finish { candidate: 0, reason }
}

#[test]
fn each_thing_that_an_answer_may_hold_has_an_item_of_its_own() {
    let signature = Signature::new(Dialect::AnthropicMessages, "sig");
    let citation = Citation { url: Some("https://x.example".into()), title: Some("X".into()), ..Citation::default() };
    let stream = [
        start(),
        Event::Reasoning { candidate: 0, text: "th".into() },
        Event::Reasoning { candidate: 0, text: "ink".into() },
        Event::ReasoningSignature { candidate: 0, signature: signature.clone(), redacted: false },
        Event::PartEnd { candidate: 0 },
        Event::ReasoningSignature { candidate: 0, signature: signature.clone(), redacted: true },
        text("He"),
        Event::Logprobs {
            candidate: 0,
            tokens: vec![TokenLogprob { token: "He".into(), logprob: -0.5, ..TokenLogprob::default() }],
        },
        text("llo"),
        Event::Citation { candidate: 0, citation },
        Event::PartEnd { candidate: 0 },
        text(" you"),
        Event::Refusal { candidate: 0, text: "no".into() },
        Event::Text { candidate: 1, text: "another".into() },
        call(0, "functions::f", false),
        call(1, "exec", true),
        arguments(1, "a"),
        arguments(0, "{\"a\":"),
        arguments(1, "b"),
        Event::ToolEnd { candidate: 0, tool: 1 },
        arguments(0, "1}"),
        Event::ToolEnd { candidate: 0, tool: 0 },
        call(2, "g", false),
        Event::Ping,
        Event::Usage(Usage {
            input: Tokens(10),
            output: Tokens(5),
            cache_read: Tokens(2),
            cache_write: Tokens(1),
            reasoning: Tokens(3),
            estimated: false,
        }),
        finish(Finish::ToolCalls),
    ];
    let bytes = written(&stream, &asked());
    let response = walk(&bytes);
    let output = response["output"].as_array().unwrap();
    let ids: Vec<&str> = output.iter().map(|item| item["id"].as_str().unwrap()).collect();
    for (id, kind) in ids.iter().zip(["rs_", "rs_", "msg_", "fc_", "ctc_", "fc_"]) {
        assert!(id.starts_with(kind), "{ids:?}");
    }
    assert_eq!(output[0]["summary"], json!([{"type": "summary_text", "text": "think"}]));
    assert_eq!(output[0]["encrypted_content"], json!(signature.wrap(false)));
    assert_eq!((&output[1]["summary"], &output[1]["encrypted_content"]), (&json!([]), &json!(signature.wrap(true))));
    let logprob = json!({"token": "He", "logprob": -0.5, "bytes": [72, 101], "top_logprobs": []});
    let annotation =
        json!({"type": "url_citation", "url": "https://x.example", "title": "X", "start_index": 0, "end_index": 5});
    assert_eq!(
        output[2]["content"],
        json!([
            {"type": "output_text", "text": "Hello", "annotations": [annotation], "logprobs": [logprob]},
            {"type": "output_text", "text": " you", "annotations": [], "logprobs": []},
            {"type": "refusal", "refusal": "no"}
        ])
    );
    assert_eq!(
        (&output[3]["name"], &output[3]["namespace"], &output[3]["call_id"]),
        (&json!("f"), &json!("functions"), &json!("c0"))
    );
    assert_eq!((&output[4]["type"], &output[4]["input"]), (&json!("custom_tool_call"), &json!("ab")));
    assert_eq!((&output[5]["arguments"], &output[5]["status"]), (&json!("{}"), &json!("completed")));
    assert_eq!(
        (&response["status"], &response["id"], &response["created_at"]),
        (&json!("completed"), &json!("resp_msg_1"), &json!(1_790_000_000))
    );
    assert_eq!(
        response["usage"],
        json!({"input_tokens": 10, "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1}, "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 15})
    );
    assert!(String::from_utf8(bytes).unwrap().contains("\n\n: ping\n\n"));
}

#[test]
fn proofs_go_to_those_alone_who_ask_for_them() {
    let signature = Signature::new(Dialect::AnthropicMessages, "sig");
    let stream = [
        start(),
        Event::Reasoning { candidate: 0, text: "think".into() },
        Event::ReasoningSignature { candidate: 0, signature: signature.clone(), redacted: false },
        Event::PartEnd { candidate: 0 },
        Event::ReasoningSignature { candidate: 0, signature, redacted: true },
        text("x"),
        finish(Finish::Stop),
    ];
    let response = walk(&written(&stream, &Asked::default()));
    assert_eq!(response["output"].as_array().unwrap().len(), 2);
    assert!(response["output"][0].get("encrypted_content").is_none());
}

#[test]
fn an_answer_that_was_cut_says_so_in_its_last_item_and_as_a_whole() {
    for (reason, status, details) in [
        (Finish::Stop, "completed", Value::Null),
        (Finish::StopSequence(Some("x".into())), "completed", Value::Null),
        (Finish::Length, "incomplete", json!({"reason": "max_output_tokens"})),
        (Finish::ContextFull, "incomplete", json!({"reason": "max_output_tokens"})),
        (Finish::Paused, "incomplete", json!({"reason": "max_output_tokens"})),
        (Finish::ContentFilter, "incomplete", json!({"reason": "content_filter"})),
        (Finish::Other("odd".into()), "incomplete", json!({"reason": "odd"})),
    ] {
        let stream = [start(), text("a"), call(0, "f", false), arguments(0, "{"), finish(reason.clone())];
        let bytes = written(&stream, &asked());
        let response = walk(&bytes);
        assert_eq!((&response["status"], &response["incomplete_details"]), (&json!(status), &details), "{reason:?}");
        assert_eq!(events(&bytes).last().unwrap()["type"], json!(format!("response.{status}")));
        let statuses: Vec<_> =
            response["output"].as_array().unwrap().iter().map(|item| item["status"].clone()).collect();
        assert_eq!(statuses, [json!("completed"), json!(status)]);
        let parts = vec![
            Part::Text("a".to_owned().into()),
            Part::ToolCall(ToolCall {
                id: "c0".into(),
                name: "f".into(),
                arguments: "{".into(),
                ..ToolCall::default()
            }),
        ];
        let whole = whole(parts, reason);
        let whole: Value = serde_json::from_slice(&encode_response(&whole, &asked(), NOW)).unwrap();
        assert_eq!(whole, response);
    }
}

fn whole(parts: Vec<Part>, finish: Finish) -> Response {
    Response {
        id: "msg_1".into(),
        model: "claude".into(),
        candidates: vec![Candidate { parts, finish }],
        ..Response::default()
    }
}

#[test]
fn an_error_has_the_next_number_and_what_makes_sdks_raise() {
    let mut encoder = Encoder::new(&asked(), NOW);
    let mut frames = Frames::default();
    for event in [start(), text("a")] {
        encoder.event(&event, &mut frames);
    }
    let mut stream: Vec<u8> = std::iter::from_fn(|| frames.pop()).flatten().collect();
    let error = GatewayError::new(ErrorKind::UpstreamTruncated, "cut");
    stream.extend(encoder.failed(&error).unwrap());
    let told = events(&stream);
    let last = told.last().unwrap();
    assert_eq!(last["sequence_number"], json!(told.len() - 1));
    assert_eq!(
        (&last["type"], &last["code"], &last["message"]),
        (&json!("error"), &json!("upstream_truncated"), &json!("cut"))
    );
    assert_eq!(
        last["error"],
        json!({"type": "server_error", "code": "upstream_truncated", "message": "cut", "param": null})
    );
}

#[test]
fn an_answer_without_an_end_is_cut_off() {
    let mut encoder = Encoder::new(&asked(), NOW);
    let mut frames = Frames::default();
    encoder.event(&start(), &mut frames);
    let mebibyte = text(&"x".repeat(1 << 20));
    let most = (0..64).find(|_| {
        encoder.event(&mebibyte, &mut frames);
        while frames.pop().is_some() {}
        encoder.fault().is_some()
    });
    assert_eq!(most, Some(32));
}

#[test]
fn a_response_repeats_what_it_was_asked_in_all_that_tell_of_it() {
    let echo: Map<String, Value> =
        [("tools".to_owned(), json!([{"type": "custom", "name": "x"}]))].into_iter().collect();
    let bytes = written(&[start(), finish(Finish::Stop)], &Asked { echo, ..Asked::default() });
    let told = events(&bytes);
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|event| event["response"]["tools"][0]["name"] == "x"));
    assert_eq!(walk(&bytes)["output"], json!([]));
}

/// Parts of an answer that a responses backend may give: what a stream of it can say.
fn part() -> impl Strategy<Value = Part> {
    let words = "\\PC{1,12}";
    let logprob = (words, -9.0f64..0.0).prop_map(|(token, logprob)| TokenLogprob {
        bytes: Some(token.clone().into_bytes()),
        top: vec![TopLogprob { token: token.clone(), logprob, bytes: Some(token.clone().into_bytes()) }],
        token,
        logprob,
    });
    let citation = ("[a-z]{1,8}", prop::option::of((0u64..5, 5u64..9))).prop_map(|(host, range)| Citation {
        url: Some(format!("https://{host}.example")),
        title: Some(host),
        cited_text: None,
        range,
    });
    prop_oneof![
        3 => (words, prop::collection::vec(citation, 0..3), prop::collection::vec(logprob, 0..3))
            .prop_map(|(text, citations, logprobs)| Part::Text(Text { text, citations, logprobs, cache: None })),
        1 => words.prop_map(Part::Refusal),
        2 => (words, any::<bool>()).prop_map(|(text, proven)| Part::Reasoning(Reasoning {
            text,
            signature: proven.then(|| Signature::new(Dialect::AnthropicMessages, "sig")),
            ..Reasoning::default()
        })),
        2 => ("c[0-9]{1,3}", "([a-z]{1,5}::)?[a-z]{1,8}", words, any::<bool>())
            .prop_map(|(id, name, arguments, custom)| Part::ToolCall(ToolCall { id, name, arguments, custom, ..ToolCall::default() })),
        1 => Just(Part::Foreign(Foreign {
            family: Dialect::OpenaiResponses,
            kind: "web_search_call".into(),
            value: json!({"type": "web_search_call", "id": "ws_1", "status": "completed"}),
            at: String::new(),
        })),
    ]
}

/// The parts as a stream, each cut into pieces of `size` characters; `ends` says whether it says where they end.
fn streamed(parts: &[Part], size: usize, ends: bool, finish: &Finish) -> Vec<Event> {
    let candidate = 0;
    let cut = |text: &str| -> Vec<String> {
        let chars: Vec<char> = text.chars().collect();
        chars.chunks(size).map(|piece| piece.iter().collect()).collect()
    };
    let mut events = vec![start()];
    for (part, tool) in parts.iter().zip(0..) {
        match part {
            Part::Text(text) => {
                events.extend(cut(&text.text).into_iter().map(|text| Event::Text { candidate, text }));
                if !text.logprobs.is_empty() {
                    events.push(Event::Logprobs { candidate, tokens: text.logprobs.clone() });
                }
                events.extend(text.citations.iter().cloned().map(|citation| Event::Citation { candidate, citation }));
            }
            Part::Refusal(text) => events.extend(cut(text).into_iter().map(|text| Event::Refusal { candidate, text })),
            Part::Reasoning(reasoning) => {
                events.extend(cut(&reasoning.text).into_iter().map(|text| Event::Reasoning { candidate, text }));
                let signature = reasoning.signature.clone();
                events.extend(signature.map(|signature| Event::ReasoningSignature {
                    candidate,
                    signature,
                    redacted: false,
                }));
            }
            Part::ToolCall(call) => {
                let (id, name) = (call.id.clone(), call.name.clone());
                events.push(Event::ToolStart { candidate, tool, id, name, custom: call.custom });
                events.extend(cut(&call.arguments).into_iter().map(|json| Event::ToolArguments {
                    candidate,
                    tool,
                    json,
                }));
                events.push(Event::ToolEnd { candidate, tool });
                continue;
            }
            Part::Foreign(foreign) => {
                events.push(Event::Foreign { candidate, foreign: foreign.clone() });
                continue;
            }
            _ => unreachable!(),
        }
        if ends {
            events.push(Event::PartEnd { candidate });
        }
    }
    events.push(Event::Finish { candidate, reason: finish.clone() });
    events
}

/// Parts out of a stream's events.
fn folded(events: &[Event]) -> (Vec<Part>, Option<Finish>) {
    let mut parts: Vec<Part> = Vec::new();
    let (mut fresh, mut finish) = (true, None);
    let mut calls = Vec::new();
    for event in events {
        let open = std::mem::replace(&mut fresh, false);
        match (event, parts.last_mut()) {
            (Event::Text { text, .. }, Some(Part::Text(part))) if !open => part.text.push_str(text),
            (Event::Text { text, .. }, _) => parts.push(Part::Text(text.clone().into())),
            (Event::Refusal { text, .. }, Some(Part::Refusal(part))) if !open => part.push_str(text),
            (Event::Refusal { text, .. }, _) => parts.push(Part::Refusal(text.clone())),
            (Event::Reasoning { text, .. }, Some(Part::Reasoning(part))) if !open => part.text.push_str(text),
            (Event::Reasoning { text, .. }, _) => {
                parts.push(Part::Reasoning(Reasoning { text: text.clone(), ..Reasoning::default() }));
            }
            (Event::ReasoningSignature { signature, .. }, Some(Part::Reasoning(part))) => {
                part.signature = Some(signature.clone());
            }
            (Event::Logprobs { tokens, .. }, Some(Part::Text(part))) => part.logprobs.extend(tokens.iter().cloned()),
            (Event::Citation { citation, .. }, Some(Part::Text(part))) => part.citations.push(citation.clone()),
            (Event::ToolStart { id, name, custom, .. }, _) => {
                calls.push(parts.len());
                parts.push(Part::ToolCall(ToolCall {
                    id: id.clone(),
                    name: name.clone(),
                    custom: *custom,
                    ..ToolCall::default()
                }));
            }
            (Event::ToolArguments { tool, json, .. }, _) => match &mut parts[calls[*tool as usize]] {
                Part::ToolCall(call) => call.arguments.push_str(json),
                part => panic!("{part:?}"),
            },
            (Event::Foreign { foreign, .. }, _) => parts.push(Part::Foreign(foreign.clone())),
            (Event::PartEnd { .. } | Event::ToolEnd { .. }, _) => fresh = true,
            (Event::Finish { reason, .. }, _) => finish = Some(reason.clone()),
            (Event::Start { .. } | Event::Usage(_), _) => fresh = open,
            (event, part) => panic!("{event:?} after {part:?}"),
        }
    }
    (parts, finish)
}

/// What a client of responses gets of parts, and a reader of it has: a range where none was said, and the proof as it was
/// wrapped.
fn expected(parts: &[Part], whole: bool) -> Vec<Part> {
    let mut expected = parts.to_vec();
    for part in &mut expected {
        match part {
            Part::Text(text) => {
                let length = text.text.chars().count() as u64;
                text.citations
                    .iter_mut()
                    .for_each(|citation| citation.range = Some(citation.range.unwrap_or((0, length))));
            }
            Part::Reasoning(reasoning) => {
                if let Some(signature) = &mut reasoning.signature {
                    let wrapped = signature.wrap(false);
                    *signature = Signature::new(Dialect::OpenaiResponses, wrapped);
                }
                if whole {
                    reasoning.summary = vec![std::mem::take(&mut reasoning.text)];
                }
            }
            _ => {}
        }
    }
    expected
}

/// Takes the derived ids out of what was read back.
fn without_ids(mut parts: Vec<Part>) -> Vec<Part> {
    for part in &mut parts {
        if let Part::Reasoning(reasoning) = part {
            reasoning.id = None;
            if let Some(signature) = &mut reasoning.signature {
                signature.value = signature.value.split_once(':').unwrap().1.to_owned();
            }
        }
    }
    parts
}

/// Why an answer of these parts may end, so that it is read again as it was.
fn reason(parts: &[Part], cut: bool) -> Finish {
    match parts.iter().any(|part| matches!(part, Part::ToolCall(_))) {
        _ if cut => Finish::Length,
        true => Finish::ToolCalls,
        false => Finish::Stop,
    }
}

proptest! {
    #[test]
    fn a_stream_keeps_the_laws_and_is_read_as_it_was_said(parts in prop::collection::vec(part(), 0..7), size in 1usize..5, cut: bool) {
        let finish = reason(&parts, cut);
        let bytes = written(&streamed(&parts, size, true, &finish), &asked());
        let response = walk(&bytes);
        prop_assert_eq!(&response["model"], &json!("claude"));
        let (back, ended) = folded(&read(&bytes));
        prop_assert_eq!(ended, Some(finish));
        prop_assert_eq!(without_ids(back), expected(&parts, false));
    }

    #[test]
    fn a_stream_keeps_the_laws_whether_or_not_it_says_where_parts_end(parts in prop::collection::vec(part(), 0..7), size in 1usize..5) {
        let finish = reason(&parts, false);
        let response = walk(&written(&streamed(&parts, size, false, &finish), &asked()));
        let said = |parts: &[Part]| -> String {
            parts.iter().map(|part| match part { Part::Text(text) => text.text.as_str(), _ => "" }).collect()
        };
        let output = response["output"].as_array().unwrap();
        let texts = output.iter().filter(|item| item["type"] == "message").flat_map(|item| item["content"].as_array().unwrap());
        let texts: String = texts.filter_map(|part| part["text"].as_str()).collect();
        prop_assert_eq!(texts, said(&parts));
    }

    #[test]
    fn a_whole_answer_is_the_one_that_its_stream_ends_in_and_is_read_as_it_was_said(parts in prop::collection::vec(part(), 0..7), size in 1usize..5, cut: bool) {
        let finish = reason(&parts, cut);
        let answer = whole(parts.clone(), finish.clone());
        let bytes = encode_response(&answer, &asked(), NOW);
        let streamed = walk(&written(&streamed(&parts, size, true, &finish), &asked()));
        prop_assert_eq!(&serde_json::from_slice::<Value>(&bytes).unwrap(), &streamed);
        let back = decode_response(&bytes).unwrap();
        prop_assert_eq!((back.id.as_str(), back.model.as_str()), ("resp_msg_1", "claude"));
        prop_assert_eq!(&back.candidates[0].finish, &finish);
        prop_assert_eq!(without_ids(back.candidates[0].parts.clone()), expected(&parts, true));
    }

    #[test]
    fn any_events_in_any_order_keep_the_laws(picks in prop::collection::vec((0usize..12, 0u32..3), 0..40)) {
        let signature = Signature::new(Dialect::AnthropicMessages, "sig");
        let mut all = vec![start()];
        all.extend(picks.into_iter().map(|(pick, tool)| match pick {
            0 | 1 => text("x"),
            2 => Event::Refusal { candidate: 0, text: "no".into() },
            3 => Event::Reasoning { candidate: 0, text: "t".into() },
            4 => Event::ReasoningSignature { candidate: 0, signature: signature.clone(), redacted: tool == 1 },
            5 => call(tool, "f", tool == 2),
            6 | 7 => arguments(tool, "{}"),
            8 => Event::ToolEnd { candidate: 0, tool },
            9 => Event::PartEnd { candidate: 0 },
            10 => Event::Citation { candidate: 0, citation: Citation { title: Some("T".into()), ..Citation::default() } },
            _ => Event::Logprobs { candidate: 0, tokens: vec![TokenLogprob { token: "x".into(), ..TokenLogprob::default() }] },
        }));
        walk(&written(&all, &asked()));
    }
}
