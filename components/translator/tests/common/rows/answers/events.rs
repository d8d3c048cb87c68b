//! An answer as the events that it is streamed in, and back.

use std::collections::BTreeMap;

use weir_translator::canonical::{Candidate, Event, Finish, Part, Reasoning, Response, Text, ToolCall};

/// The events of an answer, as a backend would stream it.
pub(crate) fn events(response: &Response) -> Vec<Event> {
    let mut events = vec![Event::Start { id: response.id.clone(), model: response.model.clone() }];
    for (candidate, answer) in (0u32..).zip(&response.candidates) {
        let mut tool = 0;
        for part in &answer.parts {
            part_events(candidate, part, &mut tool, &mut events);
        }
        events.push(Event::Finish { candidate, reason: answer.finish.clone() });
    }
    events.push(Event::Usage(response.usage));
    events
}

fn part_events(candidate: u32, part: &Part, tool: &mut u32, events: &mut Vec<Event>) {
    match part {
        Part::Text(text) => {
            events.push(Event::Text { candidate, text: text.text.clone() });
            if !text.logprobs.is_empty() {
                events.push(Event::Logprobs { candidate, tokens: text.logprobs.clone() });
            }
            let citations = text.citations.iter().cloned();
            events.extend(citations.map(|citation| Event::Citation { candidate, citation }));
            events.push(Event::PartEnd { candidate });
        }
        Part::Refusal(text) => {
            events.push(Event::Refusal { candidate, text: text.clone() });
            events.push(Event::PartEnd { candidate });
        }
        Part::Reasoning(reasoning) => {
            if !reasoning.words().is_empty() {
                events.push(Event::Reasoning { candidate, text: reasoning.words().into_owned() });
            }
            if let Some(signature) = reasoning.signature.clone() {
                events.push(Event::ReasoningSignature { candidate, signature, redacted: reasoning.redacted });
            }
            events.push(Event::PartEnd { candidate });
        }
        Part::ToolCall(call) => {
            let (id, name, custom) = (call.id.clone(), call.name.clone(), call.custom);
            events.push(Event::ToolStart { candidate, tool: *tool, id, name, custom });
            events.push(Event::ToolArguments { candidate, tool: *tool, json: call.arguments.clone() });
            events.push(Event::ToolEnd { candidate, tool: *tool });
            *tool += 1;
        }
        other => panic!("no answer of these tests says {other:?}"),
    }
}

/// The answer that events come to.
pub(crate) fn folded(events: &[Event]) -> Response {
    let mut response = Response::default();
    let mut answers: BTreeMap<u32, Fold> = BTreeMap::new();
    for event in events {
        match event {
            Event::Start { id, model } => (response.id, response.model) = (id.clone(), model.clone()),
            Event::Usage(usage) => response.usage = *usage,
            Event::Ping => {}
            other => answers.entry(candidate(other)).or_default().event(other),
        }
    }
    response.candidates = answers.into_values().map(Fold::candidate).collect();
    response
}

fn candidate(event: &Event) -> u32 {
    match event {
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
        Event::Start { .. } | Event::Usage(_) | Event::Ping => 0,
    }
}

#[derive(Default)]
struct Fold {
    parts: Vec<Part>,
    /// Where each call stands among the parts.
    tools: BTreeMap<u32, usize>,
    finish: Option<Finish>,
    /// Whether the last part is complete.
    ended: bool,
}

impl Fold {
    fn candidate(self) -> Candidate {
        Candidate { parts: self.parts, finish: self.finish.unwrap_or(Finish::Other("never said".to_owned())) }
    }

    /// The last part where it goes on.
    fn last(&mut self) -> Option<&mut Part> {
        if self.ended { None } else { self.parts.last_mut() }
    }

    fn push(&mut self, part: Part) {
        self.parts.push(part);
        self.ended = false;
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Text { text, .. } => match self.last() {
                Some(Part::Text(last)) => last.text.push_str(text),
                _ => self.push(Part::Text(text.clone().into())),
            },
            Event::Refusal { text, .. } => match self.last() {
                Some(Part::Refusal(last)) => last.push_str(text),
                _ => self.push(Part::Refusal(text.clone())),
            },
            Event::Reasoning { text, .. } => match self.last() {
                Some(Part::Reasoning(last)) => last.text.push_str(text),
                _ => self.push(Part::Reasoning(Reasoning { text: text.clone(), ..Reasoning::default() })),
            },
            Event::ReasoningSignature { signature, redacted, .. } => match self.last() {
                Some(Part::Reasoning(last)) if last.signature.is_none() && !redacted => {
                    last.signature = Some(signature.clone());
                }
                _ => {
                    let signature = Some(signature.clone());
                    self.push(Part::Reasoning(Reasoning { signature, redacted: *redacted, ..Reasoning::default() }));
                }
            },
            Event::ToolStart { tool, id, name, custom, .. } => {
                let call = ToolCall { id: id.clone(), name: name.clone(), custom: *custom, ..ToolCall::default() };
                self.push(Part::ToolCall(call));
                self.tools.insert(*tool, self.parts.len() - 1);
            }
            Event::ToolArguments { tool, json, .. } => {
                if let Some(Part::ToolCall(call)) = self.tools.get(tool).and_then(|at| self.parts.get_mut(*at)) {
                    call.arguments.push_str(json);
                }
            }
            Event::Citation { citation, .. } => match self.words() {
                Some(last) => last.citations.push(citation.clone()),
                None => self.push(Part::Text(Text { citations: vec![citation.clone()], ..Text::default() })),
            },
            Event::Logprobs { tokens, .. } => match self.words() {
                Some(last) => last.logprobs.extend(tokens.iter().cloned()),
                None => self.push(Part::Text(Text { logprobs: tokens.clone(), ..Text::default() })),
            },
            Event::PartEnd { .. } => self.ended = true,
            Event::Finish { reason, .. } => self.finish = Some(reason.clone()),
            Event::Foreign { foreign, .. } => self.push(Part::Foreign(foreign.clone())),
            _ => {}
        }
    }

    /// The last words, ended or not.
    fn words(&mut self) -> Option<&mut Text> {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => Some(text),
            _ => None,
        }
    }
}
