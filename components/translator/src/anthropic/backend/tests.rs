//! What backends that speak messages are sent.

use serde_json::{Value, json};
use weir_core::config::Quirks;
use weir_core::plan::OnUnsupported;
use weir_core::{Dialect, GatewayError, Tokens};

use super::encode_request;
use crate::canonical::{
    CacheMark, CacheTtl, Citation, Effort, Foreign, Function, Message, Part, Reasoning, Request, ResponseFormat, Role,
    Sampling, ServiceTier, Shown, Signature, Text, Thinking, ThinkingMode, Tool, ToolCall, ToolChoice, ToolResult,
    Verbosity, WebSearch,
};
use crate::codec::Target;
use crate::unsupported::Unsupported;

fn said(role: Role, text: &str) -> Message {
    Message::new(role, vec![Part::Text(text.to_owned().into())], "input[0]")
}

fn call(id: &str) -> Part {
    Part::ToolCall(ToolCall { id: id.to_owned(), name: "f".to_owned(), ..ToolCall::default() })
}

fn result(id: &str) -> Message {
    let result =
        ToolResult { id: id.to_owned(), parts: vec![Part::Text(id.to_owned().into())], ..ToolResult::default() };
    Message::new(Role::Tool, vec![Part::ToolResult(result)], "input[1]")
}

fn plain() -> Request {
    Request { messages: vec![said(Role::User, "hi")], ..Request::default() }
}

/// The body for a model, and what was dropped.
fn sent(request: Request, model: &str, policy: OnUnsupported) -> Result<(Value, Vec<String>), GatewayError> {
    let mut unsupported = Unsupported::new(policy, Dialect::OpenaiResponses, Dialect::AnthropicMessages);
    let target = Target { model, max_output: Tokens(64_000), quirks: &Quirks::default() };
    let body = encode_request(request, &target, &mut unsupported)?;
    Ok((serde_json::from_slice(&body).unwrap(), unsupported.into_dropped()))
}

fn body(request: Request) -> Value {
    sent(request, "claude-opus-5-5", OnUnsupported::Reject).unwrap().0
}

#[test]
fn each_generation_is_asked_to_think_in_its_own_way() {
    let budget = |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens});
    let adaptive = json!({"type": "adaptive"});
    let (newest, before, first) = ("claude-opus-5-5", "claude-sonnet-4-5", "claude-3-5-haiku-latest");
    let asks = |mode, effort| Thinking { mode, effort, ..Thinking::default() };
    for (asked, model, thinking, effort, dropped) in [
        (asks(None, Some(Effort::High)), newest, adaptive.clone(), json!("high"), vec![]),
        (asks(None, Some(Effort::Minimal)), newest, adaptive.clone(), json!("low"), vec![]),
        (asks(None, Some(Effort::ExtraHigh)), "claude-opus-4-6", adaptive, json!("high"), vec![]),
        (asks(None, Some(Effort::None)), newest, json!({"type": "disabled"}), Value::Null, vec![]),
        (asks(None, Some(Effort::Medium)), before, budget(8_192), Value::Null, vec![]),
        (asks(Some(ThinkingMode::Adaptive), None), before, budget(16_384), Value::Null, vec![]),
        (asks(Some(ThinkingMode::Budget(Tokens(99_999))), None), before, budget(63_999), Value::Null, vec![]),
        (asks(None, Some(Effort::High)), first, Value::Null, Value::Null, vec!["reasoning.effort"]),
        (asks(None, None), newest, Value::Null, Value::Null, vec![]),
    ] {
        let (body, left_out) = sent(Request { thinking: asked, ..plain() }, model, OnUnsupported::Reject).unwrap();
        assert_eq!((&body["thinking"], &body["output_config"]["effort"]), (&thinking, &effort), "{asked:?} {model}");
        assert_eq!(left_out, dropped, "{asked:?} {model}");
    }
}

#[test]
fn a_budget_that_anthropic_would_refuse_is_left_out_by_name() {
    let thinking = Thinking { effort: Some(Effort::High), ..Thinking::default() };
    let tool = Tool::Function(Function { name: "f".to_owned(), ..Function::default() });
    let forced = Request { tools: vec![tool], tool_choice: Some(ToolChoice::Any), ..plain() };
    let calls = vec![said(Role::User, "a"), Message::new(Role::Assistant, vec![call("c")], ""), result("c")];
    for request in [
        forced,
        Request { messages: calls, ..Request::default() },
        Request { max_output: Some(Tokens(900)), ..plain() },
    ] {
        let asked = Request { thinking, ..request };
        let (body, dropped) = sent(asked.clone(), "claude-haiku-4-5", OnUnsupported::Reject).unwrap();
        assert_eq!((&body["thinking"], dropped), (&Value::Null, vec!["reasoning.effort".to_owned()]));
        let (body, dropped) = sent(asked, "claude-opus-4-8", OnUnsupported::Reject).unwrap();
        assert_eq!((&body["thinking"]["type"], dropped.len()), (&json!("adaptive"), 0));
    }
}

