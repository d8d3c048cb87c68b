//! Requests.

use proptest::prelude::*;
use serde_json::{Value, json};
use weir_core::config::Quirks;
use weir_core::json::Object;
use weir_core::plan::OnUnsupported;
use weir_core::{Dialect, Tokens};
use weir_translator::canonical::{
    CacheMark, CacheTtl, Citation, Custom, Document, Effort, Foreign, Function, Image, Loading, Message, Part,
    Reasoning, Request, ResponseFormat, Role, Sampling, ServiceTier, Shown, Signature, Source, Text, Thinking, Tool,
    ToolCall, ToolChoice, ToolResult, Verbosity, WebSearch,
};
use weir_translator::codec::Target;
use weir_translator::openai_responses::{decode_request, encode_request};
use weir_translator::unsupported::Unsupported;

/// The request as a backend of responses gets it, read again.
fn there_and_back(request: Request) -> (Value, Request) {
    let mut unsupported = Unsupported::new(OnUnsupported::Reject, Dialect::OpenaiResponses, Dialect::OpenaiResponses);
    let quirks = Quirks::default();
    let target = Target { model: "m", max_output: Tokens(4096), quirks: &quirks };
    let bytes = encode_request(request, &target, &mut unsupported).unwrap();
    assert!(unsupported.into_dropped().is_empty());
    let back = decode_request(&Object::parse(&bytes, 64).unwrap()).unwrap();
    (serde_json::from_slice(&bytes).unwrap(), back)
}

/// Takes out where things stand, which is another place each time, and what is written into each request.
fn placeless(mut request: Request) -> Request {
    for message in &mut request.messages {
        message.at.clear();
        for part in &mut message.parts {
            if let Part::Foreign(foreign) = part {
                foreign.at.clear();
            }
        }
    }
    for tool in &mut request.tools {
        match tool {
            Tool::Custom(custom) => custom.at.clear(),
            Tool::WebSearch(search) => search.at.clear(),
            Tool::Foreign(foreign) => foreign.at.clear(),
            Tool::Function(_) => {}
        }
    }
    request.thinking.proofs = true;
    request
}

const WORDS: &str = "\\PC{1,16}";

fn data() -> impl Strategy<Value = Source> {
    prop_oneof![
        Just(Source::Url("https://pics.example/a".into())),
        Just(Source::File("file-1".into())),
        prop_oneof!["image/png", "application/pdf"]
            .prop_map(|media_type| Source::Data { media_type, base64: "AAAA".into() }),
    ]
}

fn image() -> impl Strategy<Value = Part> {
    let detail = prop::option::of(prop_oneof!["low", "high", "original"]);
    (data(), detail).prop_map(|(source, detail)| Part::Image(Image { source, detail, cache: None }))
}

fn document() -> impl Strategy<Value = Part> {
    let document = |source, name| Document { source, name, context: None, cite: false, cache: None };
    data().prop_map(move |source| {
        // A name is of bytes alone, which must have one.
        let name = matches!(source, Source::Data { .. }).then(|| "a.pdf".to_owned());
        Part::Document(document(source, name))
    })
}

fn heard() -> impl Strategy<Value = Vec<Part>> {
    let text = WORDS.prop_map(|text| Part::Text(text.into()));
    prop::collection::vec(prop_oneof![3 => text, 1 => image(), 1 => document()], 0..4)
}

fn name() -> impl Strategy<Value = String> {
    "([a-z]{1,6}::)?[a-zA-Z0-9_-]{1,12}"
}

