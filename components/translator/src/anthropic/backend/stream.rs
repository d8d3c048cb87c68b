//! Streams of Anthropic's.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use weir_core::{GatewayError, Usage, sse};

use super::response::{Block, StopDetails, foreign, part, signature};
use crate::anthropic::citation::CitationBlock;
use crate::anthropic::stop;
use crate::anthropic::tap::not_ours;
use crate::anthropic::usage::AnthropicUsage;
use crate::canonical::{Event, Part, Reasoning};
use crate::said::{Said, broken};
use crate::stream::{Source, Step};

/// How many blocks may be open at once. Anthropic opens one after the other.
const MOST_OPEN: usize = 256;

/// Reads a stream.
#[derive(Debug, Default)]
pub struct Decoder {
    begun: bool,
    /// The blocks that have begun and not ended, by index.
    open: BTreeMap<u32, Open>,
    blocks: u64,
    tools: u32,
    usage: AnthropicUsage,
    finished: bool,
}

/// A block that has begun.
#[derive(Debug)]
enum Open {
    /// Text or thoughts.
    Words,
    /// A call; `whole` are its arguments, where they came with its begin.
    Tool { number: u32, whole: Option<String>, argued: bool },
    /// Something that Anthropic's dialect alone has: the block as it began, and the words of its input.
    Foreign { block: Value, input: String },
    /// The same, but longer than is kept.
    TooLong,
}

/// How much is kept of a block that is Anthropic's alone, in bytes.
const MOST_FOREIGN: usize = 256 * 1024;

impl Source for Decoder {
    fn event(&mut self, event: &sse::Event<'_>, out: &mut Vec<Event>) -> Step {
        let data = event.data();
        let told: Told<'_> = match serde_json::from_slice(&data) {
            Ok(told) => told,
            Err(fault) => return Step::Failed(not_ours(&fault)),
        };
        let done = match &*told.r#type {
            "message_start" => self.message_start(told, out),
            kind if self.finished && kind.starts_with("content_block_") => {
                Err(broken("goes on after it said why it ended"))
            }
            "content_block_start" => self.block_start(told.index, told.content_block, out),
            "content_block_delta" => self.block_delta(told, out),
            "content_block_stop" => self.block_stop(told.index, out),
            "message_delta" | "message_stop" if !self.begun => Err(broken("does not begin with message_start")),
            "message_delta" => {
                self.message_delta(told, out);
                Ok(())
            }
            "message_stop" => return self.message_stop(out).map_or_else(Step::Failed, |()| Step::End),
            "error" => return Step::Failed(Said::read(&data).without_status()),
            "ping" => {
                out.push(Event::Ping);
                Ok(())
            }
            // The API's rules for versions allow new types of events.
            _ => Ok(()),
        };
        done.map_or_else(Step::Failed, |()| Step::More)
    }

    fn usage(&self) -> Option<Usage> {
        self.usage.usage()
    }
}

impl Decoder {
    fn message_start(&mut self, told: Told<'_>, out: &mut Vec<Event>) -> Result<(), GatewayError> {
        let message = told.message.unwrap_or_default();
        if self.begun {
            // Said twice before anything else it does no harm; later it is another message, spliced into this one.
            return if self.blocks == 0 { Ok(()) } else { Err(broken("begins a second message in the first")) };
        }
        self.begun = true;
        self.usage.update(message.usage.map(AnthropicUsage::read).unwrap_or_default());
        out.push(Event::Start { id: message.id.unwrap_or_default(), model: message.model.unwrap_or_default() });
        // Where a program of the model's own called a tool, all of the answer comes at once.
        let content = message.content.unwrap_or_default();
        if !content.is_empty() {
            content.into_iter().for_each(|raw| self.whole(raw, out));
            self.finish(message.stop_reason, message.stop_sequence, out);
        }
        Ok(())
    }

