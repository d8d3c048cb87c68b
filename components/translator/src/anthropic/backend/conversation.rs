//! A conversation, written as Anthropic has it: system words beside it, users and assistant by turns, tools' results
//! in the user's turn right after the calls.

use serde_json::{Value, json};
use weir_core::{Dialect, ErrorKind, GatewayError};

use super::content::{blocks, shortest};
use crate::canonical::{Message, Role};
use crate::unsupported::Unsupported;

/// `system` (null where there is none) and `messages`.
pub(super) struct Conversation {
    pub(super) system: Value,
    pub(super) messages: Vec<Value>,
    /// Whether the model is in the midst of using tools, and has sent no thoughts along with its calls.
    pub(super) thoughtless: bool,
}

/// Writes a conversation.
///
/// System words from its midst are moved to its front, as only some models take them elsewhere; a client of messages
/// knows what its model takes.
///
/// # Errors
/// `InvalidRequest` where nothing is said at all, and those of the parts.
pub(super) fn conversation(
    messages: Vec<Message>,
    unsupported: &mut Unsupported,
) -> Result<Conversation, GatewayError> {
    let mut system = Vec::new();
    let mut turns: Vec<Turn> = Vec::new();
    for message in messages {
        if message.name.is_some() {
            unsupported.field(&format!("{}.name", message.at), "name the speaker in the text")?;
        }
        if message.phase.is_some() {
            unsupported.note(&format!("{}.phase", message.at));
        }
        let blocks = blocks(message.parts, &message.at, unsupported)?;
        let role = match message.role {
            Role::System if unsupported.client() == Dialect::AnthropicMessages && message.at != "system" => "system",
            Role::System | Role::Developer => {
                system.extend(words_alone(blocks, &message.at, unsupported)?);
                continue;
            }
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        add(&mut turns, Turn { role, blocks });
    }
    let mut turns = results_after_calls(turns);
    if turns.is_empty() && !system.is_empty() {
        // Anthropic wants a user to say something; OpenAI's models answer instructions alone.
        turns.push(Turn { role: "user", blocks: std::mem::take(&mut system) });
    }
    if turns.is_empty() {
        let member = if unsupported.client() == Dialect::OpenaiResponses { "input" } else { "messages" };
        let message = format!("`{member}` says nothing to the model");
        return Err(GatewayError::new(ErrorKind::InvalidRequest, message).with_param(member));
    }
    trim_prefill(&mut turns);
    let thoughtless = is_thoughtless(&turns);
    let messages = turns.into_iter().map(Turn::written).collect();
    Ok(Conversation { system: shortest(system), messages, thoughtless })
}

/// What one speaker says in one go.
struct Turn {
    role: &'static str,
    blocks: Vec<Value>,
}

impl Turn {
    fn written(self) -> Value {
        json!({"role": self.role, "content": shortest(self.blocks)})
    }

    /// The ids of the tools that are called.
    fn calls(&self) -> Vec<String> {
        let calls = self.blocks.iter().filter(|block| block["type"] == "tool_use");
        calls.filter_map(|block| block["id"].as_str().map(str::to_owned)).collect()
    }

    /// Takes out what a tool answered.
    fn take_result(&mut self, id: &str) -> Option<Value> {
        let at = self.blocks.iter().position(|block| is_result(block) && block["tool_use_id"] == *id)?;
        Some(self.blocks.remove(at))
    }
}

fn is_result(block: &Value) -> bool {
    block["type"] == "tool_result"
}

/// Puts a turn at the end, or to the one before where the same speaks on.
fn add(turns: &mut Vec<Turn>, turn: Turn) {
    match turns.last_mut() {
        _ if turn.blocks.is_empty() => {}
        Some(last) if last.role == turn.role => last.blocks.extend(turn.blocks),
        _ => turns.push(turn),
    }
}

/// The system's words may be nothing else.
fn words_alone(blocks: Vec<Value>, at: &str, unsupported: &mut Unsupported) -> Result<Vec<Value>, GatewayError> {
    let (words, others): (Vec<Value>, Vec<Value>) = blocks.into_iter().partition(|block| block["type"] == "text");
    if !others.is_empty() {
        unsupported.field(at, "system messages are words alone there")?;
    }
    Ok(words)
}

/// Has the results of a turn's calls come first in the turn right after it, in the order of the calls: clients send them
/// later, or after their own words.
fn results_after_calls(turns: Vec<Turn>) -> Vec<Turn> {
    let mut rest: std::collections::VecDeque<Turn> = turns.into();
    let mut mended: Vec<Turn> = Vec::with_capacity(rest.len());
    while let Some(turn) = rest.pop_front() {
        let calls = if turn.role == "assistant" { turn.calls() } else { Vec::new() };
        add(&mut mended, turn);
        if calls.is_empty() {
            continue;
        }
        let results: Vec<Value> =
            calls.iter().filter_map(|id| rest.iter_mut().find_map(|later| later.take_result(id))).collect();
        if results.is_empty() {
            continue;
        }
        match rest.front_mut().filter(|next| next.role == "user") {
            Some(next) => {
                let own = std::mem::replace(&mut next.blocks, results);
                next.blocks.extend(own);
            }
            None => rest.push_front(Turn { role: "user", blocks: results }),
        }
    }
    mended
}

/// An answer that is to be gone on with must not end in white space.
fn trim_prefill(turns: &mut [Turn]) {
    let Some(last) = turns.last_mut().filter(|turn| turn.role == "assistant") else {
        return;
    };
    if let Some(Value::String(text)) = last.blocks.last_mut().and_then(|block| block.get_mut("text")) {
        text.truncate(text.trim_end().len());
    }
}

/// Whether the last answer called tools and does not begin with its thoughts.
fn is_thoughtless(turns: &[Turn]) -> bool {
    let [.., answer, results] = turns else {
        return false;
    };
    let thought = |block: &Value| block["type"] == "thinking" || block["type"] == "redacted_thinking";
    answer.role == "assistant" && results.blocks.iter().any(is_result) && !answer.blocks.first().is_some_and(thought)
}
