//! What backends are sent, and what is read of their answers and streams.

use serde_json::{Value, json};
use weir_core::config::Quirks;
use weir_core::plan::OnUnsupported;
use weir_core::sse::{Decoder as Sse, Item};
use weir_core::{Dialect, ErrorKind, GatewayError, Limits, Tokens, Usage};

use super::{Decoder, decode_response, encode_request};
use crate::canonical::{
    CacheMark, CacheTtl, Citation, Document, Effort, Event, Finish, Foreign, Function, Image, Message, Part, Reasoning,
    Request, Role, Sampling, ServiceTier, Shown, Signature, Source, Text, Thinking, ThinkingMode, Tool, ToolCall,
    ToolResult, WebSearch,
};
use crate::codec::Target;
use crate::stream::{Source as _, Step};
use crate::unsupported::Unsupported;

/// What a server with these quirks is sent, and what it is not.
fn sent_to(
    quirks: &Quirks,
    client: Dialect,
    request: Request,
    policy: OnUnsupported,
) -> Result<(Value, Vec<String>), GatewayError> {
    let mut unsupported = Unsupported::new(policy, client, Dialect::OpenaiResponses);
    let target = Target { model: "gpt-5", max_output: Tokens(4096), quirks };
    let bytes = encode_request(request, &target, &mut unsupported)?;
    Ok((serde_json::from_slice(&bytes).unwrap(), unsupported.into_dropped()))
}

fn sent(client: Dialect, request: Request) -> (Value, Vec<String>) {
    sent_to(&Quirks::default(), client, request, OnUnsupported::Drop).unwrap()
}

fn said(role: Role, parts: Vec<Part>) -> Request {
    Request { messages: vec![Message::new(role, parts, "messages[0]")], ..Request::default() }
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned().into())
}

#[test]
fn nothing_is_stored_and_proofs_are_asked_of_models_that_reason() {
    let (body, dropped) = sent(Dialect::OpenaiChat, said(Role::User, vec![text("Hi")]));
    assert_eq!(
        body,
        json!({"model": "gpt-5", "input": [{"role": "user", "content": "Hi"}], "store": false, "include": ["reasoning.encrypted_content"]})
    );
    assert!(dropped.is_empty());
    let mut unsupported = Unsupported::new(OnUnsupported::Reject, Dialect::OpenaiChat, Dialect::OpenaiResponses);
    let quirks = Quirks::default();
    let target = Target { model: "gpt-4o-mini", max_output: Tokens(4096), quirks: &quirks };
    let bytes = encode_request(said(Role::User, vec![text("Hi")]), &target, &mut unsupported).unwrap();
    assert!(serde_json::from_slice::<Value>(&bytes).unwrap().get("include").is_none());
}

#[test]
fn a_turn_of_the_models_becomes_items_in_their_order() {
    let own = Signature::new(Dialect::OpenaiResponses, "rs_1:gAAA:b");
    let parts = vec![
        Part::Reasoning(Reasoning { text: "short".into(), signature: Some(own), ..Reasoning::default() }),
        Part::Reasoning(Reasoning {
            text: "x".into(),
            signature: Some(Signature::new(Dialect::AnthropicMessages, "s")),
            ..Reasoning::default()
        }),
        text("I look."),
        Part::Refusal("No.".into()),
        Part::ToolCall(ToolCall { id: "c1".into(), name: "f".into(), arguments: " ".into(), ..ToolCall::default() }),
        Part::ToolCall(ToolCall {
            id: "c".repeat(70),
            name: "exec".into(),
            arguments: "x".into(),
            custom: true,
            ..ToolCall::default()
        }),
        Part::Foreign(Foreign {
            family: Dialect::AnthropicMessages,
            kind: "server_tool_use".into(),
            value: json!({}),
            at: "messages[0].content[6]".into(),
        }),
        text("Done."),
    ];
    let (body, dropped) = sent(Dialect::AnthropicMessages, said(Role::Assistant, parts));
    let call_id = body["input"][3]["call_id"].as_str().unwrap().to_owned();
    assert!(call_id.starts_with("short_") && call_id.len() <= 64);
    assert_eq!(
        body["input"],
        json!([
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "short"}], "encrypted_content": "gAAA:b"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look.", "annotations": []}, {"type": "refusal", "refusal": "No."}]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"type": "custom_tool_call", "call_id": call_id, "name": "exec", "input": "x"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done.", "annotations": []}]}
        ])
    );
    assert_eq!(dropped, ["messages[0].content.thinking", "messages[0].content[6]"]);
}

