//! The messages of a conversation.

use serde_json::{Map, Value, json};
use weir_core::{Dialect, GatewayError};

use super::content;
use crate::canonical::{Citation, Foreign, Message, Part, Reasoning, Role, Text, ToolCall, ToolResult, Unplaced};
use crate::fields::{Fields, missing, wrong};
use crate::openai_chat::proof::{self, Proof};
use crate::openai_chat::thoughts;

/// Reads one message after the other, and remembers of the calls what their answers do not say.
#[derive(Default)]
pub(super) struct Conversation {
    /// The calls of custom tools.
    custom: Vec<String>,
    /// The calls of OpenAI's older kind, which have no ids: the function of each, and the id that it is given here.
    legacy: Vec<(String, String)>,
}

impl Conversation {
    /// Reads a message.
    pub(super) fn message(
        &mut self,
        path: String,
        value: Value,
        unplaced: &mut Vec<Unplaced>,
    ) -> Result<Message, GatewayError> {
        let mut fields = Fields::of(path, value)?;
        let role = fields.need_text("role")?;
        let message = match role.as_str() {
            "system" => plain(Role::System, &mut fields, unplaced)?,
            "developer" => plain(Role::Developer, &mut fields, unplaced)?,
            "user" => plain(Role::User, &mut fields, unplaced)?,
            "assistant" => self.assistant(&mut fields, unplaced)?,
            "tool" => {
                let id = proof::own(&fields.need_text("tool_call_id")?).to_owned();
                let name = fields.text("name")?;
                self.result(id, name, &mut fields, unplaced)?
            }
            "function" => {
                let name = fields.need_text("name")?;
                let called = self.legacy.iter().rev().find(|(function, _)| *function == name);
                let id = called.map_or_else(|| legacy_id(self.legacy.len()), |(_, id)| id.clone());
                self.result(id, Some(name), &mut fields, unplaced)?
            }
            _ => {
                let expected = "`system`, `developer`, `user`, `assistant`, `tool` or `function`";
                return Err(wrong(&fields.path_of("role"), expected, &Value::String(role)));
            }
        };
        fields.rest(unplaced);
        Ok(message)
    }

    fn result(
        &self,
        id: String,
        name: Option<String>,
        fields: &mut Fields,
        unplaced: &mut Vec<Unplaced>,
    ) -> Result<Message, GatewayError> {
        let at = fields.path().to_owned();
        let parts = content::parts(fields, unplaced)?;
        let custom = self.custom.contains(&id);
        let result = ToolResult { id, name, parts, custom, ..ToolResult::default() };
        Ok(Message::new(Role::Tool, vec![Part::ToolResult(result)], at))
    }

