//! What is read out of a request.

use serde_json::{Value, json};
use weir_translator::canonical::{
    Effort, Function, Part, Reasoning, Request, Role, Source, Text, Tool, ToolChoice, ToolResult,
};

/// Every part, those of tools' results included.
pub(super) fn parts(request: &Request) -> impl Iterator<Item = &Part> {
    request.messages.iter().flat_map(|message| &message.parts)
}

pub(super) fn collect<T: Into<Value>>(request: &Request, pick: impl Fn(&Part) -> Option<T>) -> Value {
    parts(request).filter_map(pick).map(Into::into).collect::<Vec<Value>>().into()
}

pub(super) fn of_roles(request: &Request, roles: &[Role]) -> Value {
    let messages = request.messages.iter().filter(|message| roles.contains(&message.role));
    let words = messages.flat_map(|message| message.parts.iter().filter_map(words));
    words.collect::<Vec<_>>().join("\n").into()
}

pub(super) fn words(part: &Part) -> Option<&str> {
    match part {
        Part::Text(text) => Some(text.text.as_str()),
        Part::Refusal(text) => Some(text),
        _ => None,
    }
}

pub(super) fn source(source: &Source) -> Value {
    match source {
        Source::Url(url) => json!({"url": url}),
        Source::Data { media_type, base64 } => json!({"data": base64, "type": media_type}),
        Source::Text(text) => json!({"text": text}),
        Source::File(id) => json!({"file": id}),
    }
}

pub(super) fn images(request: &Request) -> Value {
    collect(request, |part| match part {
        Part::Image(image) => Some(source(&image.source)),
        _ => None,
    })
}

pub(super) fn documents(request: &Request) -> Value {
    collect(request, |part| match part {
        Part::Document(document) => Some(source(&document.source)),
        _ => None,
    })
}

pub(super) fn results(request: &Request, pick: impl Fn(&ToolResult) -> Option<Value>) -> Value {
    collect(request, |part| match part {
        Part::ToolResult(result) => pick(result),
        _ => None,
    })
}

pub(super) fn calls(request: &Request) -> Value {
    collect(request, |part| match part {
        Part::ToolCall(call) => Some(json!([call.id, call.name, call.arguments, call.custom])),
        _ => None,
    })
}

pub(super) fn functions(request: &Request, pick: impl Fn(&Function) -> Option<Value>) -> Value {
    let tools = request.tools.iter().filter_map(|tool| match tool {
        Tool::Function(function) => pick(function),
        _ => None,
    });
    tools.collect::<Vec<_>>().into()
}

pub(super) fn reasoning(request: &Request, pick: impl Fn(&Reasoning) -> Option<Value>) -> Value {
    collect(request, |part| match part {
        Part::Reasoning(reasoning) => pick(reasoning),
        _ => None,
    })
}

pub(super) fn marks(request: &Request) -> Value {
    collect(request, |part| match part {
        Part::Text(Text { cache: Some(mark), .. }) => Some(json!({"ttl": mark.ttl.map(|ttl| format!("{ttl:?}"))})),
        _ => None,
    })
}

pub(super) fn choice(request: &Request) -> Value {
    match &request.tool_choice {
        // Which is what none says.
        None | Some(ToolChoice::Auto) => Value::Null,
        Some(choice) => json!(format!("{choice:?}")),
    }
}

pub(super) fn tier(request: &Request) -> Value {
    json!(request.service_tier.map(|tier| format!("{tier:?}")))
}

pub(super) fn effort(request: &Request) -> Value {
    json!(request.thinking.effort.map(Effort::name))
}

/// How long the model may think; how hard, where that stands for it.
pub(super) fn mode(request: &Request) -> Value {
    match request.thinking.mode {
        None => effort(request),
        Some(mode) => json!(format!("{mode:?}")),
    }
}