#[test]
fn what_tools_answer_has_items_of_its_own_in_front_of_what_the_user_says() {
    let image = Image {
        source: Source::Data { media_type: "image/png".into(), base64: "AAAA".into() },
        detail: None,
        cache: None,
    };
    let result = |id: &str, parts: Vec<Part>, is_error: bool| {
        Part::ToolResult(ToolResult { id: id.into(), parts, is_error, ..ToolResult::default() })
    };
    let parts = vec![
        text("And?"),
        result("c1", vec![text("ok")], false),
        result("c2", vec![text("no such file")], true),
        result("c3", vec![Part::Image(image)], true),
        result("c4", vec![], true),
        result("c5", vec![], false),
    ];
    let (body, dropped) = sent(Dialect::AnthropicMessages, said(Role::User, parts));
    let output = |id: &str, output: Value| json!({"type": "function_call_output", "call_id": id, "output": output});
    let picture = json!({"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"});
    assert_eq!(
        body["input"],
        json!([
            output("c1", json!("ok")),
            output("c2", json!("The tool failed: no such file")),
            output("c3", json!([{"type": "input_text", "text": "The tool failed:"}, picture])),
            output("c4", json!("The tool failed.")),
            output("c5", json!("")),
            {"role": "user", "content": "And?"}
        ])
    );
    assert!(dropped.is_empty());
}

#[test]
fn documents_go_as_files_and_what_openai_cannot_know_of_them_is_named() {
    let document = |source| Document { source, name: None, context: None, cite: false, cache: None };
    let pdf = Source::Data { media_type: "application/pdf".into(), base64: "AAAA".into() };
    let cited = Document { cite: true, context: Some("c".into()), name: Some("a.pdf".into()), ..document(pdf.clone()) };
    let mark = Some(CacheMark { ttl: Some(CacheTtl::Hours) });
    let marked = Document { cache: mark, name: Some("T".into()), ..document(Source::Text("words".into())) };
    let parts = vec![
        Part::Document(document(pdf)),
        Part::Document(cited),
        Part::Document(marked),
        Part::Document(document(Source::Url("https://x.example/a.pdf".into()))),
        Part::Document(document(Source::File("file_1".into()))),
    ];
    let (body, dropped) = sent(Dialect::AnthropicMessages, said(Role::User, parts));
    let data = "data:application/pdf;base64,AAAA";
    assert_eq!(
        body["input"][0]["content"],
        json!([
            {"type": "input_file", "filename": "document.pdf", "file_data": data},
            {"type": "input_file", "filename": "a.pdf", "file_data": data},
            {"type": "input_text", "text": "T\n\nwords"},
            {"type": "input_file", "file_url": "https://x.example/a.pdf"}
        ])
    );
    let at = |rest: &str| format!("messages[0].content{rest}");
    assert_eq!(dropped, [at("[1].citations"), at("[1].context"), "cache_control".to_owned(), at("[4]")]);
}

/// Makes a request ask for something.
type Change = fn(&mut Request);

#[test]
fn what_responses_cannot_have_is_refused_in_the_clients_words() {
    let request = |change: fn(&mut Request)| {
        let mut request = said(Role::User, vec![text("x")]);
        change(&mut request);
        request
    };
    let cases: [(Change, &str); 7] = [
        (|request| request.stop = vec!["x".into()], "stop"),
        (|request| request.candidates = Some(2), "n"),
        (|request| request.sampling.seed = Some(1), "seed"),
        (|request| request.sampling.top_k = Some(1), "top_k"),
        (|request| request.sampling.frequency_penalty = Some(0.5), "frequency_penalty"),
        (|request| request.sampling.presence_penalty = Some(0.5), "presence_penalty"),
        (|request| request.messages[0].name = Some("Ann".into()), "messages[0].name"),
    ];
    for (change, param) in cases {
        let refused =
            sent_to(&Quirks::default(), Dialect::OpenaiChat, request(change), OnUnsupported::Reject).unwrap_err();
        assert_eq!((refused.kind(), refused.param()), (ErrorKind::Unsupported, Some(param)));
        assert_eq!(sent(Dialect::OpenaiChat, request(change)).1, [param]);
    }
    // A bound of a search is a hint.
    let bounded = request(|request| {
        let at = "tools[0]".to_owned();
        request.tools = vec![Tool::WebSearch(WebSearch { max_uses: Some(1), at, ..WebSearch::default() })];
    });
    assert_eq!(sent(Dialect::OpenaiChat, bounded).1, ["tools[0].max_uses"]);
    let neutral = request(|request| {
        request.sampling =
            Sampling { frequency_penalty: Some(0.0), presence_penalty: Some(0.0), ..Sampling::default() };
        request.candidates = Some(1);
    });
    assert!(sent_to(&Quirks::default(), Dialect::OpenaiChat, neutral, OnUnsupported::Reject).is_ok());
}

