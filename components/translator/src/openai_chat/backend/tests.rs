//! What the backend's side reads and writes, case by case. Whole translations are in `tests/golden`.

use serde_json::{Value, json};
use weir_core::config::{CallId, MaxTokens, Quirks, ReasoningField, SeedField};
use weir_core::plan::OnUnsupported;
use weir_core::sse::{Decoder as Sse, Item};
use weir_core::{Dialect, ErrorKind, GatewayError, Limits, Tokens};

use super::{Decoder, decode_response, encode_request};
use crate::canonical::*;
use crate::codec::Target;
use crate::stream::{Source as _, Step};
use crate::unsupported::Unsupported;

/// A server that has next to nothing.
fn bare() -> Quirks {
    Quirks {
        max_tokens: MaxTokens::MaxTokens,
        developer_role: false,
        stream_options: false,
        reasoning: ReasoningField::ReasoningContent,
        reasoning_effort: false,
        custom_tools: false,
        json_schema: false,
        json_object: false,
        parallel_tool_calls: false,
        tool_choice_any: true,
        seed: SeedField::RandomSeed,
        max_stop: 1,
        n: false,
        logprobs: false,
        penalties: false,
        user: false,
        metadata: false,
        service_tier: false,
        prompt_cache_key: false,
        verbosity: false,
        web_search: false,
        strict: false,
        images: false,
        audio: false,
        files: false,
        call_id: CallId::Nine,
        max_temperature: 1.5,
        ..Quirks::default()
    }
}

fn encoded(request: Request, quirks: &Quirks, policy: OnUnsupported) -> Result<(Value, Vec<String>), GatewayError> {
    let mut unsupported = Unsupported::new(policy, Dialect::AnthropicMessages, Dialect::OpenaiChat);
    let target = Target { model: "m", max_output: Tokens(4096), quirks };
    let bytes = encode_request(request, &target, &mut unsupported)?;
    Ok((serde_json::from_slice(&bytes).unwrap(), unsupported.into_dropped()))
}

fn user(parts: Vec<Part>) -> Message {
    Message::new(Role::User, parts, "messages[0]")
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned().into())
}

fn image() -> Part {
    let source = Source::Data { media_type: "image/png".into(), base64: "AAAA".into() };
    Part::Image(Image { source, detail: None, cache: None })
}

#[test]
fn what_a_server_lacks_is_refused_by_name_or_named_when_dropped() {
    let request = || Request {
        messages: vec![user(vec![text("Hi"), image()])],
        max_output: Some(Tokens(9)),
        sampling: Sampling { temperature: Some(1.9), top_k: Some(3), seed: Some(4), ..Sampling::default() },
        stop: vec!["a".into(), "b".into()],
        candidates: Some(2),
        logprobs: Some(1),
        user: Some("u".into()),
        metadata: vec![("k".into(), "v".into())],
        service_tier: Some(ServiceTier::Flex),
        verbosity: Some(Verbosity::Low),
        response_format: ResponseFormat::JsonObject,
        parallel_tool_calls: Some(false),
        thinking: Thinking { effort: Some(Effort::High), ..Thinking::default() },
        stream: true,
        tools: vec![Tool::Function(Function { name: "f".into(), strict: Some(true), ..Function::default() })],
        tool_choice: Some(ToolChoice::Any),
        ..Request::default()
    };
    let error = encoded(request(), &bare(), OnUnsupported::Reject).unwrap_err();
    assert_eq!((error.kind(), error.param()), (ErrorKind::Unsupported, Some("service_tier")));
    let (body, dropped) = encoded(request(), &bare(), OnUnsupported::Drop).unwrap();
    let parameters = json!({"type": "object", "properties": {}});
    assert_eq!(
        body,
        json!({
            "model": "m", "max_tokens": 9, "temperature": 1.5, "random_seed": 4, "stop": ["a"], "stream": true,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": parameters}}],
            "tool_choice": "any",
            "messages": [{"role": "user", "content": "Hi"}],
        })
    );
    let mut sorted = dropped;
    sorted.sort();
    assert_eq!(
        sorted,
        [
            "logprobs",
            "messages[0].content[1]",
            "metadata",
            "metadata.user_id",
            "n",
            "output_config.effort",
            "output_config.format",
            "service_tier",
            "stop_sequences",
            "temperature",
            "tool_choice.disable_parallel_tool_use",
            "tools[0].strict",
            "top_k",
            "verbosity",
        ]
    );
}

