//! What a request can carry.

use serde_json::{Value, json};
use weir_core::{Dialect, Tokens};
use weir_translator::canonical::{
    Audio, CacheMark, CacheTtl, Custom, Document, Effort, Function, Image, Message, Part, Reasoning, Request,
    ResponseFormat, Role, ServiceTier, Shown, Signature, Source, Text, ThinkingMode, Tool, ToolCall, ToolChoice,
    ToolResult, Verbosity, WebSearch,
};

use super::through::PROOF;

/// A thing that a request can carry.
pub(crate) struct Row {
    /// Its name on the page.
    pub(crate) name: &'static str,
    /// Puts it into a request.
    pub(crate) put: fn(&mut Request),
    /// Reads it out of one.
    pub(crate) read: fn(&Request) -> Value,
    /// The request as clients write it, where the canonical one has no place for the thing.
    pub(crate) raw: Option<fn(Dialect) -> Option<String>>,
    /// Whether it holds a proof of reasoning that the backend's family made.
    pub(crate) proof: bool,
}

const fn row(name: &'static str, put: fn(&mut Request), read: fn(&Request) -> Value) -> Row {
    Row { name, put, read, raw: None, proof: false }
}

/// A request that says no more than it must.
pub(crate) fn base() -> Request {
    let model = "m".to_owned();
    let messages = vec![Message::new(Role::User, vec![text("hi")], "messages[0]")];
    Request { model, messages, max_output: Some(Tokens(64)), ..Request::default() }
}

fn text(words: &str) -> Part {
    Part::Text(words.to_owned().into())
}

fn user(parts: Vec<Part>) -> Message {
    Message::new(Role::User, parts, "messages[1]")
}

fn said(request: &mut Request, part: Part) {
    request.messages[0].parts.insert(0, part);
}

fn function(name: &str) -> Function {
    let parameters = json!({
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false,
    });
    Function {
        name: name.to_owned(),
        description: Some("The weather.".to_owned()),
        parameters: Some(parameters),
        ..Function::default()
    }
}

fn offer(request: &mut Request) {
    request.tools = vec![Tool::Function(function("weather")), Tool::Function(function("tides"))];
}

fn called(id: &str) -> Part {
    let arguments = r#"{"city":"Oslo"}"#.to_owned();
    Part::ToolCall(ToolCall { id: id.to_owned(), name: "weather".to_owned(), arguments, ..ToolCall::default() })
}

fn answered(id: &str, parts: Vec<Part>) -> Message {
    let result = ToolResult { id: id.to_owned(), parts, ..ToolResult::default() };
    Message::new(Role::Tool, vec![Part::ToolResult(result)], "messages[2]")
}

/// A turn with a call and its result.
fn turn(request: &mut Request, before: Vec<Part>, id: &str, result: Vec<Part>) {
    offer(request);
    let mut parts = before;
    parts.push(called(id));
    request.messages.push(Message::new(Role::Assistant, parts, "messages[1]"));
    request.messages.push(answered(id, result));
}

fn image(source: Source) -> Part {
    Part::Image(Image { source, detail: None, cache: None })
}

fn picture() -> Source {
    Source::Data { media_type: "image/png".to_owned(), base64: "iVBORw0KGgo=".to_owned() }
}

fn document(source: Source) -> Part {
    Part::Document(Document { source, name: None, context: None, cite: false, cache: None })
}

fn pdf() -> Source {
    Source::Data { media_type: "application/pdf".to_owned(), base64: "JVBERi0=".to_owned() }
}

/// Every part, those of tools' results included.
fn parts(request: &Request) -> impl Iterator<Item = &Part> {
    request.messages.iter().flat_map(|message| &message.parts)
}

fn collect<T: Into<Value>>(request: &Request, pick: impl Fn(&Part) -> Option<T>) -> Value {
    parts(request).filter_map(pick).map(Into::into).collect::<Vec<Value>>().into()
}

fn of_roles(request: &Request, roles: &[Role]) -> Value {
    let messages = request.messages.iter().filter(|message| roles.contains(&message.role));
    let words = messages.flat_map(|message| message.parts.iter().filter_map(words));
    words.collect::<Vec<_>>().join("\n").into()
}

