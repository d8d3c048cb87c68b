//! Streams of backends that speak chat completions.

use std::collections::BTreeMap;

use weir_core::{GatewayError, Usage, sse};

use super::answer::{Answer, Choice, Piece};
use super::finish::{finish, unsaid};
use super::tool_calls::Calls;
use crate::canonical::Event;
use crate::openai_chat::OpenaiUsage;
use crate::said::{self, broken};
use crate::stream::{Source, Step};

/// How many answers a stream may hold: as many as OpenAI lets a client ask for.
const MOST_CANDIDATES: u32 = 128;

/// Reads a stream.
#[derive(Debug, Default)]
pub struct Decoder {
    begun: bool,
    id: String,
    candidates: BTreeMap<u32, Candidate>,
    usage: Option<Usage>,
}

/// An answer on its way.
#[derive(Debug, Default)]
struct Candidate {
    /// Its place among the answers, in the order in which they began: not every server counts from 0.
    number: u32,
    calls: Calls,
    finished: bool,
}

impl Source for Decoder {
    fn event(&mut self, event: &sse::Event<'_>, out: &mut Vec<Event>) -> Step {
        let data = event.data();
        if data.trim_ascii() == b"[DONE]" {
            return self.done(out).map_or_else(Step::Failed, |()| Step::End);
        }
        let chunk = match Answer::read(&data) {
            Ok(chunk) => chunk,
            Err(error) => return Step::Failed(error),
        };
        if let Some(error) = said::in_stream(&event.name(), chunk.error, &data) {
            return Step::Failed(error);
        }
        self.chunk(chunk, out).map_or_else(Step::Failed, |()| Step::More)
    }

    fn usage(&self) -> Option<Usage> {
        self.usage
    }
}

impl Decoder {
    fn chunk(&mut self, mut chunk: Answer<'_>, out: &mut Vec<Event>) -> Result<(), GatewayError> {
        self.usage = chunk.usage().find_map(OpenaiUsage::read).or(self.usage);
        let choices = chunk.choices.take().unwrap_or_default();
        // Azure first tells what its filters found in the prompt, without an id.
        if choices.is_empty() {
            return Ok(());
        }
        if !self.begun {
            self.begun = true;
            self.id = chunk.id();
            out.push(Event::Start { id: self.id.clone(), model: chunk.model() });
        }
        choices.into_iter().try_for_each(|choice| self.choice(choice, out))
    }

    fn choice(&mut self, mut choice: Choice<'_>, out: &mut Vec<Event>) -> Result<(), GatewayError> {
        let index = choice.index.unwrap_or_default();
        if index >= MOST_CANDIDATES {
            return Err(broken("holds more answers than one may ask for"));
        }
        let number = u32::try_from(self.candidates.len()).unwrap_or(MOST_CANDIDATES);
        let candidate = self.candidates.entry(index).or_insert_with(|| Candidate { number, ..Candidate::default() });
        let number = candidate.number;
        let before = out.len();
        if let Some(mut said) = choice.delta.take() {
            said.each(|piece| events(piece, number, out));
            let of = (self.id.as_str(), number);
            for call in said.tool_calls.take().unwrap_or_default() {
                candidate.calls.piece(call, of, out)?;
            }
            if let Some(function) = said.function_call.take() {
                candidate.calls.legacy(function, of, out)?;
            }
        }
        let tokens = choice.logprobs();
        if !tokens.is_empty() {
            out.push(Event::Logprobs { candidate: number, tokens });
        }
        if candidate.finished {
            return if out.len() == before { Ok(()) } else { Err(broken("goes on with an answer that has ended")) };
        }
        let Some(reason) = choice.finish_reason() else {
            return Ok(());
        };
        let reason = finish(&reason, choice.stop_sequence(), candidate.calls.are_made())?;
        candidate.finish(reason, out)
    }

    fn done(&mut self, out: &mut Vec<Event>) -> Result<(), GatewayError> {
        if !self.begun {
            return Err(broken("ends before it has begun"));
        }
        for candidate in self.candidates.values_mut().filter(|candidate| !candidate.finished) {
            let reason = unsaid(self.usage.is_some(), candidate.calls.are_made())?;
            candidate.finish(reason, out)?;
        }
        out.extend(self.usage.map(Event::Usage));
        Ok(())
    }
}

impl Candidate {
    fn finish(&mut self, reason: crate::canonical::Finish, out: &mut Vec<Event>) -> Result<(), GatewayError> {
        self.finished = true;
        self.calls.end(self.number, out)?;
        out.push(Event::Finish { candidate: self.number, reason });
        Ok(())
    }
}

fn events(piece: Piece, candidate: u32, out: &mut Vec<Event>) {
    match piece {
        Piece::Thoughts(reasoning) => {
            if !reasoning.text.is_empty() {
                out.push(Event::Reasoning { candidate, text: reasoning.text });
            }
            let redacted = reasoning.redacted;
            out.extend(reasoning.signature.map(|signature| Event::ReasoningSignature {
                candidate,
                signature,
                redacted,
            }));
        }
        Piece::Words(text) => out.push(Event::Text { candidate, text }),
        Piece::Refusal(text) => out.push(Event::Refusal { candidate, text }),
        Piece::Citation(citation) => out.push(Event::Citation { candidate, citation }),
        Piece::Foreign(foreign) => out.push(Event::Foreign { candidate, foreign }),
    }
}
