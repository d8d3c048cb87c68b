//! Requests: written for a backend, read from a client.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;
use weir_core::config::Quirks;
use weir_core::json::Object;
use weir_core::plan::OnUnsupported;
use weir_core::{Dialect, Tokens};

use crate::anthropic::{decode_request, encode_request};
use crate::canonical::{
    CacheMark, CacheTtl, Document, Effort, Function, Image, Loading, Message, Part, Reasoning, Request, ResponseFormat,
    Role, Sampling, ServiceTier, Shown, Signature, Source, Text, Thinking, ThinkingMode, Tool, ToolCall, ToolChoice,
    ToolResult, WebSearch,
};
use crate::codec::Target;
use crate::unsupported::Unsupported;

fn words() -> impl Strategy<Value = String> {
    "[a-z\"\\\\\u{e9}\u{1F600}]{1,12}( [a-z]{1,5}\n?[a-z]){0,2}"
}

fn mark() -> impl Strategy<Value = Option<CacheMark>> {
    let ttl = prop_oneof![Just(None), Just(Some(CacheTtl::Minutes)), Just(Some(CacheTtl::Hours))];
    option::weighted(0.2, ttl.prop_map(|ttl| CacheMark { ttl }))
}

fn text() -> impl Strategy<Value = Part> {
    (words(), mark()).prop_map(|(text, cache)| Part::Text(Text { text, cache, ..Text::default() }))
}

fn image() -> impl Strategy<Value = Part> {
    let data = Source::Data { media_type: "image/png".to_owned(), base64: "iVBO".to_owned() };
    let source = prop_oneof![Just(data), words().prop_map(Source::Url), words().prop_map(Source::File)];
    (source, mark()).prop_map(|(source, cache)| Part::Image(Image { source, detail: None, cache }))
}

fn document() -> impl Strategy<Value = Part> {
    let data = Source::Data { media_type: "application/pdf".to_owned(), base64: "JVBE".to_owned() };
    let source = prop_oneof![Just(data), words().prop_map(Source::Url), words().prop_map(Source::Text)];
    let rest = (option::of(words()), option::of(words()), any::<bool>(), mark());
    (source, rest).prop_map(|(source, (name, context, cite, cache))| {
        Part::Document(Document { source, name, context, cite, cache })
    })
}

fn thought() -> impl Strategy<Value = Part> {
    (words(), words(), any::<bool>()).prop_map(|(text, proof, redacted)| {
        let text = if redacted { String::new() } else { text };
        let signature = Some(Signature::new(Dialect::AnthropicMessages, proof));
        Part::Reasoning(Reasoning { text, signature, redacted, ..Reasoning::default() })
    })
}

/// What a turn of the user's, the answer to it and what its tools answer are made of.
type Round = (Vec<Part>, Vec<Part>, Vec<(Part, Vec<Part>, bool)>);

fn round() -> impl Strategy<Value = Round> {
    let asked = vec(prop_oneof![text(), image(), document()], 1..4);
    let said = (option::of(thought()), text()).prop_map(|(thought, text)| thought.into_iter().chain([text]).collect());
    let call = (words(), mark()).prop_map(|(argument, cache)| {
        let arguments = json!({"a": argument, "n": 1.5}).to_string();
        Part::ToolCall(ToolCall { name: "f".to_owned(), arguments, cache, ..ToolCall::default() })
    });
    let calls = vec((call, vec(prop_oneof![text(), image()], 0..3), any::<bool>()), 0..3);
    (asked, said, calls)
}

fn conversation() -> impl Strategy<Value = Vec<Message>> {
    (option::of(vec(text(), 1..3)), vec(round(), 1..4)).prop_map(|(system, rounds)| {
        let mut messages: Vec<Message> =
            system.map(|parts| Message::new(Role::System, parts, "system")).into_iter().collect();
        let mut number = 0;
        for (asked, mut said, calls) in rounds {
            messages.push(Message::new(Role::User, asked, ""));
            let mut results = Vec::new();
            for (mut call, parts, is_error) in calls {
                let id = format!("toolu_{number}");
                number += 1;
                if let Part::ToolCall(call) = &mut call {
                    call.id.clone_from(&id);
                }
                said.push(call);
                let result = ToolResult { id, parts, is_error, ..ToolResult::default() };
                results.push(Message::new(Role::Tool, vec![Part::ToolResult(result)], ""));
            }
            messages.push(Message::new(Role::Assistant, said, ""));
            messages.extend(results);
        }
        messages
    })
}