fn words(part: &Part) -> Option<&str> {
    match part {
        Part::Text(text) => Some(text.text.as_str()),
        Part::Refusal(text) => Some(text),
        _ => None,
    }
}

fn source(source: &Source) -> Value {
    match source {
        Source::Url(url) => json!({"url": url}),
        Source::Data { media_type, base64 } => json!({"data": base64, "type": media_type}),
        Source::Text(text) => json!({"text": text}),
        Source::File(id) => json!({"file": id}),
    }
}

fn images(request: &Request) -> Value {
    collect(request, |part| match part {
        Part::Image(image) => Some(source(&image.source)),
        _ => None,
    })
}

fn documents(request: &Request) -> Value {
    collect(request, |part| match part {
        Part::Document(document) => Some(source(&document.source)),
        _ => None,
    })
}

fn results(request: &Request, pick: impl Fn(&ToolResult) -> Option<Value>) -> Value {
    collect(request, |part| match part {
        Part::ToolResult(result) => pick(result),
        _ => None,
    })
}

fn calls(request: &Request) -> Value {
    collect(request, |part| match part {
        Part::ToolCall(call) => Some(json!([call.id, call.name, call.arguments, call.custom])),
        _ => None,
    })
}

fn functions(request: &Request, pick: impl Fn(&Function) -> Option<Value>) -> Value {
    let tools = request.tools.iter().filter_map(|tool| match tool {
        Tool::Function(function) => pick(function),
        _ => None,
    });
    tools.collect::<Vec<_>>().into()
}

fn reasoning(request: &Request, pick: impl Fn(&Reasoning) -> Option<Value>) -> Value {
    collect(request, |part| match part {
        Part::Reasoning(reasoning) => pick(reasoning),
        _ => None,
    })
}

fn marks(request: &Request) -> Value {
    collect(request, |part| match part {
        Part::Text(Text { cache: Some(mark), .. }) => Some(json!({"ttl": mark.ttl.map(|ttl| format!("{ttl:?}"))})),
        _ => None,
    })
}

fn think(request: &mut Request, signature: &str) {
    let signature = Some(Signature::new(Dialect::AnthropicMessages, signature));
    let reasoning = Reasoning { text: "Hm.".to_owned(), signature, ..Reasoning::default() };
    turn(request, vec![Part::Reasoning(reasoning)], "call_1", vec![text("Sun")]);
}

/// A turn with thoughts that a proof goes with, as clients of each dialect send it back.
fn proven(client: Dialect) -> Option<String> {
    let tool = json!({"type": "object", "properties": {}});
    let body = match client {
        Dialect::OpenaiChat => json!({
            "model": "m",
            "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "call_proof", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                ]},
                {"role": "tool", "tool_call_id": "call_proof", "content": "Sun"},
            ],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": tool}}],
        }),
        Dialect::OpenaiResponses => json!({
            "model": "m",
            "store": false,
            "input": [
                {"type": "message", "role": "user", "content": "hi"},
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": PROOF},
                {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "Sun"},
            ],
            "tools": [{"type": "function", "name": "f", "parameters": tool, "strict": false}],
        }),
        _ => json!({
            "model": "m",
            "max_tokens": 64,
            "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": PROOF},
                    {"type": "tool_use", "id": "call_1", "name": "f", "input": {}},
                ]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "Sun"}]},
            ],
            "tools": [{"name": "f", "input_schema": tool}],
        }),
    };
    Some(body.to_string())
}

/// A tool that the client's own provider runs, and that others do not have.
fn provider_tool(client: Dialect) -> Option<String> {
    let mut body = weir_translator::fuzz::least(client);
    body["tools"] = match client {
        Dialect::OpenaiResponses => json!([{"type": "code_interpreter", "container": {"type": "auto"}}]),
        Dialect::AnthropicMessages => json!([{"type": "code_execution_20250825", "name": "code_execution"}]),
        _ => return None,
    };
    Some(body.to_string())
}

