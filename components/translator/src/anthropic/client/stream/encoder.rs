//! The encoder itself.

use weir_core::{Dialect, ErrorKind, GatewayError, UnixMillis, Usage};

use super::waiting::{Held, Waiting};
use super::wire::{Block, Delta, Empty, Event as Written, Message, MessageDelta, push};
use crate::anthropic::citation::WebCitation;
use crate::anthropic::client::response::{call_id, id, proof};
use crate::anthropic::stop;
use crate::anthropic::usage;
use crate::canonical::{Event, Finish, Signature};
use crate::codec::Asked;
use crate::stream::{Frames, Sink};

/// Writes the events of one message.
#[derive(Debug)]
pub struct Encoder {
    now: UnixMillis,
    /// The answer's id, once it has begun.
    id: Option<String>,
    /// How many blocks have begun.
    blocks: u32,
    /// The last of them, while it has not ended.
    open: Option<Open>,
    waiting: Waiting,
    usage: Usage,
    finish: Option<Finish>,
    holds: stop::Held,
}

/// The block that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    /// Words; `ended` once the backend says that they are complete.
    Text { ended: bool },
    /// Thoughts; `signed` once they have their proof.
    Thinking { ended: bool, signed: bool },
    /// A call.
    Call { number: u32, custom: bool },
}

impl Encoder {
    /// An encoder for a stream that begins at `now`.
    #[must_use]
    pub fn new(_asked: &Asked, now: UnixMillis) -> Self {
        Self {
            now,
            id: None,
            blocks: 0,
            open: None,
            waiting: Waiting::default(),
            usage: Usage::default(),
            finish: None,
            holds: stop::Held::default(),
        }
    }

    fn start(&mut self, given: &str, model: &str, out: &mut Frames) {
        if self.id.is_some() {
            return;
        }
        let id = id(given, model, self.now).into_owned();
        let message = Message {
            id: &id,
            r#type: "message",
            role: "assistant",
            model,
            content: [],
            stop_reason: (),
            stop_sequence: (),
            usage: usage::Written::new(self.usage, None),
        };
        push(out, &Written::MessageStart { message }, 0);
        self.id = Some(id);
    }

    /// Writes what belongs to the block that is open, or begins another.
    fn write(&mut self, event: &Event, out: &mut Frames) {
        match event {
            Event::Text { text, .. } => self.text(text, out),
            Event::Refusal { text, .. } => {
                self.holds.refusal = true;
                self.text(text, out);
            }
            Event::Reasoning { text, .. } => self.thoughts(text, out),
            Event::ReasoningSignature { signature, redacted, .. } => self.proof(signature, *redacted, out),
            Event::ToolStart { tool, id, name, custom, .. } => self.call(*tool, id, name, *custom, out),
            Event::ToolArguments { json, .. } => self.arguments(json, out),
            Event::ToolEnd { .. } => self.close(out),
            Event::PartEnd { .. } => match &mut self.open {
                Some(Open::Text { ended } | Open::Thinking { ended, .. }) => *ended = true,
                Some(Open::Call { .. }) | None => {}
            },
            Event::Citation { citation, .. } => {
                if let Some(citation) = WebCitation::of(citation) {
                    if !matches!(self.open, Some(Open::Text { .. })) {
                        self.begin(Block::Text { text: "" }, Some(Open::Text { ended: false }), out);
                    }
                    self.delta(Delta::Citations { citation }, 0, out);
                }
            }
            Event::Foreign { foreign, .. } if foreign.family == Dialect::AnthropicMessages => {
                self.begin(Block::Foreign(&foreign.value), None, out);
                push(out, &Written::ContentBlockStop { index: self.blocks - 1 }, 0);
            }
            // Another dialect alone can say it, or messages have no place for it.
            Event::Foreign { .. } | Event::Logprobs { .. } => {}
            Event::Start { .. } | Event::Usage(_) | Event::Finish { .. } | Event::Ping => {}
        }
    }

    fn text(&mut self, text: &str, out: &mut Frames) {
        if text.is_empty() {
            return;
        }
        if self.open != Some(Open::Text { ended: false }) {
            self.begin(Block::Text { text: "" }, Some(Open::Text { ended: false }), out);
        }
        self.delta(Delta::Text { text }, text.len(), out);
    }

    fn thoughts(&mut self, thinking: &str, out: &mut Frames) {
        if thinking.is_empty() {
            return;
        }
        if !matches!(self.open, Some(Open::Thinking { ended: false, signed: false })) {
            self.begin_thinking(out);
        }
        self.delta(Delta::Thinking { thinking }, thinking.len(), out);
    }

    fn begin_thinking(&mut self, out: &mut Frames) {
        let open = Open::Thinking { ended: false, signed: false };
        self.begin(Block::Thinking { thinking: "", signature: "" }, Some(open), out);
    }

    fn proof(&mut self, signature: &Signature, redacted: bool, out: &mut Frames) {
        if redacted {
            let data = signature.written(Dialect::AnthropicMessages, true);
            self.begin(Block::RedactedThinking { data: &data }, None, out);
            push(out, &Written::ContentBlockStop { index: self.blocks - 1 }, 0);
            return;
        }
        if !matches!(self.open, Some(Open::Thinking { signed: false, .. })) {
            self.begin_thinking(out);
        }
        self.sign(&proof(Some(signature)), out);
        self.open = Some(Open::Thinking { ended: true, signed: true });
    }