#[test]
fn what_tools_answer_beside_words_is_handed_in_by_the_user_once_all_have_answered() {
    let call = |id: &str| {
        Part::ToolCall(ToolCall { id: id.into(), name: "f".into(), arguments: String::new(), ..ToolCall::default() })
    };
    let result = |id: &str, parts: Vec<Part>, is_error: bool| {
        Part::ToolResult(ToolResult { id: id.into(), parts, is_error, ..ToolResult::default() })
    };
    let messages = vec![
        Message::new(Role::Assistant, vec![call("a"), call("b")], "messages[0]"),
        user(vec![result("a", vec![image()], false)]),
        user(vec![text("meanwhile")]),
        user(vec![result("b", vec![text("no such file")], true), text("Go on.")]),
    ];
    let request = Request { messages, ..Request::default() };
    let (body, dropped) = encoded(request, &Quirks::default(), OnUnsupported::Reject).unwrap();
    let function = json!({"name": "f", "arguments": "{}"});
    assert_eq!(
        body["messages"],
        json!([
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "a", "type": "function", "function": function},
                {"id": "b", "type": "function", "function": function},
            ]},
            {"role": "tool", "content": "The result is attached to the user's next message.", "tool_call_id": "a"},
            {"role": "tool", "content": "Error: no such file", "tool_call_id": "b"},
            {"role": "user", "content": [
                {"type": "text", "text": "Attached to the result of the tool call a:"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "text", "text": "meanwhile"},
            ]},
            {"role": "user", "content": "Go on."},
        ])
    );
    assert!(dropped.is_empty());
}

#[test]
fn thoughts_go_where_the_backend_has_a_place_and_proofs_to_their_own_family() {
    let detail = r#"{"type":"reasoning.text","index":0,"signature":"abc"}"#;
    let request = || {
        let own = Signature::new(Dialect::OpenaiChat, detail);
        let other = Signature::new(Dialect::AnthropicMessages, "xyz");
        let thought = |text: &str, signature| {
            Part::Reasoning(Reasoning { text: text.into(), signature: Some(signature), ..Reasoning::default() })
        };
        let parts = vec![thought("One.", own), thought("Two.", other), text("Hi")];
        Request { messages: vec![Message::new(Role::Assistant, parts, "messages[1]")], ..Request::default() }
    };
    let (body, dropped) = encoded(request(), &Quirks::default(), OnUnsupported::Reject).unwrap();
    assert_eq!(body["messages"], json!([{"role": "assistant", "content": "Hi"}]));
    assert_eq!(dropped, ["messages[1].content[0]", "messages[1].content[1]"]);
    let quirks = Quirks { reasoning: ReasoningField::Reasoning, ..Quirks::default() };
    let (body, dropped) = encoded(request(), &quirks, OnUnsupported::Reject).unwrap();
    let entry = json!({"type": "reasoning.text", "index": 0, "signature": "abc", "text": "One."});
    let said = json!({"role": "assistant", "content": "Hi", "reasoning": "One.\n\nTwo.", "reasoning_details": [entry]});
    assert_eq!(body["messages"][0], said);
    assert_eq!(dropped, ["messages[1].content[1]"]);
}