/// An answer in which such a tool worked, sent back.
fn provider_work(client: Dialect) -> Option<String> {
    let mut body = weir_translator::fuzz::least(client);
    match client {
        Dialect::OpenaiResponses => {
            let work = json!({"type": "code_interpreter_call", "id": "ci_1", "status": "completed", "code": "1",
                "container_id": "c", "outputs": null});
            body["input"] = json!([{"role": "user", "content": "hi"}, work, {"role": "user", "content": "go on"}]);
        }
        Dialect::AnthropicMessages => {
            let work = json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "code_execution", "input": {}});
            let said = json!([work, {"type": "text", "text": "One."}]);
            let messages = body["messages"].as_array_mut().unwrap();
            messages.push(json!({"role": "assistant", "content": said}));
            messages.push(json!({"role": "user", "content": "go on"}));
        }
        _ => return None,
    }
    Some(body.to_string())
}

/// A request that goes on with an answer that was stored.
fn stored(client: Dialect) -> Option<String> {
    let mut body = weir_translator::fuzz::least(client);
    body["previous_response_id"] = json!("resp_1");
    (client == Dialect::OpenaiResponses).then(|| body.to_string())
}

/// The least request, with a member that nobody knows.
fn unknown(client: Dialect) -> Option<String> {
    let mut body = weir_translator::fuzz::least(client);
    body["a_new_field"] = json!({"a": 1});
    Some(body.to_string())
}

