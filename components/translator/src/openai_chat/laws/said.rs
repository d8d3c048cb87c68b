//! Requests and answers of all that chat completions can say.

use proptest::prelude::*;
use serde_json::json;
use weir_core::{Tokens, Usage};

use crate::canonical::*;

fn words() -> impl Strategy<Value = String> {
    "[a-z \u{e9}\u{1F600}\"\\\\\n]{1,12}"
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_-]{1,20}"
}

fn text() -> impl Strategy<Value = Part> {
    words().prop_map(|text| Part::Text(text.into()))
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        words().prop_map(|path| Source::Url(format!("https://a.example/{path}"))),
        "[A-Za-z0-9+/]{4}".prop_map(|base64| Source::Data { media_type: "image/png".into(), base64 }),
    ]
}

fn attachment() -> impl Strategy<Value = Part> {
    let detail = proptest::option::of(prop_oneof![Just("low".to_owned()), Just("high".to_owned())]);
    let pdf = |base64| Source::Data { media_type: "application/pdf".into(), base64 };
    let file = prop_oneof!["[A-Za-z0-9+/]{4}".prop_map(pdf), name().prop_map(Source::File)];
    let audio = |base64| Audio { source: Source::Data { media_type: "audio/wav".into(), base64 } };
    let document = |(source, name)| {
        // An id says by itself what the file is called.
        let name = if matches!(source, Source::File(_)) { None } else { Some(name) };
        Part::Document(Document { source, name, context: None, cite: false, cache: None })
    };
    prop_oneof![
        (source(), detail).prop_map(|(source, detail)| Part::Image(Image { source, detail, cache: None })),
        (file, name()).prop_map(document),
        "[A-Za-z0-9+/]{4}".prop_map(move |base64| Part::Audio(audio(base64))),
    ]
}

/// What one call says: its tool's place in the list, its arguments, and the words that answer it.
type Exchange = (usize, String, Vec<String>);

/// A turn of the conversation.
#[derive(Clone, Debug)]
enum Turn {
    Said(Role, Option<String>, Vec<Part>),
    Answered { name: Option<String>, thoughts: Option<String>, parts: Vec<Part>, calls: Vec<Exchange> },
}

fn turn() -> impl Strategy<Value = Turn> {
    let role = prop_oneof![Just(Role::System), Just(Role::Developer)];
    let user = proptest::collection::vec(prop_oneof![3 => text(), 1 => attachment()], 1..4);
    let exchange = (0usize..4, words(), proptest::collection::vec(words(), 1..3));
    let said = prop_oneof![
        (role, proptest::option::of(name()), proptest::collection::vec(text(), 1..3)),
        (Just(Role::User), proptest::option::of(name()), user),
    ];
    let refusal = proptest::option::of(words().prop_map(Part::Refusal));
    let answered = (
        (proptest::option::of(name()), proptest::option::of(words())),
        (proptest::collection::vec(text(), 0..3), refusal),
        proptest::collection::vec(exchange, 0..3),
    );
    prop_oneof![
        said.prop_map(|(role, name, parts)| Turn::Said(role, name, parts)),
        answered.prop_map(|((name, thoughts), (mut parts, refusal), calls)| {
            parts.extend(refusal);
            if parts.is_empty() && calls.is_empty() {
                parts.push(Part::Text(String::new().into()));
            }
            Turn::Answered { name, thoughts, parts, calls }
        }),
    ]
}

fn tools() -> impl Strategy<Value = Vec<Tool>> {
    let about = || proptest::option::of(words());
    let function = (about(), proptest::option::of(any::<bool>()), words()).prop_map(|(description, strict, word)| {
        let parameters = Some(json!({"type": "object", "properties": {word: {"type": "string"}}}));
        Tool::Function(Function { description, parameters, strict, ..Function::default() })
    });
    let grammar = proptest::option::of((prop_oneof![Just("lark".to_owned()), Just("regex".to_owned())], words()));
    let custom = (about(), grammar)
        .prop_map(|(description, grammar)| Tool::Custom(Custom { description, grammar, ..Custom::default() }));
    let tools = proptest::collection::vec(prop_oneof![function, custom], 1..4);
    (tools, proptest::option::of(words())).prop_map(|(mut tools, place)| {
        for (index, tool) in tools.iter_mut().enumerate() {
            match tool {
                Tool::Function(function) => function.name = format!("tool_{index}"),
                Tool::Custom(custom) => {
                    (custom.name, custom.at) = (format!("tool_{index}"), format!("tools[{index}]"));
                }
                _ => {}
            }
        }
        if let Some(city) = place {
            tools.push(Tool::WebSearch(WebSearch {
                context_size: Some("low".into()),
                user_location: Some(json!({"city": city})),
                at: "web_search_options".into(),
                ..WebSearch::default()
            }));
        }
        tools
    })
}

