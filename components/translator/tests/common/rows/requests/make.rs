//! What probes put into a request.

use serde_json::json;
use weir_core::Dialect;
use weir_translator::canonical::{
    Document, Function, Image, Message, Part, Reasoning, Request, Role, Signature, Source, Tool, ToolCall, ToolResult,
};

pub(super) fn text(words: &str) -> Part {
    Part::Text(words.to_owned().into())
}

pub(super) fn user(parts: Vec<Part>) -> Message {
    Message::new(Role::User, parts, "messages[1]")
}

pub(super) fn said(request: &mut Request, part: Part) {
    request.messages[0].parts.insert(0, part);
}

pub(super) fn function(name: &str) -> Function {
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

pub(super) fn offer(request: &mut Request) {
    request.tools = vec![Tool::Function(function("weather")), Tool::Function(function("tides"))];
}

pub(super) fn called(id: &str) -> Part {
    let arguments = r#"{"city":"Oslo"}"#.to_owned();
    Part::ToolCall(ToolCall { id: id.to_owned(), name: "weather".to_owned(), arguments, ..ToolCall::default() })
}

pub(super) fn answered(id: &str, parts: Vec<Part>) -> Message {
    let result = ToolResult { id: id.to_owned(), parts, ..ToolResult::default() };
    Message::new(Role::Tool, vec![Part::ToolResult(result)], "messages[2]")
}

/// A turn with a call and its result.
pub(super) fn turn(request: &mut Request, before: Vec<Part>, id: &str, result: Vec<Part>) {
    offer(request);
    let mut parts = before;
    parts.push(called(id));
    request.messages.push(Message::new(Role::Assistant, parts, "messages[1]"));
    request.messages.push(answered(id, result));
}

pub(super) fn image(source: Source) -> Part {
    Part::Image(Image { source, detail: None, cache: None })
}

pub(super) fn picture() -> Source {
    Source::Data { media_type: "image/png".to_owned(), base64: "iVBORw0KGgo=".to_owned() }
}

pub(super) fn document(source: Source) -> Part {
    Part::Document(Document { source, name: None, context: None, cite: false, cache: None })
}

pub(super) fn pdf() -> Source {
    Source::Data { media_type: "application/pdf".to_owned(), base64: "JVBERi0=".to_owned() }
}

pub(super) fn think(request: &mut Request, signature: &str) {
    let signature = Some(Signature::new(Dialect::AnthropicMessages, signature));
    let reasoning = Reasoning { text: "Hm.".to_owned(), signature, ..Reasoning::default() };
    turn(request, vec![Part::Reasoning(reasoning)], "call_1", vec![text("Sun")]);
}