#[test]
fn documents_are_files_or_text() {
    let data = |media_type: &str, base64: &str| Source::Data { media_type: media_type.into(), base64: base64.into() };
    let document = |source, name: Option<&str>| {
        Part::Document(Document { source, name: name.map(str::to_owned), context: None, cite: false, cache: None })
    };
    let parts = vec![
        document(data("application/pdf", "AAAA"), None),
        document(data("text/csv", "YSxi"), Some("t.csv")),
        document(Source::Text("words".into()), None),
    ];
    let (body, _) = encoded(
        Request { messages: vec![user(parts)], ..Request::default() },
        &Quirks::default(),
        OnUnsupported::Reject,
    )
    .unwrap();
    assert_eq!(
        body["messages"][0]["content"],
        json!([
            {"type": "file", "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
            {"type": "text", "text": "<document title=\"t.csv\">\na,b\n</document>"},
            {"type": "text", "text": "<document>\nwords\n</document>"},
        ])
    );
    for source in [Source::Url("https://a.example/b.pdf".into()), Source::File("file_1".into())] {
        let request = Request { messages: vec![user(vec![document(source, None)])], ..Request::default() };
        let error = encoded(request, &Quirks::default(), OnUnsupported::Reject).unwrap_err();
        assert_eq!(error.param(), Some("messages[0].content[0]"));
    }
}

#[test]
fn answers_are_read_whoever_gives_them() {
    let read = |message: Value, reason: &str| {
        let choice = json!({"index": 0, "message": message, "finish_reason": reason});
        let usage = json!({"prompt_tokens": 1, "completion_tokens": 2});
        let answer = json!({"id": "x", "model": "m", "choices": [choice], "usage": usage});
        decode_response(answer.to_string().as_bytes()).unwrap().candidates.remove(0)
    };
    let thought = |text: &str| Part::Reasoning(Reasoning { text: text.into(), ..Reasoning::default() });
    let mistral =
        json!([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "4"}]);
    assert_eq!(read(json!({"content": mistral}), "stop").parts, [thought("Hm."), text("4")]);
    let twice = json!({"content": "4", "reasoning": "Hm.", "reasoning_content": "Hm."});
    assert_eq!(read(twice, "stop").parts, [thought("Hm."), text("4")]);
    // Snowflake fills every member in, and says no reason.
    let nothing = json!({"data": "", "id": "", "transcript": "", "expires_at": 0});
    let call = json!({"id": "t", "type": "function", "custom": {"input": "", "name": ""}, "function": {"name": "f", "arguments": "{}"}});
    let snowflake = json!({"content": "", "refusal": "", "audio": nothing, "annotations": null,
        "function_call": {"name": "", "arguments": ""}, "tool_calls": [call]});
    let answer = read(snowflake, "");
    assert_eq!(answer.finish, Finish::ToolCalls);
    let expected = ToolCall { id: "t".into(), name: "f".into(), arguments: "{}".into(), ..ToolCall::default() };
    assert_eq!(answer.parts, [Part::ToolCall(expected)]);
    let custom =
        json!({"tool_calls": [{"id": "t", "type": "custom", "custom": {"name": "patch", "input": "*** \"x\""}}]});
    let Part::ToolCall(call) = &read(custom, "stop").parts[0] else { panic!("no call") };
    assert!(call.custom && call.arguments == "*** \"x\"");
    let legacy = json!({"content": null, "function_call": {"name": "f", "arguments": "{\"a\":1}"}});
    let Part::ToolCall(call) = &read(legacy, "function_call").parts[0] else { panic!("no call") };
    assert!(call.id.starts_with("call_") && call.arguments == "{\"a\":1}");
}

