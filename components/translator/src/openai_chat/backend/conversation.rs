//! A conversation, written as chat completions have it: a message for each tool that answered, and none but words in
//! those.

use serde_json::Value;
use weir_core::config::Quirks;
use weir_core::{Dialect, ErrorKind, GatewayError};

use super::{call_id, object, part, place};
use crate::canonical::{Message, Part, Reasoning, Role, Text, ToolCall, ToolResult};
use crate::openai_chat::thoughts;
use crate::unsupported::Unsupported;

/// What stands in a tool's message whose result is no words.
const ATTACHED: &str = "The result is attached to the user's next message.";

/// `messages`.
///
/// # Errors
/// As for [`encode_request`](super::encode_request); `InvalidRequest` where there are none.
pub(super) fn conversation(
    messages: Vec<Message>,
    quirks: &Quirks,
    unsupported: &mut Unsupported,
) -> Result<Value, GatewayError> {
    let written = Vec::with_capacity(messages.len());
    let mut writer =
        Writer { quirks, unsupported, written, attachments: Vec::new(), calls: Vec::new(), after_calls: 0 };
    for message in messages {
        writer.message(message)?;
    }
    writer.attach();
    if writer.written.is_empty() {
        let field = if writer.unsupported.client() == Dialect::OpenaiResponses { "input" } else { "messages" };
        let error = GatewayError::new(ErrorKind::InvalidRequest, format!("`{field}` holds no message"));
        return Err(error.with_param(field));
    }
    Ok(writer.written.into())
}

struct Writer<'a> {
    quirks: &'a Quirks,
    unsupported: &'a mut Unsupported,
    written: Vec<Value>,
    /// What tools answered beside words: a user hands it in once all of them have answered.
    attachments: Vec<Value>,
    /// The calls of the last message that made any.
    calls: Vec<String>,
    /// Where the next answer to one of them stands: right behind the others, whatever else was said in between.
    after_calls: usize,
}

