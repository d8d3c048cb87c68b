//! Streams.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use weir_core::{GatewayError, Usage, sse};

use super::super::annotation::Annotation;
use super::super::tap::not_ours;
use super::super::usage;
use super::response::{Answer, Item};
use crate::canonical::{Event, Part, TokenLogprob};
use crate::said::{Said, broken};
use crate::stream::{Source, Step};

/// How many items may be open at once. OpenAI opens one after the other.
const MOST_OPEN: usize = 256;

/// Reads a stream.
///
/// Items are told apart by where they stand: some servers give the same item another id in each event.
#[derive(Debug, Default)]
pub struct Decoder {
    begun: bool,
    /// The items that have begun and not ended, by where they stand.
    open: BTreeMap<u32, Open>,
    tools: u32,
    usage: Option<Usage>,
}

/// An item that has begun.
#[derive(Debug)]
enum Open {
    /// A message, or thoughts: which of their words have come.
    Words(Come),
    /// A call, and whether its arguments have begun.
    Call { number: u32, argued: bool },
    /// Something that clients of other dialects cannot have asked for; it is told when it is whole.
    Other,
}

/// What has come of words.
#[derive(Clone, Copy, Debug, Default)]
struct Come {
    any: bool,
    /// Thoughts themselves, which go before what stands for them.
    thoughts: bool,
    /// Words since the last end of a part.
    part: bool,
}

impl Source for Decoder {
    fn event(&mut self, event: &sse::Event<'_>, out: &mut Vec<Event>) -> Step {
        let data = event.data();
        let told: Told<'_> = match serde_json::from_slice(&data) {
            Ok(told) => told,
            Err(fault) => return Step::Failed(not_ours(&fault)),
        };
        let done = match &*told.r#type {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.start(told.response.as_ref(), out);
                Ok(())
            }
            "response.output_item.added" => self.item_added(&told, out),
            "response.output_item.done" => self.item_done(&told, out),
            "response.completed" | "response.incomplete" => return self.end(told, out),
            "response.failed" => {
                let error = told.response.as_ref().and_then(|response| response.error).map_or("{}", RawValue::get);
                return Step::Failed(Said::read(error.as_bytes()).without_status());
            }
            "error" => return Step::Failed(Said::read(&data).without_status()),
            kind => {
                // The work of the provider's own tools has events of its own, and so have what is yet to come.
                self.piece(kind, &told, out)
            }
        };
        done.map_or_else(Step::Failed, |()| Step::More)
    }

    fn usage(&self) -> Option<Usage> {
        self.usage
    }
}

impl Decoder {
    fn start(&mut self, response: Option<&Answer<'_>>, out: &mut Vec<Event>) {
        // The last word that makes sense counts, wherever it stands.
        self.usage = response.and_then(|response| response.usage).and_then(usage::read).or(self.usage);
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let text = |text: Option<&Cow<'_, str>>| text.map_or_else(String::new, |text| text.clone().into_owned());
        let id = text(response.and_then(|response| response.id.as_ref()));
        let model = text(response.and_then(|response| response.model.as_ref()));
        out.push(Event::Start { id, model });
    }