#[test]
fn what_the_server_cannot_have_is_refused_by_its_quirks() {
    let quirks = Quirks {
        user: false,
        service_tier: false,
        verbosity: false,
        prompt_cache_key: false,
        parallel_tool_calls: false,
        developer_role: false,
        max_temperature: 1.5,
        ..Quirks::default()
    };
    let request = Request {
        user: Some("u".into()),
        service_tier: Some(ServiceTier::Standard),
        cache_key: Some("k".into()),
        parallel_tool_calls: Some(false),
        sampling: Sampling { temperature: Some(2.0), ..Sampling::default() },
        ..said(Role::Developer, vec![text("x")])
    };
    let (body, dropped) = sent_to(&quirks, Dialect::OpenaiChat, request, OnUnsupported::Drop).unwrap();
    assert_eq!(dropped, ["parallel_tool_calls", "temperature", "user", "prompt_cache_key"]);
    assert_eq!((&body["input"][0]["role"], &body["temperature"]), (&json!("system"), &json!(1.5)));
}

#[test]
fn thinking_is_asked_for_in_openais_words() {
    let budget = |tokens| Some(ThinkingMode::Budget(Tokens(tokens)));
    for (mode, effort, shown, expected) in [
        (None, None, None, Value::Null),
        (None, Some(Effort::Minimal), None, json!({"effort": "minimal"})),
        (None, None, Some(Shown::Detailed), json!({"summary": "detailed"})),
        (Some(ThinkingMode::Off), None, None, json!({"effort": "none"})),
        (Some(ThinkingMode::Adaptive), None, None, json!({"summary": "auto"})),
        (Some(ThinkingMode::Adaptive), Some(Effort::Max), Some(Shown::Omitted), json!({"effort": "max"})),
        (budget(1_024), None, None, json!({"effort": "low", "summary": "auto"})),
        (budget(8_000), None, Some(Shown::Omitted), json!({"effort": "medium"})),
        (budget(32_000), None, None, json!({"effort": "high", "summary": "auto"})),
        (budget(32_000), Some(Effort::Low), None, json!({"effort": "low", "summary": "auto"})),
    ] {
        let thinking = Thinking { mode, effort, shown, proofs: false };
        let (body, _) = sent(Dialect::AnthropicMessages, Request { thinking, ..said(Role::User, vec![text("x")]) });
        assert_eq!(body.get("reasoning").cloned().unwrap_or_default(), expected, "{mode:?} {effort:?} {shown:?}");
    }
}

