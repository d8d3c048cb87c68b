//! Requests, read.

use serde_json::{Value, json};
use weir_core::json::Object;
use weir_core::{Dialect, GatewayError, Tokens};

use crate::anthropic::decode_request;
use crate::canonical::{
    CacheMark, CacheTtl, Effort, Loading, Part, Request, ResponseFormat, Role, ServiceTier, Shown, Signature, Source,
    ThinkingMode, Tool, ToolChoice,
};
use crate::tools::{ToolNames, ToolRules};

fn read(body: &Value) -> Result<Request, GatewayError> {
    decode_request(&Object::parse(body.to_string().as_bytes(), 64).unwrap())
}

/// A request with this conversation.
fn said(messages: &Value) -> Request {
    read(&json!({"model": "m", "max_tokens": 9, "messages": messages})).unwrap()
}

/// A request with these members besides a plain question.
fn with(members: &Value) -> Result<Request, GatewayError> {
    let mut body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    for (key, value) in members.as_object().unwrap() {
        body[key] = value.clone();
    }
    read(&body)
}

fn unplaced(request: &Request) -> Vec<&str> {
    request.unplaced.iter().map(|field| field.path.as_str()).collect()
}

#[test]
fn everything_has_its_place() {
    let request = with(&json!({
        "system": [{"type": "text", "text": "be", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "cache_control": {"type": "ephemeral"},
        "temperature": 0.5, "top_p": 0.9, "top_k": 7, "stop_sequences": ["END"], "stream": true,
        "metadata": {"user_id": "u"}, "service_tier": "standard_only",
        "thinking": {"type": "enabled", "budget_tokens": 2048, "display": "omitted"},
        "output_config": {"effort": "xhigh", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": true},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "speed": "standard", "container": null, "mcp_servers": [],
    }))
    .unwrap();
    assert_eq!(unplaced(&request), [""; 0]);
    let Part::Text(system) = &request.messages[0].parts[0] else { panic!("no text") };
    assert_eq!(system.cache, Some(CacheMark { ttl: Some(CacheTtl::Hours) }));
    assert_eq!((request.messages[0].role, request.messages[0].at.as_str()), (Role::System, "system"));
    assert_eq!(request.cache, Some(CacheMark { ttl: None }));
    assert_eq!(
        (request.sampling.temperature, request.sampling.top_p, request.sampling.top_k),
        (Some(0.5), Some(0.9), Some(7))
    );
    assert_eq!((request.stop, request.stream, request.user.as_deref()), (vec!["END".to_owned()], true, Some("u")));
    assert_eq!(request.thinking.mode, Some(ThinkingMode::Budget(Tokens(2048))));
    assert_eq!((request.thinking.shown, request.thinking.effort), (Some(Shown::Omitted), Some(Effort::ExtraHigh)));
    assert!(matches!(request.response_format, ResponseFormat::JsonSchema { strict: Some(true), .. }));
    assert_eq!(request.tool_choice, Some(ToolChoice::Tool("f".to_owned())));
    assert_eq!((request.parallel_tool_calls, request.service_tier), (Some(false), Some(ServiceTier::Standard)));
}

#[test]
fn what_has_no_place_is_named() {
    for (members, path) in [
        (json!({"container": "c"}), "container"),
        (json!({"mcp_servers": [{"type": "url"}]}), "mcp_servers"),
        (json!({"speed": "fast"}), "speed"),
        (json!({"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}}), "context_management"),
        (
            json!({"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": {"type": "thinking_turns", "value": 1}}]}}),
            "context_management",
        ),
        (json!({"output_config": {"task_budget": {"type": "tokens", "total": 9}}}), "output_config.task_budget"),
        (json!({"thinking": {"type": "between_tools"}}), "thinking.type"),
        (json!({"metadata": {"user_id": null, "other": 1}}), "metadata.other"),
        (json!({"tools": [{"name": "f", "input_schema": {}, "input_examples": [{}]}]}), "tools[0].input_examples"),
        (json!({"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}), "messages[0].content[0]"),
    ] {
        assert_eq!(unplaced(&with(&members).unwrap()), [path], "{members}");
    }
}

#[test]
fn what_is_wrong_is_named() {
    for (body, path) in [
        (json!({"messages": [{"role": "user", "content": "hi"}]}), "max_tokens"),
        (json!({"max_tokens": 9}), "messages"),
        (json!({"max_tokens": 9, "messages": [{"role": "tool", "content": "hi"}]}), "messages[0].role"),
        (
            json!({"max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "text"}]}]}),
            "messages[0].content[0].text",
        ),
        (
            json!({"max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "image"}]}]}),
            "messages[0].content[0].source",
        ),
        (json!({"max_tokens": "9", "messages": [{"role": "user", "content": "hi"}]}), "max_tokens"),
    ] {
        assert_eq!(read(&body).unwrap_err().param(), Some(path), "{body}");
    }
}

#[test]
fn documents_come_in_all_their_forms() {
    let source = |source: Value| {
        let block =
            json!({"type": "document", "source": source, "title": "t", "context": "c", "citations": {"enabled": true}});
        let request = said(&json!([{"role": "user", "content": [block]}]));
        let Part::Document(document) = request.messages[0].parts[0].clone() else { panic!("no document") };
        assert_eq!(
            (document.name.as_deref(), document.context.as_deref(), document.cite),
            (Some("t"), Some("c"), true)
        );
        document.source
    };
    let base64 = json!({"type": "base64", "media_type": "application/pdf", "data": "JVBE"});
    let data = Source::Data { media_type: "application/pdf".to_owned(), base64: "JVBE".to_owned() };
    assert_eq!(source(base64), data);
    assert_eq!(source(json!({"type": "text", "media_type": "text/plain", "data": "w"})), Source::Text("w".to_owned()));
    assert_eq!(source(json!({"type": "url", "url": "https://a"})), Source::Url("https://a".to_owned()));
    assert_eq!(source(json!({"type": "file", "file_id": "f"})), Source::File("f".to_owned()));
    let blocks = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
    assert_eq!(source(json!({"type": "content", "content": blocks})), Source::Text("a\n\nb".to_owned()));
    let result = json!({"type": "search_result", "title": "t", "source": "https://a", "content": blocks, "citations": {"enabled": true}});
    let request = said(&json!([{"role": "user", "content": [result]}]));
    let Part::Document(document) = &request.messages[0].parts[0] else { panic!("no document") };
    assert_eq!((document.name.as_deref(), document.cite), (Some("t"), true));
    assert_eq!(document.source, Source::Text("https://a\n\na\n\nb".to_owned()));
}

#[test]
fn what_tools_answered_is_a_message_of_its_own() {
    let request = said(&json!([
        {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1.0}, "caller": {"type": "direct"}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "a", "is_error": true, "content": [{"type": "text", "text": "no"}]},
            {"type": "tool_result", "tool_use_id": "b"},
            {"type": "text", "text": "and?"},
        ]},
    ]));
    assert_eq!(unplaced(&request), [""; 0]);
    let roles: Vec<Role> = request.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::Assistant, Role::Tool, Role::Tool, Role::User]);
    let Part::ToolCall(call) = &request.messages[0].parts[0] else { panic!("no call") };
    assert_eq!(call.arguments, r#"{"x":1.0}"#);
    let Part::ToolResult(result) = &request.messages[1].parts[0] else { panic!("no result") };
    assert!(result.is_error && result.parts == [Part::Text("no".to_owned().into())]);
}

#[test]
fn proofs_of_other_families_come_back_as_theirs() {
    let theirs = Signature::new(Dialect::OpenaiResponses, "rs_1:abc");
    let nobodys = Signature::new(Dialect::OpenaiChat, "").wrap(false);
    let request = said(&json!([{"role": "assistant", "content": [
        {"type": "thinking", "thinking": "a", "signature": "sig"},
        {"type": "thinking", "thinking": "b", "signature": theirs.wrap(false)},
        {"type": "redacted_thinking", "data": theirs.wrap(true)},
        {"type": "thinking", "thinking": "c", "signature": nobodys},
        {"type": "thinking", "thinking": "d", "signature": ""},
    ]}]));
    let own = Signature::new(Dialect::AnthropicMessages, "sig");
    let proofs: Vec<_> = request.messages[0]
        .parts
        .iter()
        .map(|part| match part {
            Part::Reasoning(reasoning) => (reasoning.signature.clone(), reasoning.redacted),
            _ => panic!("no thoughts"),
        })
        .collect();
    assert_eq!(
        proofs,
        [(Some(own), false), (Some(theirs.clone()), false), (Some(theirs), true), (None, false), (None, false)]
    );
}

#[test]
fn system_words_in_the_midst_stay_there_until_they_are_cleared() {
    let conversation = |clear_at: &str| {
        let system =
            json!({"role": "system", "content": "be short", "clear_at": clear_at, "output_config": {"effort": "low"}});
        said(
            &json!([{"role": "user", "content": "a"}, system, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]),
        )
    };
    let kept = conversation("never");
    assert_eq!((kept.messages[1].role, kept.messages.len()), (Role::System, 4));
    assert_eq!(kept.thinking.effort, Some(Effort::Low));
    assert_eq!(conversation("next_user_message").messages.len(), 3);
}

#[test]
fn tools_are_functions_or_searches_or_anthropics_alone() {
    let request = with(&json!({"tools": [
        {"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": true, "eager_input_streaming": true},
        {"type": "custom", "name": "g", "input_schema": {}},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 8, "allowed_domains": ["a.b"], "user_location": {"type": "approximate", "city": "Ulm"}},
        {"type": "bash_20250124", "name": "bash"},
    ]}))
    .unwrap();
    assert_eq!(unplaced(&request), [""; 0]);
    let [Tool::Function(f), Tool::Function(g), Tool::WebSearch(search), Tool::Foreign(bash)] = request.tools.as_slice()
    else {
        panic!("{:?}", request.tools)
    };
    assert_eq!((f.strict, g.strict, g.name.as_str()), (Some(true), None, "g"));
    assert_eq!((search.max_uses, &search.user_location), (Some(8), &Some(json!({"city": "Ulm"}))));
    assert_eq!((bash.kind.as_str(), bash.at.as_str()), ("bash_20250124", "tools[3]"));
}

#[test]
fn a_deferred_tool_is_left_out_until_something_names_it() {
    let offered = |tools: Value, content: Value| {
        let mut request = with(&json!({"tools": tools, "messages": [{"role": "user", "content": content}]})).unwrap();
        let loading: Vec<Loading> = request
            .tools
            .iter()
            .filter_map(|tool| match tool {
                Tool::Function(function) => Some(function.loading),
                _ => None,
            })
            .collect();
        let _ = ToolNames::adapt(&mut request, ToolRules { name: 64, custom: false });
        let always = |tool: &Tool| !matches!(tool, Tool::Function(function) if function.loading != Loading::Always);
        assert!(request.tools.iter().all(always), "what is offered is offered from the start");
        (loading, request.tools.len())
    };
    let tools = json!([{"name": "f", "input_schema": {}}, {"name": "g", "input_schema": {}, "defer_loading": true}]);
    assert_eq!(offered(tools.clone(), json!("hi")), (vec![Loading::Always, Loading::Deferred], 1));
    let found =
        json!([{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "tool_reference", "tool_name": "g"}]}]);
    assert_eq!(offered(tools.clone(), found), (vec![Loading::Always, Loading::Found], 2));
    let mut searched = tools;
    searched.as_array_mut().unwrap().push(json!({"type": "tool_search_tool_bm25_20251119", "name": "s"}));
    assert_eq!(offered(searched, json!("hi")).1, 3);
}

#[test]
fn what_anthropics_tools_did_is_its_own() {
    let request = said(&json!([
        {"role": "assistant", "content": [
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
            {"type": "compaction", "content": "summary"},
        ]},
        {"role": "user", "content": [{"type": "container_upload", "file_id": "f"}]},
        {"role": "system", "content": [{"type": "tool_addition", "tool": {"type": "tool_reference", "name": "g"}}]},
    ]));
    let foreign: Vec<&str> = request
        .messages
        .iter()
        .flat_map(|message| &message.parts)
        .map(|part| match part {
            Part::Foreign(foreign) => foreign.at.as_str(),
            _ => panic!("not foreign"),
        })
        .collect();
    assert_eq!(foreign.len(), 5);
    assert_eq!((foreign[1], foreign[4]), ("messages[0].content[1]", "messages[2].content[0]"));
}
