//! Which items an answer's events open, fill and close.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use weir_core::{Dialect, ErrorKind, GatewayError, UnixMillis, Usage, sse};

use super::super::item::{Head, Ids, echoed, proof, response, status};
use super::open::{Call, Message, Place, Thoughts};
use super::wire::{Numbered, begun};
use crate::canonical::{Event, Finish, Signature};
use crate::codec::Asked;
use crate::stream::{Frames, Sink};

/// How many bytes of the model's an answer may have, since all of them are told again in its last event.
const MOST_HELD: usize = 32 << 20;

/// How many items an answer may have.
const MOST_ITEMS: u32 = 65_536;

/// Writes the events of one answer.
pub struct Encoder {
    proofs: bool,
    created_at: u64,
    /// What the response repeats of the request, as JSON.
    echo: String,
    ids: Ids,
    id: String,
    model: String,
    /// The number of the next event.
    next: u64,
    /// How many items have begun.
    begun: u32,
    /// The items that have ended, by where they stand.
    ended: BTreeMap<u32, Box<RawValue>>,
    words: Option<Words>,
    calls: BTreeMap<u32, Call>,
    /// The call that has ended last, where it may have been cut: it was, if the answer ends with it for its length.
    ending: Option<u32>,
    usage: Option<Usage>,
    finish: Option<Finish>,
    held: usize,
}

/// The item that takes words.
enum Words {
    Message(Message),
    Thoughts(Thoughts),
}

impl Encoder {
    /// An encoder for a stream that begins at `now`.
    #[must_use]
    pub fn new(asked: &Asked, now: UnixMillis) -> Self {
        let created_at = now.0 / 1_000;
        Self {
            proofs: asked.proofs,
            created_at,
            echo: echoed(&asked.echo),
            ids: Ids::new("", created_at),
            id: String::new(),
            model: String::new(),
            next: 0,
            begun: 0,
            ended: BTreeMap::new(),
            words: None,
            calls: BTreeMap::new(),
            ending: None,
            usage: None,
            finish: None,
            held: 0,
        }
    }

    fn start(&mut self, id: &str, model: &str, out: &mut Frames) {
        self.ids = Ids::new(id, self.created_at);
        self.id = self.ids.response(id);
        model.clone_into(&mut self.model);
        self.whole("response.created", &[], false, out);
        self.whole("response.in_progress", &[], false, out);
    }

    /// Tells of the response as a whole.
    fn whole(&mut self, name: &'static str, output: &[Box<RawValue>], over: bool, out: &mut Frames) {
        let (status, incomplete_details) = match &self.finish {
            Some(finish) if over => status(finish),
            _ => ("in_progress", None),
        };
        let head = Head {
            id: &self.id,
            object: "response",
            created_at: self.created_at,
            status,
            error: (),
            incomplete_details,
            model: &self.model,
            output,
            usage: over.then(|| self.usage.unwrap_or_default().into()),
        };
        let size: usize = output.iter().map(|item| item.get().len()).sum();
        let mut frame = begun(name, self.echo.len() + size + 512);
        frame.extend_from_slice(format!(r#"{{"type":"{name}","sequence_number":{},"response":"#, self.next).as_bytes());
        response(&head, &self.echo, &mut frame);
        frame.extend_from_slice(b"}\n\n");
        self.next += 1;
        out.push(frame, 0);
    }

    fn place(&mut self, kind: &str) -> Place {
        let index = self.begun;
        self.begun += 1;
        Place { index, id: self.ids.item(kind, index) }
    }

    /// The message that is open, begun where none is.
    fn message<'a>(&'a mut self, out: &'a mut Frames) -> (&'a mut Message, Numbered<'a>) {
        if !matches!(self.words, Some(Words::Message(_))) {
            self.end_words("completed", out);
            let place = self.place("msg");
            let message = Message::begin(place, &mut Numbered { next: &mut self.next, out });
            self.words = Some(Words::Message(message));
        }
        let Some(Words::Message(message)) = &mut self.words else { unreachable!("it was just begun") };
        (message, Numbered { next: &mut self.next, out })
    }

    /// The thoughts that are open, begun where none are or where their proof has come.
    fn thoughts<'a>(&'a mut self, out: &'a mut Frames) -> (&'a mut Thoughts, Numbered<'a>) {
        if !matches!(&self.words, Some(Words::Thoughts(thoughts)) if !thoughts.are_proven()) {
            self.end_words("completed", out);
            let place = self.place("rs");
            let thoughts = Thoughts::begin(place, &mut Numbered { next: &mut self.next, out });
            self.words = Some(Words::Thoughts(thoughts));
        }
        let Some(Words::Thoughts(thoughts)) = &mut self.words else { unreachable!("they were just begun") };
        (thoughts, Numbered { next: &mut self.next, out })
    }