#[test]
fn thoughts_are_shown_as_the_client_wants_them() {
    for (shown, display) in [(Shown::Omitted, "omitted"), (Shown::Auto, "summarized"), (Shown::Detailed, "summarized")]
    {
        let thinking = Thinking { effort: Some(Effort::Low), shown: Some(shown), ..Thinking::default() };
        assert_eq!(body(Request { thinking, ..plain() })["thinking"]["display"], display);
    }
}

#[test]
fn what_a_thinking_model_refuses_is_named() {
    let thinking = Thinking { effort: Some(Effort::Low), ..Thinking::default() };
    for (sampling, path) in [
        (Sampling { temperature: Some(0.2), ..Sampling::default() }, "temperature"),
        (Sampling { top_p: Some(0.5), ..Sampling::default() }, "top_p"),
        (Sampling { top_k: Some(5), ..Sampling::default() }, "top_k"),
    ] {
        let request = Request { sampling, thinking, ..plain() };
        let refused = sent(request.clone(), "m", OnUnsupported::Reject).unwrap_err();
        assert_eq!(refused.param(), Some(path));
        let (body, dropped) = sent(request, "m", OnUnsupported::Drop).unwrap();
        assert_eq!((&body[path], dropped), (&Value::Null, vec![path.to_owned()]));
        assert!(!body_of(sampling)[path].is_null(), "it is sent where the model does not think");
    }
}

fn body_of(sampling: Sampling) -> Value {
    body(Request { sampling, ..plain() })
}

#[test]
fn what_has_no_counterpart_is_refused_in_the_clients_words() {
    for (request, path) in [
        (Request { service_tier: Some(ServiceTier::Flex), ..plain() }, "service_tier"),
        (Request { logprobs: Some(2), ..plain() }, "top_logprobs"),
        (Request { response_format: ResponseFormat::JsonObject, ..plain() }, "text.format"),
        (Request { tools: vec![Tool::Foreign(file_search())], ..plain() }, "tools[0]"),
    ] {
        assert_eq!(sent(request, "m", OnUnsupported::Reject).unwrap_err().param(), Some(path));
    }
    let request = Request { verbosity: Some(Verbosity::Low), cache_key: Some("k".into()), ..plain() };
    let (_, dropped) = sent(request, "m", OnUnsupported::Reject).unwrap();
    assert_eq!(dropped, ["text.verbosity", "prompt_cache_key"], "what is missed by nobody is named all the same");
}

fn file_search() -> Foreign {
    let (kind, at) = ("file_search".to_owned(), "tools[0]".to_owned());
    Foreign { family: Dialect::OpenaiResponses, kind, value: json!({"type": "file_search"}), at }
}

#[test]
fn echoes_are_dropped_by_name_whatever_the_route_says() {
    let theirs = Signature::new(Dialect::OpenaiResponses, "rs_1:abc");
    let thought = Reasoning { signature: Some(theirs), ..Reasoning::default() };
    let cited = Text { text: "a".to_owned(), citations: vec![Citation::default()], ..Text::default() };
    let echo = Foreign { at: "input[3]".to_owned(), ..file_search() };
    let parts = vec![Part::Reasoning(thought), Part::Text(cited), Part::Foreign(echo)];
    let mut answer = Message::new(Role::Assistant, parts, "input[1]");
    answer.phase = Some("commentary".to_owned());
    let messages = vec![said(Role::User, "hi"), answer, said(Role::User, "more")];
    let request = Request { messages, cache_key: Some("k".to_owned()), ..Request::default() };
    let (body, dropped) = sent(request, "m", OnUnsupported::Reject).unwrap();
    assert_eq!(body["messages"][1]["content"], "a");
    assert_eq!(
        dropped,
        [
            "prompt_cache_key",
            "input[1].phase",
            "input[1].encrypted_content",
            "input[1].content[1].annotations",
            "input[3]"
        ]
    );
}