fn answered() -> impl Strategy<Value = Part> {
    let citation = ("[a-z]{1,6}", 0u64..9).prop_map(|(host, end)| Citation {
        url: Some(format!("https://{host}.example")),
        title: Some(host),
        cited_text: None,
        range: Some((0, end)),
    });
    let text = (WORDS, prop::collection::vec(citation, 0..2))
        .prop_map(|(text, citations)| Part::Text(Text { text, citations, ..Text::default() }));
    let reasoning = ("rs_[a-z]{3}", prop::collection::vec(WORDS, 0..3), "\\PC{0,8}", any::<bool>()).prop_map(
        |(id, summary, text, proven)| {
            let signature = proven.then(|| Signature::new(Dialect::OpenaiResponses, format!("{id}:gAAA:x")));
            Part::Reasoning(Reasoning { text, summary, signature, redacted: false, id: Some(id) })
        },
    );
    let call = ("c[0-9]{1,9}", name(), "\\S\\PC{0,9}", any::<bool>()).prop_map(|(id, name, arguments, custom)| {
        Part::ToolCall(ToolCall { id, name, arguments, custom, ..ToolCall::default() })
    });
    let foreign = Just(Part::Foreign(Foreign {
        family: Dialect::OpenaiResponses,
        kind: "web_search_call".into(),
        value: json!({"type": "web_search_call", "id": "ws_1", "status": "completed"}),
        at: String::new(),
    }));
    prop_oneof![3 => text, 1 => WORDS.prop_map(Part::Refusal), 2 => reasoning, 2 => call, 1 => foreign]
}

/// A turn of the model's, and what comes before it.
fn turns() -> impl Strategy<Value = Vec<Message>> {
    let result = ("c[0-9]{1,9}", heard(), any::<bool>()).prop_map(|(id, parts, custom)| {
        // Nothing is the same as an empty text.
        let parts = if parts.is_empty() { vec![Part::Text(String::new().into())] } else { parts };
        let result = ToolResult { id, parts, custom, ..ToolResult::default() };
        Message::new(Role::Tool, vec![Part::ToolResult(result)], "")
    });
    let role = prop_oneof![Just(Role::User), Just(Role::System), Just(Role::Developer)];
    let said = (role, heard()).prop_map(|(role, parts)| {
        let parts = if parts.is_empty() { vec![Part::Text(String::new().into())] } else { parts };
        Message::new(role, parts, "")
    });
    let phase = prop::option::of(prop_oneof!["commentary", "final_answer"]);
    let spoken = (prop::collection::vec(answered(), 1..5), phase).prop_map(|(parts, phase)| {
        // It is the words that are said in a phase.
        let words = parts.iter().any(|part| matches!(part, Part::Text(_) | Part::Refusal(_)));
        Message { phase: phase.filter(|_| words), ..Message::new(Role::Assistant, parts, "") }
    });
    let before = prop::collection::vec(prop_oneof![2 => said, 1 => result], 1..3);
    prop::collection::vec((before, spoken), 0..3).prop_map(|turns| {
        let mut messages = Vec::new();
        for (before, spoken) in turns {
            messages.extend(before);
            messages.push(spoken);
        }
        messages.push(Message::new(Role::User, vec![Part::Text("Go.".to_owned().into())], ""));
        messages
    })
}

fn tool() -> impl Strategy<Value = Tool> {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let loading = prop_oneof![3 => Just(Loading::Always), 1 => Just(Loading::Deferred)];
    let function = (name(), prop::option::of(WORDS), any::<bool>(), loading).prop_map(
        move |(name, description, strict, loading)| {
            let parameters = Some(schema.clone());
            Tool::Function(Function {
                name,
                description,
                parameters,
                strict: Some(strict),
                loading,
                ..Function::default()
            })
        },
    );
    let grammar = prop::option::of((prop_oneof!["lark", "regex"], WORDS));
    let custom = (name(), prop::option::of(WORDS), grammar).prop_map(|(name, description, grammar)| {
        Tool::Custom(Custom { name, description, grammar, at: String::new() })
    });
    let search = prop::option::of(prop_oneof!["low", "high"]).prop_map(|context_size| {
        let user_location = context_size.is_some().then(|| json!({"city": "Bern"}));
        let allowed_domains = vec!["x.example".to_owned()];
        Tool::WebSearch(WebSearch { context_size, user_location, allowed_domains, ..WebSearch::default() })
    });
    let foreign = Just(Tool::Foreign(Foreign {
        family: Dialect::OpenaiResponses,
        kind: "file_search".into(),
        value: json!({"type": "file_search", "vector_store_ids": ["vs"]}),
        at: String::new(),
    }));
    prop_oneof![4 => function, 2 => custom, 1 => search, 1 => foreign]
}