impl Writer<'_> {
    fn message(&mut self, message: Message) -> Result<(), GatewayError> {
        if message.phase.is_some() {
            self.unsupported.note(&format!("{}.phase", message.at));
        }
        match message.role {
            Role::System => self.plain("system", message),
            Role::Developer if self.quirks.developer_role => self.plain("developer", message),
            Role::Developer => self.plain("system", message),
            Role::User | Role::Tool => self.user(message),
            Role::Assistant => self.assistant(message),
        }
    }

    fn plain(&mut self, role: &str, message: Message) -> Result<(), GatewayError> {
        self.attach();
        let mut content = Vec::with_capacity(message.parts.len());
        for (index, part) in message.parts.into_iter().enumerate() {
            content.extend(self.part(part, |client| place::part(client, &message.at, index))?);
        }
        let message = said(role, content, message.name);
        self.written.push(message);
        Ok(())
    }

    fn user(&mut self, message: Message) -> Result<(), GatewayError> {
        let (mut results, mut content) = (false, Vec::with_capacity(message.parts.len()));
        for (index, part) in message.parts.into_iter().enumerate() {
            if let Part::ToolResult(result) = part {
                results = true;
                self.tool_result(result, &message.at, index)?;
            } else {
                content.extend(self.part(part, |client| place::part(client, &message.at, index))?);
            }
        }
        if content.is_empty() && results {
            return Ok(());
        }
        let mut whole = std::mem::take(&mut self.attachments);
        whole.append(&mut content);
        let message = said("user", whole, message.name);
        self.written.push(message);
        Ok(())
    }

    /// Has the user hand in what waits.
    fn attach(&mut self) {
        if !self.attachments.is_empty() {
            let message = said("user", std::mem::take(&mut self.attachments), None);
            self.written.push(message);
        }
    }

    fn tool_result(&mut self, result: ToolResult, at: &str, outer: usize) -> Result<(), GatewayError> {
        if result.cache.is_some() {
            self.mark(at, outer);
        }
        let id = call_id(&result.id, self.quirks.call_id);
        let (mut content, mut others) = (Vec::new(), Vec::new());
        for (index, part) in result.parts.into_iter().enumerate() {
            for part in self.part(part, |client| place::part_of_result(client, at, outer, index))? {
                if part["type"] == "text" { content.push(part) } else { others.push(part) }
            }
        }
        if !others.is_empty() {
            if content.is_empty() {
                content.push(part::text(ATTACHED));
            }
            self.attachments.push(part::text(format!("Attached to the result of the tool call {id}:")));
            self.attachments.append(&mut others);
        }
        if result.is_error {
            tell_of_failure(&mut content);
        }
        let mut message = said("tool", content, result.name);
        message["tool_call_id"] = (&*id).into();
        let answers = self.calls.iter().any(|call| *call == id);
        let place = if answers { self.after_calls } else { self.written.len() };
        self.written.insert(place, message);
        self.after_calls += usize::from(answers);
        Ok(())
    }

    /// A part of what is said to the model. Empty where it is dropped.
    fn part(&mut self, part: Part, path: impl Fn(Dialect) -> String) -> Result<Vec<Value>, GatewayError> {
        let (quirks, unsupported) = (self.quirks, &mut *self.unsupported);
        let client = unsupported.client();
        let path = || path(client);
        let marked = match &part {
            Part::Text(text) => text.cache.is_some(),
            Part::Image(image) => image.cache.is_some(),
            Part::Document(document) => document.cache.is_some(),
            _ => false,
        };
        if marked {
            unsupported.note(&format!("{}.cache_control", path()));
        }
        Ok(match part {
            Part::Text(text) => vec![part::text(text.text)],
            Part::Refusal(text) => vec![part::text(text)],
            Part::Image(image) => part::image(image, &path(), quirks, unsupported)?.into_iter().collect(),
            Part::Audio(audio) => part::audio(audio, &path(), quirks, unsupported)?.into_iter().collect(),
            Part::Document(document) => part::document(document, &path(), quirks, unsupported)?,
            Part::Foreign(foreign) => {
                unsupported.note(&foreign.at);
                Vec::new()
            }
            // Nobody but the model does these.
            Part::ToolCall(_) | Part::ToolResult(_) | Part::Reasoning(_) => {
                unsupported.field(&path(), "")?;
                Vec::new()
            }
        })
    }

    fn assistant(&mut self, message: Message) -> Result<(), GatewayError> {
        self.attach();
        let at = message.at;
        let mut answer = Answer::default();
        for (index, part) in message.parts.into_iter().enumerate() {
            match part {
                Part::Text(text) => answer.content.push(self.answered(text, &at, index)),
                Part::Refusal(text) => answer.refusal.get_or_insert_default().push_str(&text),
                Part::ToolCall(call) => answer.calls.push(self.call(call, &at, index)),
                Part::Reasoning(reasoning) => self.reasoning(&reasoning, &mut answer, &at, index),
                Part::Foreign(foreign) if foreign.family == Dialect::OpenaiChat && foreign.kind == "audio" => {
                    answer.audio = Some(foreign.value);
                }
                Part::Foreign(foreign) => self.unsupported.note(&foreign.at),
                other => {
                    answer.content.extend(self.part(other, |client| place::part(client, &at, index))?);
                }
            }
        }
        if !answer.calls.is_empty() {
            self.calls = answer.calls.iter().filter_map(|call| call["id"].as_str().map(str::to_owned)).collect();
        }
        let calls = !answer.calls.is_empty();
        let message = answer.written(message.name, self.quirks);
        self.written.push(message);
        if calls {
            self.after_calls = self.written.len();
        }
        Ok(())
    }

    /// Names a mark of how far the prompt may be cached: the backend sees to that by itself.
    fn mark(&mut self, at: &str, index: usize) {
        let path = place::part(self.unsupported.client(), at, index);
        self.unsupported.note(&format!("{path}.cache_control"));
    }

    fn answered(&mut self, text: Text, at: &str, index: usize) -> Value {
        if !text.citations.is_empty() {
            self.unsupported.note(&place::citations(self.unsupported.client(), at, index));
        }
        if text.cache.is_some() {
            self.mark(at, index);
        }
        part::text(text.text)
    }

    fn call(&mut self, call: ToolCall, at: &str, index: usize) -> Value {
        if call.cache.is_some() {
            self.mark(at, index);
        }
        let id = call_id(&call.id, self.quirks.call_id).into_owned();
        if call.custom {
            let inner = object([("name", call.name.into()), ("input", call.arguments.into())]);
            return object([("id", id.into()), ("type", "custom".into()), ("custom", inner)]);
        }
        let arguments = if call.arguments.trim().is_empty() { "{}".to_owned() } else { call.arguments };
        let inner = object([("name", call.name.into()), ("arguments", arguments.into())]);
        object([("id", id.into()), ("type", "function".into()), ("function", inner)])
    }

    /// Thoughts go back where the backend has a place for them; proofs to whom they are of.
    fn reasoning(&mut self, reasoning: &Reasoning, answer: &mut Answer, at: &str, index: usize) {
        let words = reasoning.words();
        let place = self.quirks.reasoning.name();
        if place.is_some() && !words.is_empty() {
            if !answer.thoughts.is_empty() {
                answer.thoughts.push_str("\n\n");
            }
            answer.thoughts.push_str(&words);
        }
        let proof = reasoning.signature.as_ref().filter(|signature| !signature.value.is_empty());
        let detail = place.and_then(|_| thoughts::detail_of(reasoning));
        let lost = proof.is_some() && detail.is_none() || place.is_none() && !words.is_empty();
        answer.details.extend(detail);
        if lost {
            let path = place::thoughts(self.unsupported.client(), at, index);
            self.unsupported.note(&path);
        }
    }
}