/// The messages of these turns. A call is of a tool that there is, or of a function.
fn messages(turns: Vec<Turn>, tools: &[Tool]) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    let at = |messages: &Vec<Message>| format!("messages[{}]", messages.len());
    for turn in turns {
        match turn {
            Turn::Said(role, name, parts) => {
                let message = Message::new(role, parts, at(&messages));
                messages.push(Message { name, ..message });
            }
            Turn::Answered { name, thoughts, parts, calls } => {
                let thoughts = thoughts.map(|text| Part::Reasoning(Reasoning { text, ..Reasoning::default() }));
                let mut whole: Vec<Part> = thoughts.into_iter().chain(parts).collect();
                let mut results = Vec::new();
                for (number, (tool, arguments, answer)) in calls.into_iter().enumerate() {
                    let id = format!("call_{}_{number}", messages.len());
                    let custom = matches!(tools.get(tool), Some(Tool::Custom(_)));
                    let arguments = if custom { arguments } else { json!({"input": arguments}).to_string() };
                    let name = format!("tool_{tool}");
                    let call = ToolCall { id: id.clone(), name, arguments, custom, ..ToolCall::default() };
                    whole.push(Part::ToolCall(call));
                    let parts = answer.into_iter().map(|text| Part::Text(text.into())).collect();
                    results.push(ToolResult { id, parts, custom, ..ToolResult::default() });
                }
                let message = Message::new(Role::Assistant, whole, at(&messages));
                messages.push(Message { name, ..message });
                for result in results {
                    let message = Message::new(Role::Tool, vec![Part::ToolResult(result)], at(&messages));
                    messages.push(message);
                }
            }
        }
    }
    messages
}

fn conversation() -> impl Strategy<Value = Request> {
    (proptest::collection::vec(turn(), 1..6), proptest::option::of(tools())).prop_map(|(turns, tools)| {
        let tools = tools.unwrap_or_default();
        Request { messages: messages(turns, &tools), tools, model: "m".into(), ..Request::default() }
    })
}

/// The wishes beside the conversation, by twos and threes since a tuple of strategies holds only so many.
pub(super) fn request() -> impl Strategy<Value = Request> {
    let option = |strategy: std::ops::Range<f64>| proptest::option::of(strategy);
    let sampling = (
        option(0.0..2.0),
        option(0.0..1.0),
        proptest::option::of(1u32..100),
        option(-2.0..2.0),
        option(-2.0..2.0),
        proptest::option::of(any::<i64>()),
    );
    let format = prop_oneof![
        Just(ResponseFormat::Text),
        Just(ResponseFormat::JsonObject),
        (name(), proptest::option::of(any::<bool>())).prop_map(|(name, strict)| ResponseFormat::JsonSchema {
            name: Some(name),
            schema: json!({"type": "object"}),
            strict,
        }),
    ];
    let choice = prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::None),
        Just(ToolChoice::Any),
        Just(ToolChoice::Tool("tool_0".into())),
        any::<bool>().prop_map(|required| ToolChoice::Allowed { required, names: vec!["tool_0".into()] }),
    ];
    let tier = prop_oneof![
        Just(ServiceTier::Auto),
        Just(ServiceTier::Standard),
        Just(ServiceTier::Flex),
        Just(ServiceTier::Priority)
    ];
    let verbosity = prop_oneof![Just(Verbosity::Low), Just(Verbosity::Medium), Just(Verbosity::High)];
    let effort = proptest::option::of((0usize..7).prop_map(|at| Effort::ALL[at]));
    let labels = (
        proptest::option::of(name()),
        proptest::collection::btree_map(name(), words(), 0..3),
        proptest::option::of(tier),
        proptest::option::of(verbosity),
        proptest::option::of(name()),
        any::<bool>(),
    );
    let answer = (
        proptest::option::of(any::<u32>()),
        proptest::option::of(2u32..9),
        proptest::option::of(0u32..20),
        proptest::collection::vec(words(), 0..4),
        any::<bool>(),
        effort,
    );
    let tools = (proptest::option::of(choice), proptest::option::of(any::<bool>()));
    (conversation(), sampling, format, labels, answer, tools).prop_map(
        |(mut request, sampling, format, labels, answer, tools)| {
            let (temperature, top_p, top_k, frequency_penalty, presence_penalty, seed) = sampling;
            request.sampling = Sampling { temperature, top_p, top_k, frequency_penalty, presence_penalty, seed };
            request.response_format = format;
            let (user, metadata, service_tier, verbosity, cache_key, hours) = labels;
            (request.user, request.metadata) = (user, metadata.into_iter().collect());
            (request.service_tier, request.verbosity, request.cache_key) = (service_tier, verbosity, cache_key);
            request.cache = hours.then_some(CacheMark { ttl: Some(CacheTtl::Hours) });
            let (most, candidates, logprobs, stop, stream, effort) = answer;
            request.max_output = most.map(|most| Tokens(u64::from(most)));
            (request.candidates, request.logprobs, request.stop) = (candidates, logprobs, stop);
            // The gateway itself asks for the usage.
            (request.stream, request.include_usage, request.thinking.effort) = (stream, stream, effort);
            if !request.tools.is_empty() {
                (request.tool_choice, request.parallel_tool_calls) = tools;
            }
            request
        },
    )
}

