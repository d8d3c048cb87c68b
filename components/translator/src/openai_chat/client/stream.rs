//! Streams, written as chat completion chunks.

use std::collections::BTreeSet;

use serde::Serialize;
use weir_core::{UnixMillis, Usage, sse};

use super::response::{Annotation, annotation, finish_reason};
use crate::canonical::Event;
use crate::codec::Asked;
use crate::openai_chat::usage::Written;
use crate::stream::{Frames, Sink};

/// Writes the chunks of one answer.
#[derive(Debug)]
pub struct Encoder {
    include_usage: bool,
    created: u64,
    id: String,
    model: String,
    usage: Option<Usage>,
    characters: u64,
    /// Calls whose arguments have begun, by answer and number.
    argued: BTreeSet<(u32, u32)>,
}

impl Encoder {
    /// An encoder for a stream that begins at `now`.
    #[must_use]
    pub fn new(asked: &Asked, now: UnixMillis) -> Self {
        Self {
            include_usage: asked.include_usage,
            created: now.0 / 1_000,
            id: String::new(),
            model: String::new(),
            usage: None,
            characters: 0,
            argued: BTreeSet::new(),
        }
    }

    fn delta(&self, out: &mut Frames, candidate: u32, delta: Delta<'_>, text: usize) {
        self.choice(out, Choice { index: candidate, delta, logprobs: (), finish_reason: None }, text);
    }

    fn choice(&self, out: &mut Frames, choice: Choice<'_>, text: usize) {
        self.chunk(out, &[choice], None, text);
    }

    fn chunk(&self, out: &mut Frames, choices: &[Choice<'_>], usage: Option<Written>, text: usize) {
        let chunk = Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices,
            // Null in all chunks but the last, where it was asked for (OpenAI's reference, `stream_options`).
            usage: self.include_usage.then_some(usage),
        };
        let mut frame = Vec::with_capacity(256 + text);
        frame.extend_from_slice(b"data: ");
        serde_json::to_writer(&mut frame, &chunk).expect("a chunk serializes into memory");
        frame.extend_from_slice(b"\n\n");
        out.push(frame, text);
    }

    fn call(&self, out: &mut Frames, candidate: u32, call: Call<'_>, text: usize) {
        self.delta(out, candidate, Delta { tool_calls: Some([call]), ..Delta::default() }, text);
    }
}

impl Sink for Encoder {
    fn event(&mut self, event: &Event, out: &mut Frames) {
        match event {
            Event::Start { id, model } => {
                (self.id, self.model) = (id.clone(), model.clone());
                self.delta(out, 0, Delta { role: Some("assistant"), content: Some(""), ..Delta::default() }, 0);
            }
            Event::Text { candidate, text } => {
                self.characters += text.chars().count() as u64;
                self.delta(out, *candidate, Delta { content: Some(text), ..Delta::default() }, text.len());
            }
            Event::Refusal { candidate, text } => {
                self.delta(out, *candidate, Delta { refusal: Some(text), ..Delta::default() }, text.len());
            }
            Event::Reasoning { candidate, text } => {
                self.delta(out, *candidate, Delta { reasoning_content: Some(text), ..Delta::default() }, text.len());
            }
            Event::ToolStart { candidate, tool, id, name, .. } => {
                let function = CallFunction { name: Some(name), arguments: "" };
                let call = Call { index: *tool, id: Some(id), r#type: Some("function"), function };
                self.call(out, *candidate, call, name.len());
            }
            Event::ToolArguments { candidate, tool, json } => {
                if !json.is_empty() {
                    self.argued.insert((*candidate, *tool));
                    self.call(out, *candidate, Call::arguments(*tool, json), json.len());
                }
            }
            Event::ToolEnd { candidate, tool } => {
                // A call without arguments: clients parse them all the same.
                if !self.argued.remove(&(*candidate, *tool)) {
                    self.call(out, *candidate, Call::arguments(*tool, "{}"), 0);
                }
            }
            Event::Citation { candidate, citation } => {
                if let Some(annotation) = annotation(citation, (self.characters, self.characters)) {
                    let delta = Delta { annotations: Some([annotation]), ..Delta::default() };
                    self.delta(out, *candidate, delta, 0);
                }
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Finish { candidate, reason } => {
                let (delta, finish_reason) = (Delta::default(), Some(finish_reason(reason)));
                self.choice(out, Choice { index: *candidate, delta, logprobs: (), finish_reason }, 0);
            }
            Event::Ping => {
                let mut frame = Vec::new();
                sse::comment(&mut frame, "ping");
                out.push(frame, 0);
            }
            // Chat completions have no place for it.
            Event::ReasoningSignature { .. }
            | Event::PartEnd { .. }
            | Event::Logprobs { .. }
            | Event::Foreign { .. } => {}
        }
    }

    fn end(&mut self, out: &mut Frames) {
        if let Some(usage) = self.usage.filter(|_| self.include_usage) {
            self.chunk(out, &[], Some(usage.into()), 0);
        }
        out.push(b"data: [DONE]\n\n".to_vec(), 0);
    }
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Written>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: (),
    finish_reason: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[Call<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<[Annotation; 1]>,
}

#[derive(Serialize)]
struct Call<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    function: CallFunction<'a>,
}

impl<'a> Call<'a> {
    fn arguments(index: u32, arguments: &'a str) -> Self {
        Self { index, id: None, r#type: None, function: CallFunction { name: None, arguments } }
    }
}

#[derive(Serialize)]
struct CallFunction<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}