    fn end_words(&mut self, status: &'static str, out: &mut Frames) {
        let events = &mut Numbered { next: &mut self.next, out };
        let ended = match self.words.take() {
            Some(Words::Message(message)) => message.end(status, events),
            Some(Words::Thoughts(thoughts)) => thoughts.end(events),
            None => return,
        };
        self.ended.extend([ended]);
    }

    /// What comes after makes another part: of the same message, or other thoughts.
    fn end_part(&mut self, out: &mut Frames) {
        match &mut self.words {
            Some(Words::Message(message)) => message.end_part(&mut Numbered { next: &mut self.next, out }),
            Some(Words::Thoughts(_)) => self.end_words("completed", out),
            None => {}
        }
    }

    fn prove(&mut self, signature: &Signature, redacted: bool, out: &mut Frames) {
        if !self.proofs {
            return;
        }
        if redacted && matches!(self.words, Some(Words::Thoughts(_))) {
            self.end_words("completed", out);
        }
        let proof = proof(signature, redacted);
        self.held += proof.len();
        self.thoughts(out).0.prove(proof);
    }

    fn begin_call(&mut self, tool: u32, id: &str, name: &str, custom: bool, out: &mut Frames) {
        self.end_words("completed", out);
        let place = self.place(if custom { "ctc" } else { "fc" });
        let call_id = if id.is_empty() { self.ids.item("call", place.index) } else { id.to_owned() };
        self.held += id.len() + name.len();
        let events = &mut Numbered { next: &mut self.next, out };
        let call = Call::begin(place, call_id, name.to_owned(), custom, events);
        if let Some(before) = self.calls.insert(tool, call) {
            // A source that counts two calls alike has ended the first.
            self.ended.extend([before.end("completed", events)]);
        }
    }

    fn end_call(&mut self, tool: u32, status: &'static str, out: &mut Frames) {
        if let Some(call) = self.calls.remove(&tool) {
            self.ended.extend([call.end(status, &mut Numbered { next: &mut self.next, out })]);
        }
    }

    fn end_all(&mut self, reason: &Finish, out: &mut Frames) {
        let (status, _) = status(reason);
        self.end_words(status, out);
        while let Some(&tool) = self.calls.keys().next() {
            self.end_call(tool, status, out);
        }
    }
}