/// Tools under different names, those of one namespace in a row, as they are written.
fn tools() -> impl Strategy<Value = Vec<Tool>> {
    prop::collection::vec(tool(), 0..5).prop_map(|mut tools| {
        let mut names: Vec<String> = Vec::new();
        tools.retain(|tool| match tool.name() {
            Some(name) if names.iter().any(|known| known == name) => false,
            Some(name) => {
                names.push(name.to_owned());
                true
            }
            None => true,
        });
        let space = |tool: &Tool| tool.name().and_then(|name| name.split_once("::")).map(|(space, _)| space.to_owned());
        tools.sort_by_key(space);
        tools
    })
}

fn request() -> impl Strategy<Value = Request> {
    let effort = prop::option::of((0..Effort::ALL.len()).prop_map(|at| Effort::ALL[at]));
    let shown = prop::option::of(prop_oneof![Just(Shown::Auto), Just(Shown::Concise), Just(Shown::Detailed)]);
    let thinking = (effort, shown).prop_map(|(effort, shown)| Thinking { effort, shown, mode: None, proofs: true });
    let format = prop_oneof![
        2 => Just(ResponseFormat::Text),
        1 => Just(ResponseFormat::JsonObject),
        1 => prop::option::of(any::<bool>()).prop_map(|strict| ResponseFormat::JsonSchema {
            name: Some("n".into()),
            schema: json!({"type": "object"}),
            strict,
        }),
    ];
    let tier = prop::option::of(prop_oneof![
        Just(ServiceTier::Auto),
        Just(ServiceTier::Standard),
        Just(ServiceTier::Flex),
        Just(ServiceTier::Priority)
    ]);
    let verbosity = prop::option::of(prop_oneof![Just(Verbosity::Low), Just(Verbosity::Medium), Just(Verbosity::High)]);
    let sampling = (prop::option::of(0.0f64..2.0), prop::option::of(0.0f64..1.0))
        .prop_map(|(temperature, top_p)| Sampling { temperature, top_p, ..Sampling::default() });
    let rest =
        (prop::option::of(16u64..9_999), any::<bool>(), prop::option::of(any::<bool>()), prop::option::of(0u32..20));
    let labels = (
        prop::option::of(WORDS),
        prop::option::of(WORDS),
        any::<bool>(),
        prop::collection::vec(("[a-z]{1,5}", WORDS), 0..2),
    );
    (turns(), tools(), any::<prop::sample::Index>(), thinking, format, (tier, verbosity), sampling, rest, labels)
        .prop_map(
            |(messages, tools, pick, thinking, response_format, (service_tier, verbosity), sampling, rest, labels)| {
                let (max_output, stream, parallel_tool_calls, logprobs) = rest;
                let (user, cache_key, day, mut metadata) = labels;
                metadata.truncate(1);
                let names: Vec<String> = tools.iter().filter_map(Tool::name).map(str::to_owned).collect();
                let tool_choice = match names.as_slice() {
                    [] => None,
                    names => Some(match pick.index(5) {
                        0 => ToolChoice::Auto,
                        1 => ToolChoice::None,
                        2 => ToolChoice::Any,
                        3 => ToolChoice::Tool(pick.get(names).clone()),
                        _ => ToolChoice::Allowed { required: true, names: names.to_vec() },
                    }),
                };
                Request {
                    model: "m".into(),
                    messages,
                    tools,
                    tool_choice,
                    parallel_tool_calls,
                    response_format,
                    sampling,
                    max_output: max_output.map(Tokens),
                    thinking,
                    stream,
                    user,
                    metadata,
                    logprobs,
                    service_tier,
                    verbosity,
                    cache: day.then_some(CacheMark { ttl: Some(CacheTtl::Hours) }),
                    cache_key,
                    ..Request::default()
                }
            },
        )
}

proptest! {
    #[test]
    fn what_responses_can_say_is_read_as_it_was_said(request in request()) {
        let (written, mut back) = there_and_back(request.clone());
        // A namespace is described, be it with nothing.
        prop_assert!(back.namespaces.drain(..).all(|(_, description)| description.is_empty()));
        // A function that was called has been found.
        for tool in &mut back.tools {
            if let Tool::Function(function) = tool && function.loading == Loading::Found {
                function.loading = Loading::Deferred;
            }
        }
        prop_assert_eq!(placeless(back), placeless(request), "{}", written);
    }

    #[test]
    fn the_same_request_is_written_the_same_twice(request in request()) {
        prop_assert_eq!(there_and_back(request.clone()).0.to_string(), there_and_back(request).0.to_string());
    }
}
