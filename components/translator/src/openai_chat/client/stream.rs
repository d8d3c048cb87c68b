//! Streams, written as chat completion chunks.

use serde::Serialize;
use serde_json::Value;
use weir_core::{Dialect, UnixMillis, Usage, sse};

use super::request::speaks_of_functions;
use super::response::{Annotation, Logprobs, annotation, finish_reason};
use crate::canonical::Event;
use crate::codec::Asked;
use crate::openai_chat::proof::{self, Proof};
use crate::openai_chat::usage::Written;
use crate::stream::{Frames, Sink};

/// Writes the chunks of one answer.
#[derive(Debug)]
pub struct Encoder {
    include_usage: bool,
    /// Whether the first call is told in OpenAI's older words, which have no more.
    older: bool,
    created: u64,
    id: String,
    model: String,
    usage: Option<Usage>,
    candidates: Vec<Candidate>,
}

/// What is known of one of the answers.
#[derive(Debug, Default)]
struct Candidate {
    begun: bool,
    characters: u64,
    /// How many sources were cited.
    cited: u32,
    /// What proves the thoughts that no call has come after yet.
    proofs: Vec<Proof>,
    calls: Vec<Started>,
}

/// A call that has begun.
#[derive(Clone, Copy, Debug, Default)]
struct Started {
    custom: bool,
    argued: bool,
}

impl Encoder {
    /// An encoder for a stream that begins at `now`.
    #[must_use]
    pub fn new(asked: &Asked, now: UnixMillis) -> Self {
        Self {
            include_usage: asked.include_usage,
            older: speaks_of_functions(&asked.echo),
            created: now.0 / 1_000,
            id: String::new(),
            model: String::new(),
            usage: None,
            candidates: Vec::new(),
        }
    }

    fn delta(&mut self, out: &mut Frames, candidate: u32, mut delta: Delta<'_>, text: usize) {
        self.begin(candidate, &mut delta);
        self.choice(out, Choice { index: candidate, delta, logprobs: None, finish_reason: None }, text);
    }

    /// The first words of an answer say whose they are.
    fn begin(&mut self, candidate: u32, delta: &mut Delta<'_>) {
        let state = self.candidate(candidate);
        if !std::mem::replace(&mut state.begun, true) {
            delta.role = Some("assistant");
        }
    }