#[test]
fn strictness_is_always_said_and_ranges_are_kept() {
    let request = Request {
        tools: vec![Tool::Function(Function { name: "f".into(), ..Function::default() })],
        max_output: Some(Tokens(1)),
        user: Some("u".repeat(80)),
        logprobs: Some(2),
        ..said(Role::User, vec![text("x")])
    };
    let (body, _) = sent(Dialect::AnthropicMessages, request);
    assert_eq!(
        body["tools"],
        json!([{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": false}])
    );
    assert_eq!((&body["max_output_tokens"], &body["top_logprobs"]), (&json!(16), &json!(2)));
    assert!(body["user"].as_str().unwrap().len() <= 64);
    assert_eq!(body["include"], json!(["reasoning.encrypted_content", "message.output_text.logprobs"]));
}

#[test]
fn an_answer_is_read_item_by_item() {
    let answer = json!({
        "id": "resp_1", "model": "gpt-5", "status": "completed", "service_tier": "flex", "error": null,
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}], "encrypted_content": "gA"},
            {"type": "reasoning", "id": "rs_2", "summary": [], "content": [{"type": "reasoning_text", "text": "raw"}], "encrypted_content": null},
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
                {"type": "output_text", "text": "x", "logprobs": [], "annotations": [
                    {"type": "url_citation", "url": "https://x.example", "title": "X", "start_index": 0, "end_index": 1},
                    {"type": "file_citation", "file_id": "f", "filename": "a.pdf", "index": 3},
                    {"type": "container_file_citation", "container_id": "c", "file_id": "f", "filename": "b.csv", "start_index": 1, "end_index": 2},
                    {"type": "file_path", "file_id": "f2", "index": 4}]},
                {"type": "refusal", "refusal": "no"}]},
            {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "list", "namespace": "agents", "arguments": {"a": 1}},
            {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c2", "name": "exec", "input": "x"}
        ],
        "usage": {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 15}
    });
    let read = decode_response(answer.to_string().as_bytes()).unwrap();
    assert_eq!(
        (read.id.as_str(), read.model.as_str(), read.service_tier),
        ("resp_1", "gpt-5", Some(ServiceTier::Flex))
    );
    assert_eq!(
        read.usage,
        Usage { input: Tokens(10), output: Tokens(5), cache_read: Tokens(4), reasoning: Tokens(2), ..Usage::default() }
    );
    let cite = |url: Option<&str>, title: &str, range| Citation {
        url: url.map(str::to_owned),
        title: Some(title.to_owned()),
        cited_text: None,
        range: Some(range),
    };
    let call = |id: &str, name: &str, arguments: &str, custom| {
        Part::ToolCall(ToolCall {
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
            custom,
            ..ToolCall::default()
        })
    };
    let [candidate] = read.candidates.as_slice() else { panic!("{:?}", read.candidates) };
    assert_eq!(candidate.finish, Finish::ToolCalls);
    assert_eq!(
        candidate.parts,
        [
            Part::Reasoning(Reasoning {
                summary: vec!["a".into(), "b".into()],
                signature: Some(Signature::new(Dialect::OpenaiResponses, "rs_1:gA")),
                id: Some("rs_1".into()),
                ..Reasoning::default()
            }),
            Part::Reasoning(Reasoning { text: "raw".into(), id: Some("rs_2".into()), ..Reasoning::default() }),
            Part::Foreign(Foreign {
                family: Dialect::OpenaiResponses,
                kind: "web_search_call".into(),
                value: json!({"type": "web_search_call", "id": "ws_1", "status": "completed"}),
                at: String::new(),
            }),
            Part::Text(Text {
                text: "x".into(),
                citations: vec![
                    cite(Some("https://x.example"), "X", (0, 1)),
                    cite(None, "a.pdf", (3, 3)),
                    cite(None, "b.csv", (1, 2)),
                    cite(None, "f2", (4, 4)),
                ],
                ..Text::default()
            }),
            Part::Refusal("no".into()),
            call("c1", "agents::list", r#"{"a":1}"#, false),
            call("c2", "exec", "x", true),
        ]
    );
}

