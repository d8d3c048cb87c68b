//! Requests of clients, read.

use serde_json::{Value, json};
use weir_core::json::Object;
use weir_core::{Dialect, ErrorKind, GatewayError};

use super::{decode_request, echo};
use crate::canonical::{
    CacheTtl, Citation, Effort, Part, Reasoning, Request, ResponseFormat, Role, Shown, Signature, Source, Text, Tool,
    ToolCall, ToolChoice, ToolResult,
};

fn read(body: &Value) -> Result<Request, GatewayError> {
    decode_request(&Object::parse(body.to_string().as_bytes(), 64).unwrap())
}

fn with_items(items: &Value) -> Request {
    read(&json!({"model": "m", "input": items})).unwrap()
}

fn unplaced(request: &Request) -> Vec<&str> {
    request.unplaced.iter().map(|field| field.path.as_str()).collect()
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned().into())
}

#[test]
fn a_string_is_what_the_user_says_and_instructions_come_first() {
    let request = read(&json!({"model": "m", "instructions": "Be brief.", "input": "Hi"})).unwrap();
    let told: Vec<_> = request.messages.iter().map(|message| (message.role, message.at.as_str())).collect();
    assert_eq!(told, [(Role::System, "instructions"), (Role::User, "input")]);
    assert_eq!(request.messages[1].parts, [text("Hi")]);
    assert!(unplaced(&request).is_empty() && request.asides.is_empty());
}

#[test]
fn what_the_model_said_between_two_of_the_users_is_one_turn() {
    let request = with_items(&json!([
        {"role": "user", "content": [{"type": "input_text", "text": "a"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "s"}], "content": null, "encrypted_content": "gA:x"},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "phase": "commentary", "content": [
            {"type": "output_text", "text": "b", "annotations": [{"type": "url_citation", "url": "https://x.example", "title": "X", "start_index": 0, "end_index": 1}], "logprobs": []},
            {"type": "refusal", "refusal": "no"}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}", "status": "completed"},
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c2", "name": "exec", "namespace": "functions", "input": "text"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "done"}]},
        {"type": "function_call_output", "call_id": "c1", "output": "ok"},
        {"role": "assistant", "phase": "final_answer", "content": "c"},
        {"role": "assistant", "phase": "commentary", "content": "d"}
    ]));
    let told: Vec<_> = request.messages.iter().map(|m| (m.role, m.at.as_str(), m.phase.as_deref())).collect();
    assert_eq!(
        told,
        [
            (Role::User, "input[0]", None),
            (Role::Assistant, "input[1]", Some("commentary")),
            (Role::Tool, "input[6]", None),
            (Role::Tool, "input[7]", None),
            (Role::Assistant, "input[8]", Some("final_answer")),
            (Role::Assistant, "input[9]", Some("commentary")),
        ]
    );
    let citation = Citation {
        url: Some("https://x.example".into()),
        title: Some("X".into()),
        cited_text: None,
        range: Some((0, 1)),
    };
    let call = |id: &str, name: &str, arguments: &str, custom| {
        let (id, name, arguments) = (id.to_owned(), name.to_owned(), arguments.to_owned());
        Part::ToolCall(ToolCall { id, name, arguments, custom, ..ToolCall::default() })
    };
    let turn = &request.messages[1].parts;
    assert_eq!(
        turn[..5],
        [
            Part::Reasoning(Reasoning {
                summary: vec!["s".into()],
                signature: Some(Signature::new(Dialect::OpenaiResponses, "rs_1:gA:x")),
                id: Some("rs_1".into()),
                ..Reasoning::default()
            }),
            Part::Text(Text { text: "b".into(), citations: vec![citation], ..Text::default() }),
            Part::Refusal("no".into()),
            call("c1", "f", "{}", false),
            call("c2", "functions::exec", "text", true),
        ]
    );
    let Part::Foreign(search) = &turn[5] else { panic!("no search: {turn:?}") };
    assert_eq!(
        (search.kind.as_str(), search.at.as_str(), search.family),
        ("web_search_call", "input[5]", Dialect::OpenaiResponses)
    );
    let result = ToolResult { id: "c2".into(), parts: vec![text("done")], custom: true, ..ToolResult::default() };
    assert_eq!(request.messages[2].parts, [Part::ToolResult(result)]);
    assert!(unplaced(&request).is_empty(), "{:?}", request.unplaced);
}

#[test]
fn reasoning_that_another_family_proved_comes_back_as_it_was() {
    let signature = Signature::new(Dialect::AnthropicMessages, "sig");
    for redacted in [false, true] {
        let wrapped = signature.wrap(redacted);
        let request = with_items(&json!([
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "thought"}], "encrypted_content": wrapped}
        ]));
        let expected = Reasoning {
            text: "thought".into(),
            signature: Some(signature.clone()),
            redacted,
            id: Some("rs_1".into()),
            ..Reasoning::default()
        };
        assert_eq!(request.messages[0].parts, [Part::Reasoning(expected)]);
    }
}