    /// A block that comes whole.
    fn whole(&mut self, raw: &RawValue, out: &mut Vec<Event>) {
        let candidate = 0;
        match part(raw) {
            Some(Part::Text(text)) => {
                out.push(Event::Text { candidate, text: text.text });
                out.extend(text.citations.into_iter().map(|citation| Event::Citation { candidate, citation }));
                out.push(Event::PartEnd { candidate });
            }
            Some(Part::Reasoning(Reasoning { text, signature, redacted, .. })) => {
                out.extend(Some(text).filter(|text| !text.is_empty()).map(|text| Event::Reasoning { candidate, text }));
                out.extend(signature.map(|signature| Event::ReasoningSignature { candidate, signature, redacted }));
                out.push(Event::PartEnd { candidate });
            }
            Some(Part::ToolCall(call)) => {
                let tool = self.tools;
                self.tools += 1;
                out.push(Event::ToolStart { candidate, tool, id: call.id, name: call.name, custom: false });
                out.push(Event::ToolArguments { candidate, tool, json: call.arguments });
                out.push(Event::ToolEnd { candidate, tool });
            }
            Some(Part::Foreign(foreign)) => out.push(Event::Foreign { candidate, foreign }),
            _ => {}
        }
    }

    fn block_start(&mut self, index: u32, raw: Option<&RawValue>, out: &mut Vec<Event>) -> Result<(), GatewayError> {
        if !self.begun {
            return Err(broken("does not begin with message_start"));
        }
        let block: Block<'_> = raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        let words = |text: Option<String>| text.filter(|text| !text.is_empty());
        let candidate = 0;
        let open = match &*block.r#type {
            "text" => {
                out.extend(words(block.text).map(|text| Event::Text { candidate, text }));
                Open::Words
            }
            "thinking" => {
                out.extend(words(block.thinking).map(|text| Event::Reasoning { candidate, text }));
                let proof = words(block.signature).map(signature);
                out.extend(proof.map(|signature| Event::ReasoningSignature { candidate, signature, redacted: false }));
                Open::Words
            }
            "redacted_thinking" => {
                let proof = words(block.data).map(signature);
                out.extend(proof.map(|signature| Event::ReasoningSignature { candidate, signature, redacted: true }));
                Open::Words
            }
            "tool_use" => {
                let number = self.tools;
                self.tools += 1;
                let (id, name) = (block.id.unwrap_or_default(), block.name.unwrap_or_default());
                out.push(Event::ToolStart { candidate, tool: number, id, name, custom: false });
                let whole = block.input.map(|input| input.get().to_owned()).filter(|input| input != "{}");
                Open::Tool { number, whole, argued: false }
            }
            _ => match raw.filter(|raw| raw.get().len() <= MOST_FOREIGN) {
                Some(raw) => {
                    Open::Foreign { block: serde_json::from_str(raw.get()).unwrap_or_default(), input: String::new() }
                }
                None => Open::TooLong,
            },
        };
        self.blocks += 1;
        if self.open.len() >= MOST_OPEN || self.open.insert(index, open).is_some() {
            return Err(broken("begins a block that has begun already"));
        }
        Ok(())
    }

    fn block_delta(&mut self, told: Told<'_>, out: &mut Vec<Event>) -> Result<(), GatewayError> {
        let delta = told.delta.unwrap_or_default();
        let candidate = 0;
        let Some(open) = self.open.get_mut(&told.index) else {
            return Err(broken("goes on with a block that has not begun"));
        };
        match (&*delta.r#type, open) {
            (_, Open::TooLong) => {}
            (_, open @ Open::Foreign { .. }) => add(open, delta),
            ("text_delta", _) => out.extend(delta.text.map(|text| Event::Text { candidate, text })),
            ("thinking_delta", _) => out.extend(delta.thinking.map(|text| Event::Reasoning { candidate, text })),
            ("signature_delta", _) => {
                let proof = delta.signature.filter(|proof| !proof.is_empty()).map(signature);
                out.extend(proof.map(|signature| Event::ReasoningSignature { candidate, signature, redacted: false }));
            }
            ("citations_delta", _) => {
                out.extend(delta.citation.map(|block| Event::Citation { candidate, citation: block.into() }));
            }
            ("input_json_delta", Open::Tool { number, argued, .. }) => {
                let json = delta.partial_json.unwrap_or_default();
                if !json.is_empty() {
                    *argued = true;
                    out.push(Event::ToolArguments { candidate, tool: *number, json });
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn block_stop(&mut self, index: u32, out: &mut Vec<Event>) -> Result<(), GatewayError> {
        match self.open.remove(&index) {
            None => return Err(broken("ends a block that has not begun")),
            Some(Open::Tool { number, whole, argued }) => {
                if let Some(json) = whole.filter(|_| !argued) {
                    out.push(Event::ToolArguments { candidate: 0, tool: number, json });
                }
                out.push(Event::ToolEnd { candidate: 0, tool: number });
            }
            Some(Open::Words) => out.push(Event::PartEnd { candidate: 0 }),
            Some(Open::Foreign { mut block, input }) => {
                if let Ok(input) = serde_json::from_str(&input) {
                    block["input"] = input;
                }
                out.push(Event::Foreign { candidate: 0, foreign: foreign(block) });
            }
            Some(Open::TooLong) => {}
        }
        Ok(())
    }

    fn message_delta(&mut self, told: Told<'_>, out: &mut Vec<Event>) {
        self.usage.update(told.usage.map(AnthropicUsage::read).unwrap_or_default());
        let delta = told.delta.unwrap_or_default();
        let explanation = delta.stop_details.and_then(|details| details.explanation).filter(|_| !self.finished);
        out.extend(explanation.map(|text| Event::Refusal { candidate: 0, text }));
        self.finish(delta.stop_reason, delta.stop_sequence, out);
    }

    fn finish(&mut self, reason: Option<String>, sequence: Option<String>, out: &mut Vec<Event>) {
        if let Some(reason) = reason.filter(|_| !self.finished) {
            self.finished = true;
            out.push(Event::Finish { candidate: 0, reason: stop::read(&reason, sequence.map(Cow::Owned)) });
        }
    }

    fn message_stop(&self, out: &mut Vec<Event>) -> Result<(), GatewayError> {
        if !self.open.is_empty() {
            return Err(broken("ends in the middle of a block"));
        }
        if !self.finished {
            return Err(broken("does not say why it ended"));
        }
        out.extend(self.usage.usage().map(Event::Usage));
        Ok(())
    }
}

/// Adds a piece to a block that is Anthropic's alone: to the words of its input, or to the member of the same name.
fn add(open: &mut Open, delta: Delta<'_>) {
    let Open::Foreign { block, input } = open else {
        return;
    };
    let (key, text) = match (delta.partial_json, delta.content, delta.text) {
        (Some(json), ..) => ("", json),
        (_, Some(text), _) => ("content", text),
        (_, _, Some(text)) => ("text", text),
        _ => return,
    };
    let held = if key.is_empty() { input.len() } else { block[key].as_str().map_or(0, str::len) };
    if held + text.len() > MOST_FOREIGN {
        *open = Open::TooLong;
    } else if key.is_empty() {
        input.push_str(&text);
    } else if let Value::String(so_far) = &mut block[key] {
        so_far.push_str(&text);
    } else {
        block[key] = text.into();
    }
}

#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(default)]
    index: u32,
    #[serde(borrow, default)]
    message: Option<MessageStart<'a>>,
    #[serde(borrow, default)]
    content_block: Option<&'a RawValue>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MessageStart<'a> {
    id: Option<String>,
    model: Option<String>,
    #[serde(borrow)]
    content: Option<Vec<&'a RawValue>>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

/// Of a block and of the message alike.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    partial_json: Option<String>,
    citation: Option<CitationBlock>,
    /// Of a compacted conversation.
    content: Option<String>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    stop_details: Option<StopDetails>,
}