fn call() -> impl Strategy<Value = Part> {
    (name(), words(), any::<bool>()).prop_map(|(name, word, custom)| {
        let arguments = if custom { word } else { json!({"input": word}).to_string() };
        Part::ToolCall(ToolCall { name, arguments, custom, ..ToolCall::default() })
    })
}

fn token() -> impl Strategy<Value = TokenLogprob> {
    let top = (words(), -9.0..0.0).prop_map(|(token, logprob)| TopLogprob { token, logprob, bytes: None });
    (words(), -9.0..0.0, proptest::collection::vec(top, 0..3)).prop_map(|(token, logprob, top)| {
        let bytes = Some(token.clone().into_bytes());
        TokenLogprob { token, logprob, bytes, top }
    })
}

fn candidate() -> impl Strategy<Value = Candidate> {
    let citation = (words(), words(), proptest::option::of(words()), 0u64..9, 1u64..9).prop_map(
        |(url, title, cited_text, from, length)| Citation {
            url: Some(url),
            title: Some(title),
            cited_text,
            range: Some((from, from + length)),
        },
    );
    let said = (words(), proptest::collection::vec(citation, 0..3), proptest::collection::vec(token(), 0..3))
        .prop_map(|(text, citations, logprobs)| Part::Text(Text { text, citations, logprobs, cache: None }));
    let thoughts = words().prop_map(|text| Part::Reasoning(Reasoning { text, ..Reasoning::default() }));
    let finish = prop_oneof![Just(Finish::Stop), Just(Finish::Length), Just(Finish::ContentFilter)];
    (
        proptest::option::of(thoughts),
        proptest::option::of(said),
        proptest::option::of(words().prop_map(Part::Refusal)),
        proptest::collection::vec(call(), 0..3),
        finish,
    )
        .prop_map(|(thoughts, said, refusal, mut calls, finish)| {
            for (part, index) in calls.iter_mut().zip(0..) {
                if let Part::ToolCall(call) = part {
                    call.id = format!("call_{index}");
                }
            }
            let finish = if calls.is_empty() { finish } else { Finish::ToolCalls };
            let parts = thoughts.into_iter().chain(said).chain(refusal).chain(calls).collect();
            Candidate { parts, finish }
        })
}

fn usage() -> impl Strategy<Value = Usage> {
    (0u64..1_000, 0u64..1_000, 0u64..1_000, 0u64..1_000).prop_map(|(input, output, cached, reasoning)| Usage {
        input: Tokens(input + cached),
        output: Tokens(output + reasoning),
        cache_read: Tokens(cached),
        reasoning: Tokens(reasoning),
        ..Usage::default()
    })
}

pub(super) fn response() -> impl Strategy<Value = Response> {
    (proptest::collection::vec(candidate(), 1..3), usage()).prop_map(|(candidates, usage)| Response {
        id: "chatcmpl-1".into(),
        model: "m".into(),
        candidates,
        usage,
        service_tier: Some(ServiceTier::Flex),
    })
}