#[test]
fn attachments_are_read_wherever_their_bytes_are() {
    let request = with_items(&json!([{"role": "user", "content": [
        {"type": "input_image", "image_url": "data:image/PNG;base64,AAAA", "detail": "original"},
        {"type": "input_image", "file_id": "file-1", "detail": "auto"},
        {"type": "input_file", "file_url": "https://x.example/a.pdf"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}},
        {"type": "input_file", "filename": "b.pdf", "file_data": "AAAA"}
    ]}]));
    let data = |media_type: &str| Source::Data { media_type: media_type.to_owned(), base64: "AAAA".to_owned() };
    let sources: Vec<_> = request.messages[0]
        .parts
        .iter()
        .map(|part| match part {
            Part::Image(image) => (image.source.clone(), image.detail.as_deref(), image.cache),
            Part::Document(file) => (file.source.clone(), file.name.as_deref(), file.cache),
            part => panic!("{part:?}"),
        })
        .collect();
    assert_eq!(sources[0], (data("image/png"), Some("original"), None));
    assert_eq!(sources[1], (Source::File("file-1".into()), None, None));
    assert_eq!(sources[2], (Source::Url("https://x.example/a.pdf".into()), None, None));
    assert_eq!((&sources[3].0, sources[3].1), (&data("application/pdf"), Some("a.pdf")));
    assert_eq!(sources[3].2.unwrap().ttl, Some(CacheTtl::Hours));
    assert_eq!(sources[4], (data("application/pdf"), Some("b.pdf"), None));
    assert!(unplaced(&request).is_empty());
}

#[test]
fn tools_are_read_in_namespaces_in_items_and_by_what_strict_means_where_it_is_not_said() {
    let loose = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let tight = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    let request = read(&json!({
        "model": "m",
        "tools": [
            {"type": "function", "name": "loose", "parameters": loose},
            {"type": "function", "name": "tight", "parameters": tight, "strict": null},
            {"type": "function", "name": "said", "parameters": loose, "strict": true},
            {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /x/"}},
            {"type": "web_search_preview", "search_context_size": "low", "user_location": {"type": "approximate", "city": "Bern"}},
            {"type": "web_search", "external_web_access": true, "filters": {"allowed_domains": ["x.example"]}},
            {"type": "file_search", "vector_store_ids": ["vs"]}
        ],
        "tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "loose"}, {"type": "mcp", "server_label": "x"}]},
        "input": [
            {"type": "additional_tools", "id": "at_1", "role": "developer", "tools": [
                {"type": "namespace", "name": "functions", "description": "D", "tools": [{"type": "custom", "name": "exec"}, {"type": "function", "name": "wait", "strict": false}]}
            ]},
            {"role": "user", "content": "x"}
        ]
    })).unwrap();
    let strict: Vec<_> = request
        .tools
        .iter()
        .filter_map(|tool| match tool {
            Tool::Function(function) => Some((function.name.as_str(), function.strict)),
            _ => None,
        })
        .collect();
    assert_eq!(
        strict,
        [("loose", Some(false)), ("tight", Some(true)), ("said", Some(true)), ("functions::wait", Some(false))]
    );
    let Tool::Custom(patch) = &request.tools[3] else { panic!("no custom tool") };
    assert_eq!((patch.grammar.as_ref().unwrap().0.as_str(), patch.at.as_str()), ("lark", "tools[3]"));
    let Tool::WebSearch(search) = &request.tools[4] else { panic!("no search") };
    assert_eq!(
        (search.context_size.as_deref(), search.user_location.clone()),
        (Some("low"), Some(json!({"city": "Bern"})))
    );
    assert!(matches!(&request.tools[5], Tool::WebSearch(search) if search.allowed_domains == ["x.example"]));
    assert!(matches!(&request.tools[6], Tool::Foreign(tool) if tool.kind == "file_search" && tool.at == "tools[6]"));
    assert!(
        matches!(&request.tools[7], Tool::Custom(tool) if tool.name == "functions::exec" && tool.at == "input[0].tools[0].tools[0]")
    );
    assert_eq!(request.namespaces, [("functions".to_owned(), "D".to_owned())]);
    assert_eq!(request.tool_choice, Some(ToolChoice::Allowed { required: true, names: vec!["loose".into()] }));
    assert_eq!(unplaced(&request), ["tool_choice.tools[1]"]);
}

#[test]
fn everything_else_a_request_may_say_is_read_or_named() {
    let request = read(&json!({
        "model": "m", "input": "x", "stream": true, "stream_options": {"include_obfuscation": false},
        "reasoning": {"effort": "xhigh", "generate_summary": "concise", "context": "all_turns", "mode": "standard"},
        "include": ["reasoning.encrypted_content", "message.output_text.logprobs", "file_search_call.results"],
        "top_logprobs": 3, "temperature": 0.5, "top_p": 0.9, "max_output_tokens": 100,
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "n", "description": "D", "schema": {"type": "object"}, "strict": true}},
        "safety_identifier": "u", "metadata": {"k": "v"}, "prompt_cache_key": "key", "prompt_cache_retention": "24h",
        "service_tier": "flex", "store": false, "background": false, "truncation": "auto", "max_tool_calls": 2,
        "client_metadata": {"turn": "1"}, "parallel_tool_calls": false, "tool_choice": "required", "tools": [], "new_field": 1
    })).unwrap();
    assert_eq!(request.thinking.effort, Some(Effort::ExtraHigh));
    assert_eq!((request.thinking.shown, request.thinking.proofs), (Some(Shown::Concise), true));
    assert_eq!((request.logprobs, request.stream, request.parallel_tool_calls), (Some(3), true, Some(false)));
    let schema = json!({"type": "object", "description": "D"});
    assert_eq!(
        request.response_format,
        ResponseFormat::JsonSchema { name: Some("n".into()), schema, strict: Some(true) }
    );
    assert_eq!((request.user.as_deref(), request.cache_key.as_deref()), (Some("u"), Some("key")));
    assert_eq!(request.cache.unwrap().ttl, Some(CacheTtl::Hours));
    assert_eq!(request.asides, ["reasoning.context", "include[2]", "client_metadata"]);
    let mut named = unplaced(&request);
    named.sort_unstable();
    assert_eq!(named, ["max_tool_calls", "new_field", "truncation"]);
}