/// What the model says in a message.
#[derive(Default)]
struct Answer {
    content: Vec<Value>,
    refusal: Option<String>,
    thoughts: String,
    details: Vec<Value>,
    calls: Vec<Value>,
    audio: Option<Value>,
}

impl Answer {
    fn written(self, name: Option<String>, quirks: &Quirks) -> Value {
        let else_said = !self.calls.is_empty() || self.refusal.is_some() || self.audio.is_some();
        let nothing = self.content.is_empty() && else_said;
        let mut message = said("assistant", self.content, name);
        if nothing {
            message["content"] = Value::Null;
        }
        if let Some(refusal) = self.refusal {
            message["refusal"] = refusal.into();
        }
        if let Some(place) = quirks.reasoning.name().filter(|_| !self.thoughts.is_empty()) {
            message[place] = self.thoughts.into();
        }
        if !self.details.is_empty() {
            message["reasoning_details"] = self.details.into();
        }
        if let Some(audio) = self.audio {
            message["audio"] = audio;
        }
        if !self.calls.is_empty() {
            message["tool_calls"] = self.calls.into();
        }
        message
    }
}

/// A message of this content: a string where it is one text, which every server takes.
fn said(role: &str, mut content: Vec<Value>, name: Option<String>) -> Value {
    let content = match content.as_mut_slice() {
        [] => "".into(),
        [one] if one["type"] == "text" => one["text"].take(),
        _ => content.into(),
    };
    let mut message = object([("role", role.into()), ("content", content)]);
    if let Some(name) = name {
        message["name"] = name.into();
    }
    message
}

/// That a tool failed has no member of its own: its words say so, unless they do already.
fn tell_of_failure(content: &mut Vec<Value>) {
    let Some(Value::String(first)) = content.first_mut().map(|part| &mut part["text"]) else {
        content.push(part::text("Error"));
        return;
    };
    let begins: String = first.chars().take(80).collect();
    if !begins.to_ascii_lowercase().contains("error") {
        first.insert_str(0, "Error: ");
    }
}
