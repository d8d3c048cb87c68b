//! A whole answer as the events of a stream, for clients that asked for one and backends that do not stream.

use super::{Event, Part, Response};

impl Response {
    /// The events that say what the answer says, in their order. What only requests hold is left out.
    #[must_use]
    pub fn into_events(self) -> Vec<Event> {
        let mut events = vec![Event::Start { id: self.id, model: self.model }];
        for (candidate, answer) in (0..).zip(self.candidates) {
            let mut tools = 0..;
            for part in answer.parts {
                unfold(candidate, part, &mut tools, &mut events);
            }
            events.push(Event::Finish { candidate, reason: answer.finish });
        }
        events.push(Event::Usage(self.usage));
        events
    }
}

fn unfold(candidate: u32, part: Part, tools: &mut impl Iterator<Item = u32>, out: &mut Vec<Event>) {
    match part {
        Part::Text(text) => {
            out.push(Event::Text { candidate, text: text.text });
            if !text.logprobs.is_empty() {
                out.push(Event::Logprobs { candidate, tokens: text.logprobs });
            }
            out.extend(text.citations.into_iter().map(|citation| Event::Citation { candidate, citation }));
            out.push(Event::PartEnd { candidate });
        }
        Part::Refusal(text) => out.push(Event::Refusal { candidate, text }),
        Part::Reasoning(reasoning) => {
            let words = reasoning.words().into_owned();
            if !words.is_empty() {
                out.push(Event::Reasoning { candidate, text: words });
            }
            let redacted = reasoning.redacted;
            let proof = |signature| Event::ReasoningSignature { candidate, signature, redacted };
            out.extend(reasoning.signature.map(proof));
            out.push(Event::PartEnd { candidate });
        }
        Part::ToolCall(call) => {
            let tool = tools.next().unwrap_or_default();
            out.push(Event::ToolStart { candidate, tool, id: call.id, name: call.name, custom: call.custom });
            out.push(Event::ToolArguments { candidate, tool, json: call.arguments });
            out.push(Event::ToolEnd { candidate, tool });
        }
        Part::Foreign(foreign) => out.push(Event::Foreign { candidate, foreign }),
        Part::Image(_) | Part::Document(_) | Part::Audio(_) | Part::ToolResult(_) => {}
    }
}