    fn candidate(&mut self, number: u32) -> &mut Candidate {
        let place = number as usize;
        if self.candidates.len() <= place {
            self.candidates.resize_with(place + 1, Candidate::default);
        }
        &mut self.candidates[place]
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

    fn call(&mut self, out: &mut Frames, candidate: u32, call: Call<'_>, text: usize) {
        self.delta(out, candidate, Delta { tool_calls: Some([call]), ..Delta::default() }, text);
    }

    fn tool_start(&mut self, out: &mut Frames, candidate: u32, tool: u32, start: (&str, &str, bool)) {
        let (id, name, custom) = start;
        let state = self.candidate(candidate);
        let place = tool as usize;
        if state.calls.len() <= place {
            state.calls.resize(place + 1, Started::default());
        }
        state.calls[place] = Started { custom, argued: false };
        let proofs = std::mem::take(&mut state.proofs);
        if self.older && tool == 0 {
            let function_call = Some(Named { name: Some(name), arguments: Some(""), input: None });
            self.delta(out, candidate, Delta { function_call, ..Delta::default() }, name.len());
            return;
        }
        let id = proof::carry(id, &proofs);
        let call = if custom {
            let custom = Some(Named { name: Some(name), arguments: None, input: Some("") });
            Call { index: tool, id: Some(&id), r#type: Some("custom"), function: None, custom }
        } else {
            let function = Some(Named { name: Some(name), arguments: Some(""), input: None });
            Call { index: tool, id: Some(&id), r#type: Some("function"), function, custom: None }
        };
        self.call(out, candidate, call, name.len());
    }

    fn tool_arguments(&mut self, out: &mut Frames, candidate: u32, tool: u32, piece: &str, text: usize) {
        let Some(started) = self.candidate(candidate).calls.get_mut(tool as usize) else {
            return;
        };
        started.argued = true;
        let custom = started.custom;
        if self.older && tool == 0 {
            let function_call = Some(Named { name: None, arguments: Some(piece), input: None });
            self.delta(out, candidate, Delta { function_call, ..Delta::default() }, text);
            return;
        }
        let (arguments, input) = if custom { (None, Some(piece)) } else { (Some(piece), None) };
        let named = Some(Named { name: None, arguments, input });
        let (function, custom) = if custom { (None, named) } else { (named, None) };
        self.call(out, candidate, Call { index: tool, id: None, r#type: None, function, custom }, text);
    }
}

impl Sink for Encoder {
    fn event(&mut self, event: &Event, out: &mut Frames) {
        match event {
            Event::Start { id, model } => {
                (self.id, self.model) = (id.clone(), model.clone());
                self.delta(out, 0, Delta { content: Some(""), ..Delta::default() }, 0);
            }
            Event::Text { candidate, text } => {
                self.candidate(*candidate).characters += text.chars().count() as u64;
                self.delta(out, *candidate, Delta { content: Some(text), ..Delta::default() }, text.len());
            }
            Event::Refusal { candidate, text } => {
                self.delta(out, *candidate, Delta { refusal: Some(text), ..Delta::default() }, text.len());
            }
            Event::Reasoning { candidate, text } => {
                self.delta(out, *candidate, Delta { reasoning_content: Some(text), ..Delta::default() }, text.len());
            }
            Event::ReasoningSignature { candidate, signature, redacted } => {
                if !signature.value.is_empty() {
                    self.candidate(*candidate).proofs.push((signature.clone(), *redacted));
                }
            }
            Event::ToolStart { candidate, tool, id, name, custom } => {
                self.tool_start(out, *candidate, *tool, (id, name, *custom));
            }
            Event::ToolArguments { candidate, tool, json } => {
                if !json.is_empty() {
                    self.tool_arguments(out, *candidate, *tool, json, json.len());
                }
            }
            Event::ToolEnd { candidate, tool } => {
                // A call without arguments: clients parse them all the same.
                let call = self.candidate(*candidate).calls.get(*tool as usize).copied();
                if call.is_some_and(|call| !call.custom && !call.argued) {
                    self.tool_arguments(out, *candidate, *tool, "{}", 0);
                }
            }
            Event::Citation { candidate, citation } => {
                let state = self.candidate(*candidate);
                if let Some(annotation) = annotation(citation, (state.characters, state.characters)) {
                    let index = state.cited;
                    state.cited += 1;
                    let delta = Delta { annotations: Some([Cited { index, annotation }]), ..Delta::default() };
                    self.delta(out, *candidate, delta, 0);
                }
            }
            Event::Logprobs { candidate, tokens } => {
                let logprobs = Some(Logprobs { content: tokens.iter().collect(), refusal: () });
                let mut delta = Delta::default();
                self.begin(*candidate, &mut delta);
                self.choice(out, Choice { index: *candidate, delta, logprobs, finish_reason: None }, 0);
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::Finish { candidate, reason } => {
                let called = self.older && !self.candidate(*candidate).calls.is_empty();
                let (mut delta, finish_reason) = (Delta::default(), Some(finish_reason(reason, called)));
                self.begin(*candidate, &mut delta);
                self.choice(out, Choice { index: *candidate, delta, logprobs: None, finish_reason }, 0);
            }
            Event::Ping => {
                let mut frame = Vec::new();
                sse::comment(&mut frame, "ping");
                out.push(frame, 0);
            }
            Event::Foreign { candidate, foreign } => {
                if foreign.family == Dialect::OpenaiChat && foreign.kind == "audio" {
                    self.delta(out, *candidate, Delta { audio: Some(&foreign.value), ..Delta::default() }, 0);
                }
            }
            // Chat completions know no parts.
            Event::PartEnd { .. } => {}
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
    logprobs: Option<Logprobs<'a>>,
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
    function_call: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[Call<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<[Cited<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<&'a Value>,
}

/// A citation in its place: OpenAI's SDKs refuse to put lists together whose members do not say theirs.
#[derive(Serialize)]
struct Cited<'a> {
    index: u32,
    #[serde(flatten)]
    annotation: Annotation<'a>,
}

#[derive(Serialize)]
struct Call<'a> {
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom: Option<Named<'a>>,
}

#[derive(Serialize)]
struct Named<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<&'a str>,
    /// What a custom tool is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a str>,
}