    fn item_added(&mut self, told: &Told<'_>, out: &mut Vec<Event>) -> Result<(), GatewayError> {
        if !self.begun {
            return Err(broken("does not begin with response.created"));
        }
        let item = match told.item {
            Some(raw) => Item::read(raw)?,
            None => Item::default(),
        };
        let open = match &*item.r#type {
            "message" | "reasoning" => Open::Words(Come::default()),
            "function_call" | "custom_tool_call" => self.call(&item, out),
            _ => Open::Other,
        };
        if self.open.len() >= MOST_OPEN || self.open.insert(told.output_index, open).is_some() {
            return Err(broken("begins an item that has begun already"));
        }
        Ok(())
    }

    /// Begins a call. Servers that know its arguments already say them at once.
    fn call(&mut self, item: &Item<'_>, out: &mut Vec<Event>) -> Open {
        let (candidate, number) = (0, self.tools);
        self.tools += 1;
        let id = item.call_id.clone().unwrap_or_default();
        out.push(Event::ToolStart { candidate, tool: number, id, name: item.name(), custom: item.is_custom() });
        Open::Call { number, argued: false }
    }

    fn piece(&mut self, kind: &str, told: &Told<'_>, out: &mut Vec<Event>) -> Result<(), GatewayError> {
        const KINDS: [&str; 8] = [
            "response.output_text.delta",
            "response.refusal.delta",
            "response.reasoning_text.delta",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_part.added",
            "response.output_text.annotation.added",
            "response.content_part.done",
            "response.function_call_arguments.delta",
        ];
        if !KINDS.contains(&kind) && kind != "response.custom_tool_call_input.delta" {
            return Ok(());
        }
        let candidate = 0;
        let text = || told.delta.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok()).unwrap_or_default();
        let come = match self.open.get_mut(&told.output_index) {
            None => return Err(broken("goes on with an item that has not begun")),
            Some(Open::Other) => return Ok(()),
            Some(Open::Call { number, argued }) => {
                let json = text();
                if kind.ends_with(".delta") && !json.is_empty() {
                    *argued = true;
                    out.push(Event::ToolArguments { candidate, tool: *number, json });
                }
                return Ok(());
            }
            Some(Open::Words(come)) => come,
        };
        match kind {
            "response.output_text.delta" => {
                come.come();
                let text = text();
                if !text.is_empty() {
                    out.push(Event::Text { candidate, text });
                }
                let tokens = told.logprobs.clone().unwrap_or_default();
                if !tokens.is_empty() {
                    out.push(Event::Logprobs { candidate, tokens });
                }
            }
            "response.refusal.delta" => {
                come.come();
                out.push(Event::Refusal { candidate, text: text() });
            }
            "response.reasoning_text.delta" => {
                come.come();
                come.thoughts = true;
                out.push(Event::Reasoning { candidate, text: text() });
            }
            "response.reasoning_summary_text.delta" if !come.thoughts => {
                come.come();
                out.push(Event::Reasoning { candidate, text: text() });
            }
            // What stands for one train of thought comes in several parts; other dialects have one.
            "response.reasoning_summary_part.added" if come.any && !come.thoughts => {
                out.push(Event::Reasoning { candidate, text: "\n\n".to_owned() });
            }
            "response.output_text.annotation.added" => {
                let citation = told.annotation.and_then(|raw| serde_json::from_str::<Annotation>(raw.get()).ok());
                out.extend(citation.map(|annotation| Event::Citation { candidate, citation: annotation.into() }));
            }
            // The proof of thoughts is yet to come.
            "response.content_part.done" if come.part && !come.thoughts => {
                come.part = false;
                out.push(Event::PartEnd { candidate });
            }
            _ => {}
        }
        Ok(())
    }

    fn item_done(&mut self, told: &Told<'_>, out: &mut Vec<Event>) -> Result<(), GatewayError> {
        let Some(raw) = told.item else { return Ok(()) };
        let item = Item::read(raw)?;
        let open = match self.open.remove(&told.output_index) {
            Some(open) => open,
            // Some servers tell of an item when it is whole, and not before.
            None => {
                self.item_added(told, out)?;
                self.open.remove(&told.output_index).unwrap_or(Open::Other)
            }
        };
        let candidate = 0;
        match open {
            Open::Call { number, argued } => {
                let json = item.arguments();
                if !argued && !json.is_empty() {
                    out.push(Event::ToolArguments { candidate, tool: number, json });
                }
                out.push(Event::ToolEnd { candidate, tool: number });
            }
            Open::Words(come) if item.r#type == "reasoning" => {
                let reasoning = item.reasoning();
                let words = reasoning.words();
                if !come.any && !words.is_empty() {
                    out.push(Event::Reasoning { candidate, text: words.into_owned() });
                }
                let proof = reasoning.signature;
                out.extend(proof.map(|signature| Event::ReasoningSignature { candidate, signature, redacted: false }));
                out.push(Event::PartEnd { candidate });
            }
            Open::Words(come) => {
                if !come.any {
                    told_whole(item, raw, out)?;
                }
                if come.part {
                    out.push(Event::PartEnd { candidate });
                }
            }
            Open::Other => {
                let mut parts = Vec::new();
                item.parts(raw, &mut parts)?;
                out.extend(parts.into_iter().filter_map(|part| match part {
                    Part::Foreign(foreign) => Some(Event::Foreign { candidate, foreign }),
                    _ => None,
                }));
            }
        }
        Ok(())
    }

    fn end(&mut self, told: Told<'_>, out: &mut Vec<Event>) -> Step {
        let response = told.response.unwrap_or_default();
        self.start(Some(&response), out);
        let candidate = 0;
        for (_, open) in std::mem::take(&mut self.open) {
            match open {
                // Some servers end a call with the response.
                Open::Call { number, .. } => out.push(Event::ToolEnd { candidate, tool: number }),
                Open::Words(_) | Open::Other => {}
            }
        }
        match response.finish(self.tools > 0) {
            Ok(reason) => out.push(Event::Finish { candidate, reason }),
            Err(error) => return Step::Failed(error),
        }
        out.extend(self.usage.map(Event::Usage));
        Step::End
    }
}

impl Come {
    fn come(&mut self) {
        (self.any, self.part) = (true, true);
    }
}

/// The words of a message of which no piece came.
fn told_whole(item: Item<'_>, raw: &RawValue, out: &mut Vec<Event>) -> Result<(), GatewayError> {
    let candidate = 0;
    let mut parts = Vec::new();
    item.parts(raw, &mut parts)?;
    for part in parts {
        match part {
            Part::Text(text) => {
                out.push(Event::Text { candidate, text: text.text });
                out.extend(text.citations.into_iter().map(|citation| Event::Citation { candidate, citation }));
                if !text.logprobs.is_empty() {
                    out.push(Event::Logprobs { candidate, tokens: text.logprobs });
                }
            }
            Part::Refusal(text) => out.push(Event::Refusal { candidate, text }),
            _ => continue,
        }
        out.push(Event::PartEnd { candidate });
    }
    Ok(())
}

#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(default)]
    output_index: u32,
    #[serde(borrow, default)]
    response: Option<Answer<'a>>,
    #[serde(borrow, default)]
    item: Option<&'a RawValue>,
    /// Text, but for events of the provider's own tools.
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
    #[serde(default)]
    logprobs: Option<Vec<TokenLogprob>>,
    #[serde(borrow, default)]
    annotation: Option<&'a RawValue>,
}