#[test]
fn what_would_have_to_be_stored_is_refused_with_what_to_do_instead() {
    for (field, value, mend) in [
        ("previous_response_id", json!("resp_1"), "whole conversation"),
        ("conversation", json!({"id": "conv_1"}), "whole conversation"),
        ("background", json!(true), "stream it"),
        ("store", json!(true), "`false`"),
        ("prompt", json!({"id": "pmpt_1"}), "`instructions`"),
    ] {
        let error = read(&json!({"model": "m", "input": "x", field: value})).unwrap_err();
        assert_eq!((error.kind(), error.param()), (ErrorKind::Unsupported, Some(field)));
        assert!(error.message().contains(mend), "{error}");
    }
    for item in [json!({"type": "item_reference", "id": "msg_1"}), json!({"id": "msg_1"})] {
        let error = read(&json!({"model": "m", "input": [item]})).unwrap_err();
        assert_eq!((error.kind(), error.param()), (ErrorKind::Unsupported, Some("input[0]")));
        assert!(error.message().contains("`store: false`"), "{error}");
    }
}

#[test]
fn what_is_not_of_its_type_is_named() {
    for (body, param) in [
        (json!({"model": "m"}), "input"),
        (json!({"input": 7}), "input"),
        (json!({"input": [{"role": "robot", "content": "x"}]}), "input[0].role"),
        (json!({"input": [{}]}), "input[0].type"),
        (json!({"input": ["x"]}), "input[0]"),
        (json!({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}), "input[0].call_id"),
        (json!({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}), "input[0].content[0].image_url"),
        (json!({"input": "x", "tools": [{"type": "function", "name": "a::b"}]}), "tools[0].name"),
        (json!({"input": "x", "tools": [{"name": "f"}]}), "tools[0].type"),
        (json!({"input": "x", "tool_choice": "sometimes"}), "tool_choice"),
        (json!({"input": "x", "include": [1]}), "include[0]"),
        (json!({"input": "x", "metadata": {"a": 1}}), "metadata.a"),
        (json!({"input": "x", "prompt_cache_retention": "1y"}), "prompt_cache_retention"),
    ] {
        let error = read(&body).unwrap_err();
        assert_eq!((error.kind(), error.param()), (ErrorKind::InvalidRequest, Some(param)), "{body}");
    }
}

#[test]
fn a_response_repeats_what_was_asked_and_else_says_the_defaults() {
    let object = |body: &Value| Object::parse(body.to_string().as_bytes(), 64).unwrap();
    let plain = echo(&object(&json!({"model": "m", "input": "x"})));
    assert_eq!((&plain["tools"], &plain["temperature"], &plain["store"]), (&json!([]), &json!(1.0), &json!(false)));
    let told = echo(&object(&json!({
        "model": "m", "input": "x", "temperature": 0, "reasoning": {"effort": "low"}, "text": {"verbosity": "low"},
        "service_tier": "auto", "tools": [{"type": "function", "name": "f"}], "instructions": "I"
    })));
    assert_eq!(told["temperature"], json!(0));
    assert_eq!(told["reasoning"], json!({"effort": "low", "summary": null}));
    assert_eq!(told["text"], json!({"format": {"type": "text"}, "verbosity": "low"}));
    assert_eq!(
        told["tools"],
        json!([{"type": "function", "name": "f", "description": null, "parameters": null, "strict": true}])
    );
    assert_eq!((&told["service_tier"], &told["instructions"]), (&json!("default"), &json!("I")));
    assert!(!told.contains_key("model") && !told.contains_key("input"));
}