#[test]
fn results_come_right_after_their_calls_and_in_their_order() {
    let both = || Message::new(Role::Assistant, vec![call("a"), call("b.1")], "");
    let ids = |messages: Vec<Message>| {
        let body = body(Request { messages, ..Request::default() });
        let turn = body["messages"][2].clone();
        assert_eq!(turn["role"], "user");
        let calls: Vec<Value> =
            body["messages"][1]["content"].as_array().unwrap().iter().map(|block| block["id"].clone()).collect();
        let results: Vec<Value> =
            turn["content"].as_array().unwrap().iter().take(2).map(|block| block["tool_use_id"].clone()).collect();
        assert_eq!(calls, results);
        assert!(calls[1].as_str().unwrap().starts_with("b_1_"));
        body["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|turn| turn["role"].as_str().unwrap().to_owned())
            .collect::<String>()
    };
    let user = || said(Role::User, "hi");
    assert_eq!(ids(vec![user(), both(), result("b.1"), result("a")]), "userassistantuser");
    assert_eq!(ids(vec![user(), both(), said(Role::User, "wait"), result("a"), result("b.1")]), "userassistantuser");
    let between = said(Role::Assistant, "so");
    assert_eq!(
        ids(vec![user(), both(), result("a"), between, result("b.1"), said(Role::User, "go on")]),
        "userassistantuserassistantuser"
    );
}

#[test]
fn the_conversation_is_put_into_turns() {
    let messages = vec![
        said(Role::System, "be"),
        said(Role::User, "a"),
        said(Role::User, "  "),
        said(Role::User, "b"),
        said(Role::Developer, "short"),
        said(Role::Assistant, ""),
        said(Role::Assistant, "so far \n"),
    ];
    let body = body(Request { messages, ..Request::default() });
    assert_eq!(body["system"].as_array().unwrap().len(), 2);
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": "so far"},
        ])
    );
    let nothing = Request { messages: vec![said(Role::User, " ")], ..Request::default() };
    assert_eq!(sent(nothing, "m", OnUnsupported::Drop).unwrap_err().param(), Some("input"));
}

#[test]
fn marks_for_the_cache_stand_where_they_were() {
    let mark = Some(CacheMark { ttl: Some(CacheTtl::Hours) });
    let marked = json!({"type": "ephemeral", "ttl": "1h"});
    let text = |text: &str| Part::Text(Text { text: text.to_owned(), cache: mark, ..Text::default() });
    let messages = vec![
        Message::new(Role::System, vec![text("be")], "system"),
        Message::new(Role::User, vec![text("hi")], "messages[0]"),
    ];
    let tool = Tool::Function(Function { name: "f".to_owned(), cache: mark, ..Function::default() });
    let body = body(Request { messages, tools: vec![tool], cache: mark, ..Request::default() });
    for marks in [
        &body["cache_control"],
        &body["system"][0]["cache_control"],
        &body["messages"][0]["content"][0]["cache_control"],
        &body["tools"][0]["cache_control"],
    ] {
        assert_eq!(*marks, marked);
    }
}

#[test]
fn a_choice_among_some_tools_offers_only_those() {
    let function = |name: &str| Tool::Function(Function { name: name.to_owned(), ..Function::default() });
    let choice = ToolChoice::Allowed { required: true, names: vec!["g".to_owned()] };
    let tools = vec![function("f"), function("g"), Tool::WebSearch(WebSearch::default())];
    let body = body(Request { tools, tool_choice: Some(choice), parallel_tool_calls: Some(false), ..plain() });
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    assert_eq!(body["tool_choice"], json!({"type": "any", "disable_parallel_tool_use": true}));
}

#[test]
fn web_search_is_asked_for_as_anthropic_has_it() {
    let search = WebSearch {
        max_uses: Some(3),
        context_size: Some("medium".to_owned()),
        blocked_domains: vec!["a.b".to_owned()],
        user_location: Some(json!({"country": "DE"})),
        at: "tools[0]".to_owned(),
        ..WebSearch::default()
    };
    let with = |search: WebSearch| Request { tools: vec![Tool::WebSearch(search)], ..plain() };
    assert_eq!(
        body(with(search.clone()))["tools"][0],
        json!({
            "type": "web_search_20250305", "name": "web_search", "max_uses": 3, "blocked_domains": ["a.b"],
            "user_location": {"country": "DE", "type": "approximate"},
        })
    );
    let much = WebSearch { context_size: Some("high".to_owned()), ..search };
    let refused = sent(with(much), "m", OnUnsupported::Reject).unwrap_err();
    assert_eq!(refused.param(), Some("tools[0].search_context_size"));
}

#[test]
fn an_open_schema_is_closed() {
    let schema = json!({"type": "object", "properties": {}});
    let response_format = ResponseFormat::JsonSchema { name: Some("n".to_owned()), schema, strict: None };
    let format = &body(Request { response_format, ..plain() })["output_config"]["format"];
    assert_eq!(format["schema"]["additionalProperties"], false);
}