#[test]
fn an_answer_that_broke_off_is_none() {
    for (choice, kind) in [
        (json!({"message": {"content": "a"}, "finish_reason": null}), ErrorKind::UpstreamProtocol),
        (json!({"message": {"content": "a"}, "finish_reason": "error"}), ErrorKind::UpstreamFailed),
        (
            json!({"message": {"content": "a"}, "finish_reason": "insufficient_system_resource"}),
            ErrorKind::UpstreamOverloaded,
        ),
    ] {
        let answer = json!({"id": "x", "choices": [choice]}).to_string();
        assert_eq!(decode_response(answer.as_bytes()).unwrap_err().kind(), kind, "{answer}");
    }
    for answer in ["{}", "[]", r#"{"choices":[]}"#] {
        assert_eq!(decode_response(answer.as_bytes()).unwrap_err().kind(), ErrorKind::UpstreamProtocol, "{answer}");
    }
}

/// What a stream says, and its last step.
fn streamed(chunks: &[Value]) -> (Vec<Event>, Step) {
    let mut decoder = Decoder::default();
    let (mut events, mut last) = (Vec::new(), Step::More);
    let data = |chunk: &Value| if *chunk == "[DONE]" { "[DONE]".to_owned() } else { chunk.to_string() };
    for chunk in chunks {
        let mut step = |item: Item<'_>| {
            if let Item::Event(event) = item {
                last = decoder.event(&event, &mut events);
            }
        };
        Sse::new(&Limits::default()).feed(format!("data: {}\n\n", data(chunk)).as_bytes(), &mut step).unwrap();
        if matches!(last, Step::Failed(_)) {
            break;
        }
    }
    (events, last)
}

fn delta(delta: &Value) -> Value {
    json!({"id": "x", "model": "m", "choices": [{"index": 0, "delta": delta}]})
}

fn calls(calls: &Value) -> Value {
    delta(&json!({"tool_calls": calls}))
}

