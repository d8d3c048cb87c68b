//! Conversations and answers, generated.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;
use weir_core::{Tokens, Usage};
use weir_translator::canonical::{
    Candidate, Citation, Effort, Finish, Function, Image, Message, Part, Reasoning, Request, Response, ResponseFormat,
    Role, Sampling, Source, Text, Thinking, Tool, ToolCall, ToolChoice, ToolResult,
};

/// Words that break what is written carelessly: quotes, escapes, line ends, letters of all widths.
pub(crate) fn words() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z ,.]{1,20}".prop_map(|text| text),
        1 => Just("\"quoted\" \\ back".to_owned()),
        1 => Just("line\nline\r\ndata: x\n\nend".to_owned()),
        1 => Just("\u{e9}\u{4e16}\u{1f600}\u{2028}".to_owned()),
        1 => Just("</think> [DONE] event: error".to_owned()),
    ];
    // Something that is not white space at both ends: dialects may trim.
    vec(piece, 1..4).prop_map(|pieces| format!("a{}z", pieces.concat()))
}

fn text_part() -> impl Strategy<Value = Part> {
    words().prop_map(|text| Part::Text(text.into()))
}

fn image() -> impl Strategy<Value = Part> {
    let data = "[A-Za-z0-9+/]{4}".prop_map(|base64| Source::Data { media_type: "image/png".to_owned(), base64 });
    let url = "[a-z]{1,8}".prop_map(|name| Source::Url(format!("https://e.org/{name}.png")));
    prop_oneof![data, url].prop_map(|source| Part::Image(Image { source, detail: None, cache: None }))
}

/// JSON arguments of a tool.
fn arguments() -> impl Strategy<Value = String> {
    (option::of(words()), any::<i32>()).prop_map(|(city, number)| match city {
        Some(city) => json!({"city": city, "n": number}).to_string(),
        None => "{}".to_owned(),
    })
}

/// What a turn is made of, before it has its place.
#[derive(Clone, Debug)]
enum Turn {
    User(Vec<Part>),
    Assistant(String),
    Tools(Option<String>, Vec<(String, Vec<Part>)>),
}

fn turn() -> impl Strategy<Value = Turn> {
    let result = (arguments(), vec(text_part(), 1..2));
    prop_oneof![
        2 => vec(prop_oneof![4 => text_part(), 1 => image()], 1..4).prop_map(Turn::User),
        1 => words().prop_map(Turn::Assistant),
        1 => (option::of(words()), vec(result, 1..4)).prop_map(|(said, calls)| Turn::Tools(said, calls)),
    ]
}

fn placed(turns: Vec<Turn>) -> Vec<Message> {
    let mut messages = vec![Message::new(Role::User, vec![Part::Text("hi".to_owned().into())], "messages[0]")];
    let mut calls = 0;
    for turn in turns {
        let at = format!("messages[{}]", messages.len());
        match turn {
            Turn::User(parts) => messages.push(Message::new(Role::User, parts, at)),
            Turn::Assistant(said) => messages.push(Message::new(Role::Assistant, vec![Part::Text(said.into())], at)),
            Turn::Tools(said, each) => {
                let mut parts: Vec<Part> = said.map(|said| Part::Text(said.into())).into_iter().collect();
                let mut results = Vec::new();
                for (arguments, answer) in each {
                    calls += 1;
                    let (id, name) = (format!("call_{calls}"), "weather".to_owned());
                    parts.push(Part::ToolCall(ToolCall { id: id.clone(), name, arguments, ..ToolCall::default() }));
                    results.push(ToolResult { id, parts: answer, ..ToolResult::default() });
                }
                messages.push(Message::new(Role::Assistant, parts, at));
                for result in results {
                    let at = format!("messages[{}]", messages.len());
                    messages.push(Message::new(Role::Tool, vec![Part::ToolResult(result)], at));
                }
            }
        }
    }
    let at = format!("messages[{}]", messages.len());
    messages.push(Message::new(Role::User, vec![Part::Text("go on".to_owned().into())], at));
    messages
}

fn function(name: &str, strict: Option<bool>) -> Tool {
    let properties = json!({"city": {"type": "string"}, "n": {"type": "integer"}});
    let parameters = json!({"type": "object", "properties": properties, "required": [], "additionalProperties": false});
    let description = Some(format!("{name} of a city"));
    Tool::Function(Function {
        name: name.to_owned(),
        description,
        parameters: Some(parameters),
        strict,
        ..Function::default()
    })
}

fn choice() -> impl Strategy<Value = ToolChoice> {
    let named = ToolChoice::Tool("tides".to_owned());
    prop_oneof![Just(ToolChoice::Auto), Just(ToolChoice::None), Just(ToolChoice::Any), Just(named)]
}

fn hundredths(most: u32) -> impl Strategy<Value = f64> {
    (0..=most).prop_map(|number| f64::from(number) / 100.0)
}