    fn assistant(&mut self, fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Message, GatewayError> {
        let name = fields.text("name")?;
        let thoughts = thoughts_of(fields)?;
        let mut said = content::parts(fields, unplaced)?;
        said.extend(fields.text("refusal")?.map(Part::Refusal));
        let foreign = citations(fields, &mut said)?;
        said.extend(foreign);
        if let Some(audio) = fields.take("audio") {
            said.push(Part::Foreign(foreign_part("audio", audio, fields.path_of("audio"))));
        }
        // Said of a message that the model is to go on with, at Mistral.
        fields.ignore("prefix", &[json!(false)]);
        let calls = self.calls(fields, unplaced)?;
        let message = Message::new(Role::Assistant, in_order(thoughts, said, calls), fields.path());
        Ok(Message { name, ..message })
    }

    /// The calls, each with the proofs that its id carries.
    fn calls(
        &mut self,
        fields: &mut Fields,
        unplaced: &mut Vec<Unplaced>,
    ) -> Result<Vec<(ToolCall, Vec<Proof>)>, GatewayError> {
        let base = fields.path_of("tool_calls");
        let mut calls = Vec::new();
        for (index, value) in fields.list("tool_calls")?.into_iter().enumerate() {
            let mut call = Fields::of(format!("{base}[{index}]"), value)?;
            let id = call.need_text("id")?;
            let (id, proofs) = proof::apart(&id);
            let id = id.to_owned();
            // The index belongs to streams; some clients send it back.
            call.take("index");
            let (custom, member, arguments) = match call.text("type")?.as_deref() {
                None | Some("function") => (false, "function", "arguments"),
                Some("custom") => (true, "custom", "input"),
                Some(_) => {
                    unplaced.push(Unplaced::new(call.path_of("type")));
                    continue;
                }
            };
            let mut inner = call.object(member)?.ok_or_else(|| missing(&call.path_of(member)))?;
            let name = inner.need_text("name")?;
            let arguments = inner.text(arguments)?.unwrap_or_default();
            inner.rest(unplaced);
            call.rest(unplaced);
            if custom {
                self.custom.push(id.clone());
            }
            calls.push((ToolCall { id, name, arguments, custom, ..ToolCall::default() }, proofs));
        }
        if let Some(mut function) = fields.object("function_call")? {
            let name = function.need_text("name")?;
            let arguments = function.text("arguments")?.unwrap_or_default();
            function.rest(unplaced);
            let id = legacy_id(self.legacy.len());
            self.legacy.push((name.clone(), id.clone()));
            calls.push((ToolCall { id, name, arguments, ..ToolCall::default() }, Vec::new()));
        }
        Ok(calls)
    }
}

fn legacy_id(number: usize) -> String {
    format!("function_call_{number}")
}

fn plain(role: Role, fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Message, GatewayError> {
    let at = fields.path().to_owned();
    let name = fields.text("name")?;
    let message = Message::new(role, content::parts(fields, unplaced)?, at);
    Ok(Message { name, ..message })
}

/// Thoughts as an answer had them; clients send them back as they came.
fn thoughts_of(fields: &mut Fields) -> Result<Vec<Reasoning>, GatewayError> {
    // Two customs for the same thing; whoever sends both says it twice.
    let plain = fields.text("reasoning_content")?;
    let plain = fields.text("reasoning")?.or(plain).filter(|text| !text.is_empty());
    let mut details: Vec<Reasoning> = Vec::new();
    for value in fields.list("reasoning_details")? {
        match value {
            Value::Object(entry) => details.push(thoughts::detail(Map::from_iter(entry))),
            other => return Err(wrong(&fields.path_of("reasoning_details"), "a list of objects", &other)),
        }
    }
    details.retain(|reasoning| !reasoning.text.is_empty() || reasoning.signature.is_some());
    if details.iter().all(|reasoning| reasoning.text.is_empty()) {
        let text = plain.unwrap_or_default();
        match details.iter_mut().find(|reasoning| !reasoning.redacted) {
            Some(reasoning) => reasoning.text = text,
            None if text.is_empty() => {}
            None => details.insert(0, Reasoning { text, ..Reasoning::default() }),
        }
    }
    Ok(details)
}

/// Gives the last words the citations of `annotations`. What else stands there is one server's own.
fn citations(fields: &mut Fields, said: &mut [Part]) -> Result<Vec<Part>, GatewayError> {
    let base = fields.path_of("annotations");
    let mut foreign = Vec::new();
    let mut citations = Vec::new();
    for (index, value) in fields.list("annotations")?.into_iter().enumerate() {
        let cited = value.get("url_citation").filter(|cited| cited.is_object());
        let text = |key: &str| Some(cited?.get(key)?.as_str()?.to_owned());
        let number = |key: &str| cited?.get(key)?.as_u64();
        if cited.is_none() {
            foreign.push(Part::Foreign(foreign_part("annotation", value, format!("{base}[{index}]"))));
            continue;
        }
        let range = number("start_index").zip(number("end_index"));
        citations.push(Citation { url: text("url"), title: text("title"), cited_text: text("content"), range });
    }
    let words = |part: &Part| matches!(part, Part::Text(_));
    match said.iter_mut().rfind(|part| words(part)) {
        Some(Part::Text(Text { citations: place, .. })) => *place = citations,
        _ if citations.is_empty() => {}
        _ => foreign.push(Part::Foreign(foreign_part("annotations", Value::Null, base))),
    }
    Ok(foreign)
}

fn foreign_part(kind: &str, value: Value, at: String) -> Foreign {
    Foreign { family: Dialect::OpenaiChat, kind: kind.to_owned(), value, at }
}

/// All of a message: first the thoughts, with the proofs that the first call carries, then the words, then the calls,
/// each behind the thoughts that came before it.
fn in_order(thoughts: Vec<Reasoning>, said: Vec<Part>, calls: Vec<(ToolCall, Vec<Proof>)>) -> Vec<Part> {
    let mut calls = calls.into_iter();
    let first = calls.next();
    let mut thoughts = thoughts;
    let mut parts = Vec::with_capacity(thoughts.len() + said.len() + calls.len() + 1);
    let (first, proofs) = first.map_or((None, Vec::new()), |(call, proofs)| (Some(call), proofs));
    // The words that a client sends back are those that the first proof is of which does not stand for them itself.
    let plain = thoughts.iter().position(|reasoning| reasoning.signature.is_none());
    let mut plain = plain.map(|place| thoughts.remove(place));
    for (signature, redacted) in proofs {
        let reasoning = plain.take_if(|_| !redacted).unwrap_or_default();
        thoughts.push(Reasoning { signature: Some(signature), redacted, ..reasoning });
    }
    parts.extend(plain.map(Part::Reasoning));
    parts.extend(thoughts.into_iter().map(Part::Reasoning));
    parts.extend(said);
    parts.extend(first.map(Part::ToolCall));
    for (call, proofs) in calls {
        parts.extend(proofs.into_iter().map(|(signature, redacted)| {
            Part::Reasoning(Reasoning { signature: Some(signature), redacted, ..Reasoning::default() })
        }));
        parts.push(Part::ToolCall(call));
    }
    parts
}