    fn sign(&self, signature: &str, out: &mut Frames) {
        self.delta(Delta::Signature { signature }, 0, out);
    }

    fn call(&mut self, number: u32, id: &str, name: &str, custom: bool, out: &mut Frames) {
        self.holds.calls = true;
        let answer = self.id.clone().unwrap_or_default();
        let id = call_id(id, &answer, self.blocks as usize);
        let block = Block::ToolUse { id: &id, name, input: Empty {} };
        self.begin(block, Some(Open::Call { number, custom }), out);
        if custom {
            self.delta(Delta::InputJson { partial_json: "{\"input\":\"" }, 0, out);
        }
    }

    fn arguments(&self, json: &str, out: &mut Frames) {
        match self.open {
            Some(Open::Call { .. }) if json.is_empty() => {}
            Some(Open::Call { custom: false, .. }) => {
                self.delta(Delta::InputJson { partial_json: json }, json.len(), out);
            }
            Some(Open::Call { custom: true, .. }) => {
                let quoted = serde_json::Value::from(json).to_string();
                let escaped = &quoted[1..quoted.len() - 1];
                self.delta(Delta::InputJson { partial_json: escaped }, json.len(), out);
            }
            // A piece of a call that has ended, or never began, belongs nowhere.
            _ => {}
        }
    }

    fn begin(&mut self, content_block: Block<'_>, open: Option<Open>, out: &mut Frames) {
        self.close(out);
        push(out, &Written::ContentBlockStart { index: self.blocks, content_block }, 0);
        self.blocks += 1;
        self.open = open;
    }

    fn delta(&self, delta: Delta<'_>, text: usize, out: &mut Frames) {
        push(out, &Written::ContentBlockDelta { index: self.blocks.saturating_sub(1), delta }, text);
    }

    fn close(&mut self, out: &mut Frames) {
        match self.open {
            None => return,
            Some(Open::Thinking { signed: false, .. }) => self.sign(&proof(None), out),
            Some(Open::Call { custom: true, .. }) => {
                self.delta(Delta::InputJson { partial_json: "\"}" }, 0, out);
            }
            Some(_) => {}
        }
        self.open = None;
        push(out, &Written::ContentBlockStop { index: self.blocks - 1 }, 0);
    }

    /// Whether an event must wait for the call that is open.
    fn must_wait(&self, event: &Event) -> bool {
        let Some(Open::Call { number, .. }) = self.open else {
            return false;
        };
        match event {
            Event::ToolArguments { tool, .. } | Event::ToolEnd { tool, .. } => *tool != number,
            Event::PartEnd { .. } => false,
            _ => true,
        }
    }

    /// Writes what waited, up to the next call that has not ended; to the very end where all is `over`.
    fn release(&mut self, over: bool, out: &mut Frames) {
        while !matches!(self.open, Some(Open::Call { .. }))
            && let Some(held) = self.waiting.pop()
        {
            match held {
                Held::Event(event) => self.write(&event, out),
                Held::Call(call) => {
                    self.call(call.number, &call.id, &call.name, call.custom, out);
                    self.arguments(&call.arguments, out);
                    if over || call.ended {
                        self.close(out);
                    }
                }
            }
        }
    }
}

impl Sink for Encoder {
    fn event(&mut self, event: &Event, out: &mut Frames) {
        if candidate(event) != 0 {
            return;
        }
        match event {
            Event::Start { id, model } => self.start(id, model, out),
            Event::Usage(usage) => self.usage = *usage,
            Event::Ping => push(out, &Written::Ping {}, 0),
            Event::Finish { reason, .. } => {
                self.finish = Some(reason.clone());
                self.close(out);
                self.release(true, out);
                self.close(out);
            }
            other if self.must_wait(other) => self.waiting.push(other),
            other => {
                self.write(other, out);
                self.release(false, out);
            }
        }
    }

    fn end(&mut self, out: &mut Frames) {
        self.close(out);
        self.release(true, out);
        self.close(out);
        let (stop_reason, stop_sequence) = self.finish.as_ref().map(|finish| stop::written(finish, self.holds)).unzip();
        let delta = MessageDelta { stop_reason, stop_sequence: stop_sequence.flatten() };
        push(out, &Written::MessageDelta { delta, usage: usage::Written::new(self.usage, None) }, 0);
        push(out, &Written::MessageStop {}, 0);
    }

    fn fault(&self) -> Option<GatewayError> {
        self.waiting.is_too_much().then(|| {
            let message = "the backend's calls of tools come in between each other and are too long to be put in order";
            GatewayError::new(ErrorKind::UpstreamProtocol, message)
        })
    }
}

/// Which answer an event is part of; messages have one.
fn candidate(event: &Event) -> u32 {
    match event {
        Event::Start { .. } | Event::Usage(_) | Event::Ping => 0,
        Event::Text { candidate, .. }
        | Event::Refusal { candidate, .. }
        | Event::Reasoning { candidate, .. }
        | Event::ReasoningSignature { candidate, .. }
        | Event::ToolStart { candidate, .. }
        | Event::ToolArguments { candidate, .. }
        | Event::ToolEnd { candidate, .. }
        | Event::PartEnd { candidate }
        | Event::Logprobs { candidate, .. }
        | Event::Foreign { candidate, .. }
        | Event::Citation { candidate, .. }
        | Event::Finish { candidate, .. } => *candidate,
    }
}
