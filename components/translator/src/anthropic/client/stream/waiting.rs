//! What waits until the call that is being written ends.

use std::collections::VecDeque;

use crate::canonical::Event;

/// How much may wait, in bytes: the arguments of calls that come in between each other.
const MOST_WAITING: usize = 4 * 1024 * 1024;

/// What a thing that waits takes besides its text, in bytes, about.
const OVERHEAD: usize = 96;

/// Events in their order; the pieces of a call are one.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    queue: VecDeque<Held>,
    bytes: usize,
}

/// One thing that waits.
#[derive(Debug)]
pub(super) enum Held {
    /// A call, as far as it has come.
    Call(Call),
    /// Anything else.
    Event(Event),
}

/// A call, as far as it has come.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) number: u32,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) custom: bool,
    pub(super) arguments: String,
    pub(super) ended: bool,
}

impl Waiting {
    /// Puts an event at the end, or to the call that it belongs to. A piece of a call that has not begun belongs
    /// nowhere.
    pub(super) fn push(&mut self, event: &Event) {
        match event {
            Event::ToolStart { tool, id, name, custom, .. } => {
                self.bytes += OVERHEAD + id.len() + name.len();
                self.queue.push_back(Held::Call(Call {
                    number: *tool,
                    id: id.clone(),
                    name: name.clone(),
                    custom: *custom,
                    arguments: String::new(),
                    ended: false,
                }));
            }
            Event::ToolArguments { tool, json, .. } => {
                if let Some(call) = self.call(*tool) {
                    call.arguments.push_str(json);
                    self.bytes += json.len();
                }
            }
            Event::ToolEnd { tool, .. } => {
                if let Some(call) = self.call(*tool) {
                    call.ended = true;
                }
            }
            other => {
                self.bytes += OVERHEAD + text_len(other);
                self.queue.push_back(Held::Event(other.clone()));
            }
        }
    }

    /// Takes the first.
    pub(super) fn pop(&mut self) -> Option<Held> {
        let first = self.queue.pop_front();
        if self.queue.is_empty() {
            self.bytes = 0;
        }
        first
    }

    /// Whether more waits than may.
    pub(super) fn is_too_much(&self) -> bool {
        self.bytes > MOST_WAITING
    }

    fn call(&mut self, number: u32) -> Option<&mut Call> {
        self.queue.iter_mut().rev().find_map(|held| match held {
            Held::Call(call) if call.number == number => Some(call),
            _ => None,
        })
    }
}

fn text_len(event: &Event) -> usize {
    match event {
        Event::Text { text, .. } | Event::Refusal { text, .. } | Event::Reasoning { text, .. } => text.len(),
        Event::ReasoningSignature { signature, .. } => signature.value.len(),
        Event::Citation { citation, .. } => {
            [&citation.url, &citation.title, &citation.cited_text].into_iter().flatten().map(String::len).sum()
        }
        // As it was written, near enough.
        Event::Foreign { foreign, .. } => foreign.value.to_string().len(),
        _ => 0,
    }
}