/// Every row.
pub(crate) const ROWS: &[Row] = &[
    row(
        "system words",
        |request| request.messages.insert(0, Message::new(Role::System, vec![text("Be brief.")], "messages[0]")),
        |request| of_roles(request, &[Role::System, Role::Developer]),
    ),
    row(
        "developer words",
        |request| request.messages.insert(0, Message::new(Role::Developer, vec![text("Be brief.")], "messages[0]")),
        |request| {
            let role = request.messages.iter().map(|message| message.role).find(|role| *role != Role::User);
            json!([role.map(|role| format!("{role:?}")), of_roles(request, &[Role::System, Role::Developer])])
        },
    ),
    row(
        "system words in the midst",
        |request| {
            request.messages.push(Message::new(Role::Assistant, vec![text("Yes?")], "messages[1]"));
            request.messages.push(Message::new(Role::System, vec![text("Now in French.")], "messages[2]"));
            request.messages.push(user(vec![text("Go on.")]));
        },
        |request| {
            let system = |message: &Message| matches!(message.role, Role::System | Role::Developer);
            let place = request.messages.iter().position(system);
            json!([place, of_roles(request, &[Role::System, Role::Developer])])
        },
    ),
    row(
        "several turns",
        |request| {
            request.messages.push(Message::new(Role::Assistant, vec![text("Yes?")], "messages[1]"));
            request.messages.push(user(vec![text("Go on.")]));
        },
        |request| json!([of_roles(request, &[Role::User]), of_roles(request, &[Role::Assistant])]),
    ),
    row("images by URL", |request| said(request, image(Source::Url("https://e.org/a.png".to_owned()))), images),
    row("images by data", |request| said(request, image(picture())), images),
    row("images by file id", |request| said(request, image(Source::File("file_1".to_owned()))), images),
    row(
        "an image's detail",
        |request| {
            let detail = Some("high".to_owned());
            said(request, Part::Image(Image { source: picture(), detail, cache: None }));
        },
        |request| {
            collect(request, |part| match part {
                Part::Image(image) => image.detail.clone(),
                _ => None,
            })
        },
    ),
    row(
        "documents by URL",
        |request| said(request, document(Source::Url("https://e.org/a.pdf".to_owned()))),
        documents,
    ),
    row("documents by data", |request| said(request, document(pdf())), documents),
    row(
        "documents of text",
        |request| said(request, document(Source::Text("Words.".to_owned()))),
        |request| json!([documents(request), of_roles(request, &[Role::User])]),
    ),
    row("documents by file id", |request| said(request, document(Source::File("file_1".to_owned()))), documents),
    row(
        "a document's name",
        |request| {
            let name = Some("a.pdf".to_owned());
            said(request, Part::Document(Document { source: pdf(), name, context: None, cite: false, cache: None }));
        },
        |request| {
            collect(request, |part| match part {
                Part::Document(document) => document.name.clone(),
                _ => None,
            })
        },
    ),
    row(
        "citations of documents asked for",
        |request| {
            said(
                request,
                Part::Document(Document { source: pdf(), name: None, context: None, cite: true, cache: None }),
            );
        },
        |request| {
            collect(request, |part| match part {
                Part::Document(document) => Some(document.cite),
                _ => None,
            })
        },
    ),
    row(
        "audio",
        |request| {
            let source = Source::Data { media_type: "audio/wav".to_owned(), base64: "UklGRg==".to_owned() };
            said(request, Part::Audio(Audio { source }));
        },
        |request| {
            collect(request, |part| match part {
                Part::Audio(audio) => Some(source(&audio.source)),
                _ => None,
            })
        },
    ),
    row("tools", offer, |request| {
        functions(request, |tool| Some(json!([tool.name, tool.description, tool.parameters])))
    }),
    row(
        "strict tools",
        |request| request.tools = vec![Tool::Function(Function { strict: Some(true), ..function("weather") })],
        |request| functions(request, |tool| (tool.strict == Some(true)).then(|| json!(true))),
    ),
    row(
        "parallel calls and their results",
        |request| {
            turn(request, Vec::new(), "call_1", vec![text("Sun")]);
            request.messages[1].parts.push(called("call_2"));
            request.messages.push(answered("call_2", vec![text("Rain")]));
        },
        |request| {
            let told = results(request, |result| {
                Some(json!([result.id, result.parts.iter().filter_map(words).collect::<String>()]))
            });
            json!([calls(request), told])
        },
    ),
    row(
        "one call at a time",
        |request| {
            offer(request);
            request.parallel_tool_calls = Some(false);
        },
        |request| {
            let forbidden = request.tool_choice == Some(ToolChoice::None);
            json!(request.parallel_tool_calls == Some(false) && !forbidden)
        },
    ),
    row(
        "some tool forced",
        |request| {
            offer(request);
            request.tool_choice = Some(ToolChoice::Any);
        },
        choice,
    ),
    row(
        "one tool forced",
        |request| {
            offer(request);
            request.tool_choice = Some(ToolChoice::Tool("tides".to_owned()));
        },
        choice,
    ),
    row(
        "tools forbidden",
        |request| {
            offer(request);
            request.tool_choice = Some(ToolChoice::None);
        },
        choice,
    ),
    row(
        "some tools allowed",
        |request| {
            offer(request);
            request.tool_choice = Some(ToolChoice::Allowed { required: false, names: vec!["tides".to_owned()] });
        },
        |request| {
            let offered: Vec<_> = request.tools.iter().filter_map(Tool::name).collect();
            json!([choice(request), offered])
        },
    ),
    row(
        "a tool's error",
        |request| {
            turn(request, Vec::new(), "call_1", vec![text("no such city")]);
            if let Part::ToolResult(result) = &mut request.messages[2].parts[0] {
                result.is_error = true;
            }
        },
        |request| {
            let said = |result: &ToolResult| result.parts.iter().filter_map(words).collect::<String>();
            results(request, |result| Some(json!([result.is_error, said(result)])))
        },
    ),
    row(
        "images in a tool's result",
        |request| turn(request, Vec::new(), "call_1", vec![text("see"), image(picture())]),
        |request| {
            let within = results(request, |result| {
                Some(
                    result
                        .parts
                        .iter()
                        .filter_map(|part| match part {
                            Part::Image(image) => Some(source(&image.source)),
                            _ => None,
                        })
                        .collect::<Vec<_>>()
                        .into(),
                )
            });
            json!([within, images(request)])
        },
    ),
    row(
        "documents in a tool's result",
        |request| turn(request, Vec::new(), "call_1", vec![text("see"), document(pdf())]),
        |request| {
            let within = results(request, |result| {
                Some(
                    result
                        .parts
                        .iter()
                        .filter_map(|part| match part {
                            Part::Document(document) => Some(source(&document.source)),
                            _ => None,
                        })
                        .collect::<Vec<_>>()
                        .into(),
                )
            });
            json!([within, documents(request)])
        },
    ),
    row(
        "custom tools",
        |request| {
            let at = "tools[0]".to_owned();
            let description = Some("Applies a patch.".to_owned());
            request.tools = vec![Tool::Custom(Custom { name: "patch".to_owned(), description, grammar: None, at })];
        },
        |request| {
            let kind = |tool: &Tool| json!([matches!(tool, Tool::Custom(_)), tool.name()]);
            request.tools.iter().map(kind).collect::<Vec<_>>().into()
        },
    ),
    row(
        "custom calls and their results",
        |request| {
            turn(request, Vec::new(), "call_1", vec![text("done")]);
            let custom = Custom { name: "patch".to_owned(), at: "tools[0]".to_owned(), ..Custom::default() };
            request.tools = vec![Tool::Custom(custom)];
            let input = "*** Begin".to_owned();
            let call = ToolCall {
                id: "call_1".to_owned(),
                name: "patch".to_owned(),
                arguments: input,
                custom: true,
                ..ToolCall::default()
            };
            request.messages[1].parts = vec![Part::ToolCall(call)];
            if let Part::ToolResult(result) = &mut request.messages[2].parts[0] {
                result.custom = true;
            }
        },
        |request| {
            let input = |part: &Part| match part {
                Part::ToolCall(call) if call.arguments.contains("*** Begin") => {
                    Some(json!([call.custom, call.arguments]))
                }
                _ => None,
            };
            collect(request, input)
        },
    ),
    row(
        "web search",
        |request| {
            request.tools = vec![Tool::WebSearch(WebSearch { at: "tools[0]".to_owned(), ..WebSearch::default() })]
        },
        |request| json!(request.tools.iter().any(|tool| matches!(tool, Tool::WebSearch(_)))),
    ),
    row(
        "answers by a JSON schema",
        |request| {
            request.response_format = ResponseFormat::JsonSchema {
                name: Some("city".to_owned()),
                schema: function("f").parameters.unwrap(),
                strict: Some(true),
            };
        },
        |request| match &request.response_format {
            ResponseFormat::JsonSchema { schema, .. } => schema.clone(),
            ResponseFormat::JsonObject | ResponseFormat::Text => Value::Null,
        },
    ),
    row(
        "answers in any JSON",
        |request| request.response_format = ResponseFormat::JsonObject,
        |request| json!(request.response_format != ResponseFormat::Text),
    ),
    row("an effort", |request| request.thinking.effort = Some(Effort::High), effort),
    row("the least effort", |request| request.thinking.effort = Some(Effort::Minimal), effort),
    row("the most effort", |request| request.thinking.effort = Some(Effort::Max), effort),
    row(
        "a budget of thoughts",
        |request| {
            request.max_output = Some(Tokens(8_192));
            request.thinking.mode = Some(ThinkingMode::Budget(Tokens(4_096)));
        },
        mode,
    ),
    row("thinking as the model sees fit", |request| request.thinking.mode = Some(ThinkingMode::Adaptive), mode),
    row(
        "no thinking",
        |request| request.thinking.mode = Some(ThinkingMode::Off),
        |request| {
            json!(request.thinking.mode == Some(ThinkingMode::Off) || request.thinking.effort == Some(Effort::None))
        },
    ),
    row(
        "thoughts shown",
        |request| {
            request.thinking.mode = Some(ThinkingMode::Adaptive);
            request.thinking.shown = Some(Shown::Auto);
        },
        |request| json!(request.thinking.shown.map(|shown| format!("{shown:?}"))),
    ),
    row(
        "thoughts sent back",
        |request| think(request, "c2ln"),
        |request| reasoning(request, |reasoning| Some(reasoning.words().into_owned().into())),
    ),
    Row {
        name: "a proof of the backend's own thoughts sent back",
        put: |_| {},
        read: |request| {
            reasoning(request, |reasoning| reasoning.signature.as_ref().map(|signature| json!(signature.value)))
        },
        raw: Some(proven),
        proof: true,
    },
    row(
        "cache marks",
        |request| {
            let cache = Some(CacheMark { ttl: None });
            request.messages[0].parts = vec![Part::Text(Text { text: "hi".to_owned(), cache, ..Text::default() })];
        },
        marks,
    ),
    row(
        "caching as the backend sees fit",
        |request| request.cache = Some(CacheMark { ttl: None }),
        |request| json!(request.cache.is_some()),
    ),
    row(
        "for how long to cache",
        |request| request.cache = Some(CacheMark { ttl: Some(CacheTtl::Hours) }),
        |request| json!(request.cache.and_then(|mark| mark.ttl).map(|ttl| format!("{ttl:?}"))),
    ),
    row("a cache key", |request| request.cache_key = Some("k".to_owned()), |request| json!(request.cache_key)),
    row("stop sequences", |request| request.stop = vec!["END".to_owned()], |request| json!(request.stop)),
    row(
        "the answer's length",
        |request| request.max_output = Some(Tokens(99)),
        |request| json!(request.max_output.map(|tokens| tokens.0)),
    ),
    row(
        "temperature",
        |request| request.sampling.temperature = Some(0.5),
        |request| json!(request.sampling.temperature),
    ),
    row(
        "temperature above 1",
        |request| request.sampling.temperature = Some(1.5),
        |request| json!(request.sampling.temperature),
    ),
    row("top_p", |request| request.sampling.top_p = Some(0.5), |request| json!(request.sampling.top_p)),
    row("top_k", |request| request.sampling.top_k = Some(40), |request| json!(request.sampling.top_k)),
    row(
        "penalties",
        |request| request.sampling.frequency_penalty = Some(0.5),
        |request| json!(request.sampling.frequency_penalty),
    ),
    row("a seed", |request| request.sampling.seed = Some(7), |request| json!(request.sampling.seed)),
    row("several answers", |request| request.candidates = Some(2), |request| json!(request.candidates)),
    row("logprobs", |request| request.logprobs = Some(2), |request| json!(request.logprobs)),
    row("the user", |request| request.user = Some("u1".to_owned()), |request| json!(request.user)),
    row(
        "metadata",
        |request| request.metadata = vec![("k".to_owned(), "v".to_owned())],
        |request| json!(request.metadata),
    ),
    row("a service tier", |request| request.service_tier = Some(ServiceTier::Standard), tier),
    row("a service tier with priority", |request| request.service_tier = Some(ServiceTier::Priority), tier),
    row(
        "verbosity",
        |request| request.verbosity = Some(Verbosity::Low),
        |request| json!(request.verbosity.map(|verbosity| format!("{verbosity:?}"))),
    ),
    Row {
        name: "tools that run at the provider",
        put: |_| {},
        read: |request| json!(request.tools.iter().any(|tool| matches!(tool, Tool::Foreign(_)))),
        raw: Some(provider_tool),
        proof: false,
    },
    Row {
        name: "the work of such tools sent back",
        put: |_| {},
        read: |request| {
            collect(request, |part| match part {
                Part::Foreign(foreign) => Some(foreign.kind.clone()),
                _ => None,
            })
        },
        raw: Some(provider_work),
        proof: false,
    },
    Row {
        name: "a conversation that the provider stored",
        put: |_| {},
        read: |request| json!(request.unplaced.iter().any(|field| field.path == "previous_response_id")),
        raw: Some(stored),
        proof: false,
    },
    Row {
        name: "a field that nobody knows",
        put: |_| {},
        read: |request| json!(request.unplaced.iter().any(|field| field.path == "a_new_field")),
        raw: Some(unknown),
        proof: false,
    },
];

fn choice(request: &Request) -> Value {
    match &request.tool_choice {
        // Which is what none says.
        None | Some(ToolChoice::Auto) => Value::Null,
        Some(choice) => json!(format!("{choice:?}")),
    }
}

fn tier(request: &Request) -> Value {
    json!(request.service_tier.map(|tier| format!("{tier:?}")))
}

fn effort(request: &Request) -> Value {
    json!(request.thinking.effort.map(Effort::name))
}

/// How long the model may think; how hard, where that stands for it.
fn mode(request: &Request) -> Value {
    match request.thinking.mode {
        None => effort(request),
        Some(mode) => json!(format!("{mode:?}")),
    }
}