impl Sink for Encoder {
    fn event(&mut self, event: &Event, out: &mut Frames) {
        if !matches!(event, Event::Finish { .. } | Event::Usage(_) | Event::Ping)
            && let Some(tool) = self.ending.take()
        {
            self.end_call(tool, "completed", out);
        }
        match event {
            Event::Start { id, model } => self.start(id, model, out),
            // Nobody can ask for a second answer.
            Event::Text { candidate: 1.., .. }
            | Event::Refusal { candidate: 1.., .. }
            | Event::Reasoning { candidate: 1.., .. }
            | Event::ReasoningSignature { candidate: 1.., .. }
            | Event::ToolStart { candidate: 1.., .. }
            | Event::ToolArguments { candidate: 1.., .. }
            | Event::ToolEnd { candidate: 1.., .. }
            | Event::PartEnd { candidate: 1.. }
            | Event::Logprobs { candidate: 1.., .. }
            | Event::Foreign { candidate: 1.., .. }
            | Event::Citation { candidate: 1.., .. }
            | Event::Finish { candidate: 1.., .. } => {}
            Event::Text { text, .. } => {
                self.held += text.len();
                let (message, mut events) = self.message(out);
                message.words(text, false, &mut events);
            }
            Event::Refusal { text, .. } => {
                self.held += text.len();
                let (message, mut events) = self.message(out);
                message.words(text, true, &mut events);
            }
            Event::Reasoning { text, .. } => {
                self.held += text.len();
                let (thoughts, mut events) = self.thoughts(out);
                thoughts.words(text, &mut events);
            }
            Event::ReasoningSignature { signature, redacted, .. } => self.prove(signature, *redacted, out),
            Event::ToolStart { tool, id, name, custom, .. } => self.begin_call(*tool, id, name, *custom, out),
            Event::ToolArguments { tool, json, .. } => {
                self.held += json.len();
                if let Some(call) = self.calls.get_mut(tool).filter(|_| !json.is_empty()) {
                    call.arguments(json, &mut Numbered { next: &mut self.next, out });
                }
            }
            Event::ToolEnd { tool, .. } => match self.calls.get(tool) {
                Some(call) if call.is_whole() => self.end_call(*tool, "completed", out),
                Some(_) => self.ending = Some(*tool),
                None => {}
            },
            Event::PartEnd { .. } => self.end_part(out),
            Event::Logprobs { tokens, .. } => {
                // Their alternatives and bytes come to some dozens of bytes each.
                self.held += tokens.iter().map(|token| 64 * (1 + token.top.len())).sum::<usize>();
                let (message, mut events) = self.message(out);
                message.logprobs(tokens, &mut events);
            }
            Event::Citation { citation, .. } => {
                self.held += [&citation.url, &citation.title].into_iter().flatten().map(String::len).sum::<usize>();
                let (message, mut events) = self.message(out);
                message.cite(citation.clone(), &mut events);
            }
            Event::Foreign { foreign, .. } if foreign.family == Dialect::OpenaiResponses => {
                self.end_words("completed", out);
                let item = RawValue::from_string(foreign.value.to_string()).expect("JSON is JSON");
                self.held += item.get().len();
                let place = self.place("item");
                let events = &mut Numbered { next: &mut self.next, out };
                place.item("response.output_item.added", &item, events);
                place.item("response.output_item.done", &item, events);
                self.ended.insert(place.index, item);
            }
            Event::Foreign { .. } => {}
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Finish { reason, .. } => {
                self.end_all(reason, out);
                self.finish = Some(reason.clone());
            }
            Event::Ping => {
                let mut frame = Vec::new();
                sse::comment(&mut frame, "ping");
                out.push(frame, 0);
            }
        }
    }

    fn end(&mut self, out: &mut Frames) {
        let finish = self.finish.get_or_insert(Finish::Stop).clone();
        self.end_all(&finish, out);
        let output: Vec<Box<RawValue>> = std::mem::take(&mut self.ended).into_values().collect();
        let complete = status(&finish).0 == "completed";
        self.whole(if complete { "response.completed" } else { "response.incomplete" }, &output, true, out);
    }

    fn failed(&mut self, error: &GatewayError) -> Option<Vec<u8>> {
        Some(super::super::super::failed(error, self.next))
    }

    fn fault(&self) -> Option<GatewayError> {
        let most = self.held > MOST_HELD || self.begun > MOST_ITEMS;
        most.then(|| {
            GatewayError::new(ErrorKind::UpstreamProtocol, "the backend's answer is longer than an answer may be")
        })
    }
}