#[test]
fn an_answer_that_is_none_is_told_as_what_it_is() {
    for (body, kind) in [
        (r#"{"status":"failed","error":{"code":"rate_limit_exceeded","message":"m"}}"#, ErrorKind::UpstreamRateLimited),
        (r#"{"error":{"code":"invalid_prompt","message":"m"}}"#, ErrorKind::UpstreamRejected),
        (r#"{"status":"in_progress","output":[]}"#, ErrorKind::UpstreamProtocol),
        (r#"{"status":"cancelled","output":[]}"#, ErrorKind::UpstreamProtocol),
        ("[]", ErrorKind::UpstreamProtocol),
        ("oops", ErrorKind::UpstreamProtocol),
    ] {
        assert_eq!(decode_response(body.as_bytes()).unwrap_err().kind(), kind, "{body}");
    }
    for (details, finish) in [
        (json!({"reason": "max_output_tokens"}), Finish::Length),
        (json!({"reason": "content_filter"}), Finish::ContentFilter),
        (json!({"reason": "steered"}), Finish::Other("steered".into())),
        (Value::Null, Finish::Other("incomplete".into())),
    ] {
        let body = json!({"status": "incomplete", "incomplete_details": details, "output": []});
        assert_eq!(decode_response(body.to_string().as_bytes()).unwrap().candidates[0].finish, finish);
    }
}

/// The events of a stream, and how it ended.
fn heard(stream: &[Value]) -> (Vec<Event>, Option<Step>, Option<Usage>) {
    let bytes: Vec<u8> = stream.iter().flat_map(|event| format!("data: {event}\n\n").into_bytes()).collect();
    let (mut decoder, mut out, mut end) = (Decoder::default(), Vec::new(), None);
    Sse::new(&Limits::default())
        .feed(&bytes, |item| {
            if let Item::Event(event) = item {
                match decoder.event(&event, &mut out) {
                    Step::More => {}
                    step => end = Some(step),
                }
            }
        })
        .unwrap();
    let usage = decoder.usage();
    (out, end, usage)
}

fn created() -> Value {
    json!({"type": "response.created", "response": {"id": "resp_1", "model": "gpt-5", "status": "in_progress"}})
}

fn completed() -> Value {
    json!({"type": "response.completed", "response": {"status": "completed", "usage": {"input_tokens": 3, "output_tokens": 2}}})
}

#[test]
fn items_are_told_apart_by_their_place_whatever_ids_they_are_given() {
    let (events, end, usage) = heard(&[
        created(),
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "a", "summary": []}}),
        json!({"type": "response.reasoning_summary_part.added", "output_index": 0, "item_id": "b", "summary_index": 0, "part": {}}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "item_id": "c", "delta": "one"}),
        json!({"type": "response.reasoning_summary_part.added", "output_index": 0, "item_id": "d", "summary_index": 1, "part": {}}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "item_id": "e", "delta": "two"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": {"type": "reasoning", "id": "f", "summary": [], "encrypted_content": "gA"}}),
        json!({"type": "response.mcp_call_arguments.delta", "output_index": 7, "delta": {"odd": 1}}),
        completed(),
    ]);
    let candidate = 0;
    let thought = |text: &str| Event::Reasoning { candidate, text: text.into() };
    assert_eq!(
        events,
        [
            Event::Start { id: "resp_1".into(), model: "gpt-5".into() },
            thought("one"),
            thought("\n\n"),
            thought("two"),
            Event::ReasoningSignature {
                candidate,
                signature: Signature::new(Dialect::OpenaiResponses, "f:gA"),
                redacted: false
            },
            Event::PartEnd { candidate },
            Event::Finish { candidate, reason: Finish::Stop },
            Event::Usage(usage.unwrap()),
        ]
    );
    assert!(matches!(end, Some(Step::End)));
}

#[test]
fn what_comes_in_no_pieces_is_taken_from_the_whole_item() {
    let item =
        |index: u32, item: Value| json!({"type": "response.output_item.done", "output_index": index, "item": item});
    let (events, end, _) = heard(&[
        created(),
        item(0, json!({"type": "reasoning", "id": "rs", "summary": [{"text": "s"}], "content": [{"text": "raw"}]})),
        item(
            1,
            json!({"type": "message", "content": [{"type": "output_text", "text": "Hi", "annotations": [{"type": "url_citation", "url": "u", "title": "t"}]}, {"type": "refusal", "refusal": "no"}]}),
        ),
        json!({"type": "response.output_item.added", "output_index": 2, "item": {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}}),
        item(2, json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"})),
        item(3, json!({"type": "web_search_call", "id": "ws", "status": "completed"})),
        completed(),
    ]);
    assert!(matches!(end, Some(Step::End)));
    let (candidate, tool) = (0, 0);
    let citation = Citation { url: Some("u".into()), title: Some("t".into()), ..Citation::default() };
    let foreign = Foreign {
        family: Dialect::OpenaiResponses,
        kind: "web_search_call".into(),
        value: json!({"type": "web_search_call", "id": "ws", "status": "completed"}),
        at: String::new(),
    };
    assert_eq!(
        events[1..events.len() - 1],
        [
            Event::Reasoning { candidate, text: "raw".into() },
            Event::PartEnd { candidate },
            Event::Text { candidate, text: "Hi".into() },
            Event::Citation { candidate, citation },
            Event::PartEnd { candidate },
            Event::Refusal { candidate, text: "no".into() },
            Event::PartEnd { candidate },
            Event::ToolStart { candidate, tool, id: "c".into(), name: "f".into(), custom: false },
            Event::ToolArguments { candidate, tool, json: "{}".into() },
            Event::ToolEnd { candidate, tool },
            Event::Foreign { candidate, foreign },
            Event::Finish { candidate, reason: Finish::ToolCalls },
        ]
    );
}

#[test]
fn a_stream_that_breaks_off_or_breaks_its_dialect_is_told_so() {
    let added = json!({"type": "response.output_item.added", "output_index": 0, "item": {"type": "message"}});
    for (stream, kind) in [
        (
            vec![created(), json!({"type": "error", "code": "server_is_overloaded", "message": "m", "param": null})],
            ErrorKind::UpstreamOverloaded,
        ),
        (
            vec![
                created(),
                json!({"type": "error", "error": {"type": "insufficient_quota", "code": "insufficient_quota", "message": "m"}}),
            ],
            ErrorKind::UpstreamRateLimited,
        ),
        (
            vec![
                created(),
                json!({"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error", "message": "m"}}}),
            ],
            ErrorKind::UpstreamFailed,
        ),
        (vec![added.clone()], ErrorKind::UpstreamProtocol),
        (vec![created(), added.clone(), added], ErrorKind::UpstreamProtocol),
        (
            vec![created(), json!({"type": "response.output_text.delta", "output_index": 0, "delta": "x"})],
            ErrorKind::UpstreamProtocol,
        ),
    ] {
        let (_, end, _) = heard(&stream);
        match end {
            Some(Step::Failed(error)) => assert_eq!(error.kind(), kind, "{stream:?}"),
            end => panic!("{stream:?}: {end:?}"),
        }
    }
}
