//! Tools, their calls and their results.

use serde_json::json;
use weir_translator::canonical::{Custom, Function, Part, Tool, ToolCall, ToolChoice, ToolResult, WebSearch};

use super::make::{answered, called, document, function, image, offer, pdf, picture, text, turn};
use super::read::{calls, choice, collect, documents, functions, images, results, source, words};
use super::{Row, row};

/// The rows.
pub(super) const ROWS: &[Row] = &[
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
            request.tools = vec![Tool::WebSearch(WebSearch { at: "tools[0]".to_owned(), ..WebSearch::default() })];
        },
        |request| json!(request.tools.iter().any(|tool| matches!(tool, Tool::WebSearch(_)))),
    ),
];