fn tools() -> impl Strategy<Value = Vec<Tool>> {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false});
    let strict = prop_oneof![Just(None), Just(Some(true))];
    let loading = prop_oneof![Just(Loading::Always), Just(Loading::Deferred)];
    let function =
        (option::of(words()), strict, mark(), loading).prop_map(move |(description, strict, cache, loading)| {
            let parameters = Some(schema.clone());
            Tool::Function(Function { name: "f".to_owned(), description, parameters, strict, cache, loading })
        });
    let search = (option::of(1u32..9), vec(words(), 0..2)).prop_map(|(max_uses, allowed_domains)| {
        let user_location = Some(json!({"city": "Ulm"}));
        Tool::WebSearch(WebSearch { max_uses, allowed_domains, user_location, ..WebSearch::default() })
    });
    vec(prop_oneof![3 => function, 1 => search], 0..3)
}

fn choice() -> impl Strategy<Value = (Option<ToolChoice>, Option<bool>)> {
    let some = prop_oneof![Just(ToolChoice::Auto), Just(ToolChoice::Any), Just(ToolChoice::Tool("f".to_owned()))];
    prop_oneof![
        Just((None, None)),
        Just((Some(ToolChoice::None), None)),
        (some, prop_oneof![Just(None), Just(Some(false))]).prop_map(|(choice, parallel)| (Some(choice), parallel)),
    ]
}

fn thinking() -> impl Strategy<Value = Thinking> {
    let effort = || option::of(prop::sample::select(&Effort::ALL[2..]));
    let shown = option::of(prop_oneof![Just(Shown::Omitted), Just(Shown::Auto)]);
    let on = prop_oneof![Just(ThinkingMode::Adaptive), (1_024u64..5_000).prop_map(|n| ThinkingMode::Budget(Tokens(n)))];
    prop_oneof![
        Just(Thinking::default()),
        effort().prop_map(|effort| Thinking { mode: Some(ThinkingMode::Off), effort, ..Thinking::default() }),
        (on, effort(), shown).prop_map(|(mode, effort, shown)| Thinking {
            mode: Some(mode),
            effort,
            shown,
            proofs: false
        }),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let sampling = (option::of(0.0..1.0), option::of(0.1..1.0), option::of(1u32..99))
        .prop_map(|(temperature, top_p, top_k)| Sampling { temperature, top_p, top_k, ..Sampling::default() });
    let format = prop_oneof![
        Just(ResponseFormat::Text),
        Just(ResponseFormat::JsonSchema {
            name: None,
            schema: json!({"type": "object", "properties": {}, "additionalProperties": false}),
            strict: Some(true),
        })
    ];
    let tier = option::of(prop_oneof![Just(ServiceTier::Auto), Just(ServiceTier::Standard)]);
    let rest = (vec(words(), 0..2), option::of(words()), tier, mark(), any::<bool>());
    (conversation(), tools(), choice(), thinking(), sampling, format, rest).prop_map(
        |(messages, tools, choice, thinking, sampling, response_format, (stop, user, service_tier, cache, stream))| {
            let (tool_choice, parallel_tool_calls) = if tools.is_empty() { (None, None) } else { choice };
            // Within a budget neither forced calls nor calls without thoughts are to be had, nor samplings while it thinks.
            let thinks = !matches!(thinking.mode, None | Some(ThinkingMode::Off));
            let (tool_choice, parallel_tool_calls) =
                if thinks { (None, None) } else { (tool_choice, parallel_tool_calls) };
            let sampling = if thinks { Sampling::default() } else { sampling };
            let messages_end_in_results = messages.last().is_some_and(|message| message.role == Role::Tool);
            let thinking = if messages_end_in_results { Thinking::default() } else { thinking };
            Request {
                model: "m".to_owned(),
                max_output: Some(Tokens(8_192)),
                messages,
                tools,
                tool_choice,
                parallel_tool_calls,
                response_format,
                sampling,
                stop,
                thinking,
                stream,
                user,
                service_tier,
                cache,
                ..Request::default()
            }
        },
    )
}

/// A request without the places where its parts stand.
fn placeless(mut request: Request) -> Request {
    request.messages.iter_mut().for_each(|message| message.at.clear());
    for tool in &mut request.tools {
        if let Tool::WebSearch(search) = tool {
            search.at.clear();
        }
    }
    request
}

proptest! {
    #[test]
    fn requests_are_read_as_they_were_written(request in request()) {
        let mut unsupported = Unsupported::new(OnUnsupported::Reject, Dialect::AnthropicMessages, Dialect::AnthropicMessages);
        let target = Target { model: "m", max_output: Tokens(1), quirks: &Quirks::default() };
        let body = encode_request(request.clone(), &target, &mut unsupported).unwrap();
        prop_assert!(unsupported.into_dropped().is_empty());
        let read = decode_request(&Object::parse(&body, 64).unwrap()).unwrap();
        prop_assert_eq!(placeless(read), placeless(request), "{}", String::from_utf8_lossy(&body));
    }
}