fn sampling() -> impl Strategy<Value = Sampling> {
    let common = (option::of(hundredths(100)), option::of((1u32..=100).prop_map(|n| f64::from(n) / 100.0)));
    let rare = (option::of(1u32..500), option::of(hundredths(200)), option::of(any::<i32>()));
    (common, rare).prop_map(|((temperature, top_p), (top_k, penalty, seed))| Sampling {
        temperature,
        top_p,
        top_k,
        frequency_penalty: penalty,
        presence_penalty: None,
        seed: seed.map(i64::from),
    })
}

fn format() -> impl Strategy<Value = ResponseFormat> {
    let schema = json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false});
    let schema = ResponseFormat::JsonSchema { name: Some("s".to_owned()), schema, strict: Some(true) };
    prop_oneof![4 => Just(ResponseFormat::Text), 1 => Just(schema), 1 => Just(ResponseFormat::JsonObject)]
}

fn thinking() -> impl Strategy<Value = Thinking> {
    let effort = prop_oneof![Just(Effort::Low), Just(Effort::Medium), Just(Effort::High)];
    option::of(effort).prop_map(|effort| Thinking { effort, ..Thinking::default() })
}

/// A request.
pub(crate) fn request() -> impl Strategy<Value = Request> {
    let conversation = (vec(words(), 0..3), vec(turn(), 0..5));
    let tools = (any::<bool>(), option::of(any::<bool>()), option::of(choice()), option::of(any::<bool>()));
    let form = (format(), sampling(), vec("[A-Z]{3}", 0..3), 16u64..4096);
    let rest = (thinking(), option::of("[a-z0-9]{1,8}"), vec(("[a-z]{1,4}", "[a-z]{1,4}"), 0..2), any::<bool>());
    (conversation, tools, form, rest).prop_map(|((system, turns), tools, form, rest)| {
        let mut messages: Vec<Message> = Vec::new();
        for words in system {
            let at = format!("messages[{}]", messages.len());
            messages.push(Message::new(Role::System, vec![Part::Text(words.into())], at));
        }
        messages.extend(placed(turns));
        let called = messages.iter().flat_map(|message| &message.parts).any(|part| matches!(part, Part::ToolCall(_)));
        let (offered, strict, choice, parallel) = tools;
        let offered = offered || called;
        let (response_format, sampling, mut stop, max_output) = form;
        stop.dedup();
        let (thinking, user, mut metadata, stream) = rest;
        metadata.dedup_by(|one, other| one.0 == other.0);
        Request {
            model: "m".to_owned(),
            messages,
            tools: if offered { vec![function("weather", strict), function("tides", strict)] } else { Vec::new() },
            tool_choice: choice.filter(|_| offered),
            parallel_tool_calls: parallel.filter(|_| offered),
            response_format,
            sampling,
            stop,
            max_output: Some(Tokens(max_output)),
            thinking,
            stream,
            user,
            metadata,
            ..Request::default()
        }
    })
}

fn usage() -> impl Strategy<Value = Usage> {
    (0u64..100_000, 0u64..100_000, 0u64..100, 0u64..100, 0u64..=100).prop_map(
        |(input, output, read, written, thought)| {
            let read = input * read / 200;
            Usage {
                input: Tokens(input),
                output: Tokens(output),
                cache_read: Tokens(read),
                cache_write: Tokens(input * written / 200),
                reasoning: Tokens(output * thought / 100),
                estimated: false,
            }
        },
    )
}

fn answer_text() -> impl Strategy<Value = Part> {
    let citation = "[a-z]{1,6}".prop_map(|name| Citation {
        url: Some(format!("https://{name}.example")),
        title: Some(name),
        cited_text: Some("words".to_owned()),
        range: None,
    });
    (words(), vec(citation, 0..2)).prop_map(|(text, citations)| Part::Text(Text { text, citations, ..Text::default() }))
}

/// An answer, as a model gives it: thoughts, words, calls.
pub(crate) fn response() -> impl Strategy<Value = Response> {
    let thoughts = vec(words(), 0..2);
    let calls = vec(arguments(), 0..4);
    let end = prop_oneof![Just(Finish::Stop), Just(Finish::Length)];
    (thoughts, vec(answer_text(), 0..3), calls, usage(), end).prop_map(|(thoughts, texts, calls, usage, end)| {
        let mut parts: Vec<Part> = Vec::new();
        parts.extend(thoughts.into_iter().map(|text| Part::Reasoning(Reasoning { text, ..Reasoning::default() })));
        parts.extend(texts);
        let finish = if calls.is_empty() { end } else { Finish::ToolCalls };
        parts.extend(calls.into_iter().enumerate().map(|(index, arguments)| {
            let (id, name) = (format!("call_{index}"), "weather".to_owned());
            Part::ToolCall(ToolCall { id, name, arguments, ..ToolCall::default() })
        }));
        if parts.is_empty() {
            parts.push(Part::Text("Hello.".to_owned().into()));
        }
        let (id, model) = ("answer_1".to_owned(), "their-model".to_owned());
        Response { id, model, candidates: vec![Candidate { parts, finish }], usage, service_tier: None }
    })
}