fn finished(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

/// The calls of a stream: id, name and arguments of each, in the order of their beginning.
fn folded(events: &[Event]) -> Vec<(String, String, String)> {
    let mut folded: Vec<(String, String, String)> = Vec::new();
    let mut open: Vec<u32> = Vec::new();
    for event in events {
        match event {
            Event::ToolStart { tool, id, name, .. } => {
                assert_eq!(*tool as usize, folded.len(), "numbers are dense");
                open.push(*tool);
                folded.push((id.clone(), name.clone(), String::new()));
            }
            Event::ToolArguments { tool, json, .. } => {
                assert!(open.contains(tool), "arguments of a call that is not open");
                folded[*tool as usize].2.push_str(json);
            }
            Event::ToolEnd { tool, .. } => {
                assert!(open.contains(tool), "ends twice");
                open.retain(|open| open != tool);
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "every call is ended");
    folded
}

#[test]
fn s11_calls_are_told_apart_however_a_server_marks_them() {
    let f = |name: &str, arguments: &str| json!({"name": name, "arguments": arguments});
    let a = ("a".to_owned(), "f".to_owned(), r#"{"x":1}"#.to_owned());
    let b = ("b".to_owned(), "g".to_owned(), r#"{"y":"}"}"#.to_owned());
    let interleaved = [
        calls(&json!([{"index": 0, "id": "a", "function": f("f", "")}])),
        calls(&json!([{"index": 3, "id": "b", "function": f("g", "{\"y\":")}])),
        calls(&json!([{"index": 0, "function": {"arguments": "{\"x\":"}}])),
        calls(
            &json!([{"index": 3, "function": {"arguments": "\"}\"}"}}, {"index": 0, "function": {"arguments": "1}"}}]),
        ),
    ];
    let repeated = [
        calls(&json!([{"index": 0, "id": "a", "type": "function", "function": f("f", "{\"x\":")}])),
        calls(&json!([{"index": 0, "id": "a", "type": "function", "function": f("f", "1}")}])),
        calls(&json!([{"index": 1, "id": "b", "type": "function", "function": f("g", "{\"y\":")}])),
        calls(&json!([{"index": 1, "id": "b", "type": "function", "function": f("g", "\"}\"}")}])),
    ];
    let whole_at_one_index = [
        calls(&json!([{"index": 0, "id": "a", "function": f("f", "{\"x\":1}")}])),
        calls(&json!([{"index": 0, "id": "b", "function": f("g", "{\"y\":\"}\"}")}])),
    ];
    let without_index = [
        calls(&json!([{"id": "a", "function": f("f", "{\"x\":")}])),
        calls(&json!([{"function": {"arguments": "1}"}}])),
        calls(&json!([{"id": "b", "function": f("g", "{\"y\":\"}\"}")}])),
    ];
    let name_after_arguments = [
        calls(&json!([{"index": 0, "id": "a", "function": {"arguments": "{\"x\":"}}])),
        calls(&json!([{"index": 0, "function": f("f", "1}")}])),
        calls(&json!([{"index": 1, "id": "b", "function": {"name": "g", "arguments": {"y": "}"}}}])),
    ];
    for chunks in [&interleaved[..], &repeated, &whole_at_one_index, &without_index, &name_after_arguments] {
        let chunks: Vec<Value> = chunks.iter().cloned().chain([finished("stop"), "[DONE]".into()]).collect();
        let (events, step) = streamed(&chunks);
        assert!(matches!(step, Step::End), "{step:?}");
        assert_eq!(folded(&events), [a.clone(), b.clone()], "{chunks:?}");
        assert_eq!(events.last(), Some(&Event::Finish { candidate: 0, reason: Finish::ToolCalls }));
    }
}

#[test]
fn a_complete_call_ends_when_another_begins_and_an_empty_one_in_the_end() {
    let start = |index: u32, arguments: &str| {
        calls(&json!([{"index": index, "id": format!("c{index}"), "function": {"name": "f", "arguments": arguments}}]))
    };
    let (events, _) =
        streamed(&[start(0, "{}"), start(1, ""), start(2, "{}"), finished("tool_calls"), "[DONE]".into()]);
    let order: Vec<String> = events
        .iter()
        .filter_map(|event| match event {
            Event::ToolStart { tool, .. } => Some(format!("+{tool}")),
            Event::ToolEnd { tool, .. } => Some(format!("-{tool}")),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["+0", "-0", "+1", "+2", "-1", "-2"]);
}

#[test]
fn s4_an_end_without_a_reason_is_believed_where_a_bill_came() {
    let words = delta(&json!({"content": "a"}));
    let bill = json!({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}});
    let (events, step) = streamed(&[words.clone(), bill, "[DONE]".into()]);
    assert!(matches!(step, Step::End), "{step:?}");
    assert!(events.contains(&Event::Finish { candidate: 0, reason: Finish::Stop }));
    let chunks: [&[Value]; 4] = [
        &[words.clone(), "[DONE]".into()],
        &["[DONE]".into()],
        &[words.clone(), finished("stop"), words],
        &[calls(&json!([{"index": 0, "id": "a", "function": {"arguments": "{}"}}])), finished("tool_calls")],
    ];
    for chunks in chunks {
        let (_, step) = streamed(chunks);
        assert!(
            matches!(&step, Step::Failed(error) if error.kind() == ErrorKind::UpstreamProtocol),
            "{chunks:?}: {step:?}"
        );
    }
}

#[test]
fn proofs_of_thoughts_are_read_out_of_their_details() {
    let details = json!([{"type": "reasoning.text", "text": "Hm", "index": 0}]);
    let proof = json!([{"type": "reasoning.text", "signature": "abc", "index": 0}]);
    let (events, _) = streamed(&[
        delta(&json!({"reasoning": "Hm", "reasoning_details": details})),
        delta(&json!({"content": "", "reasoning_details": proof})),
    ]);
    let value = r#"{"type":"reasoning.text","signature":"abc","index":0}"#;
    let signature = Signature::new(Dialect::OpenaiChat, value);
    assert_eq!(
        events[1..],
        [
            Event::Reasoning { candidate: 0, text: "Hm".into() },
            Event::ReasoningSignature { candidate: 0, signature, redacted: false },
        ]
    );
}
