//! Items that have begun and not ended, and how they are told.

use serde_json::value::RawValue;

use super::super::super::annotation;
use super::super::item::{Content, Item, Logprob, Named, call_status, is_json};
use super::wire::{Numbered, Told};
use crate::canonical::{Citation, TokenLogprob};

/// Where an item stands, and its id.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) index: u32,
    pub(super) id: String,
}

impl Place {
    fn told(&self, r#type: &'static str) -> Told<'_> {
        Told { r#type, item_id: Some(&self.id), output_index: Some(self.index), ..Told::default() }
    }

    /// Tells that the item begins, or has ended.
    pub(super) fn item(&self, r#type: &'static str, item: &RawValue, events: &mut Numbered<'_>) {
        events.tell(Told { r#type, output_index: Some(self.index), item: Some(item), ..Told::default() }, 0);
    }
}

/// The event that opens an item, and the one that closes it.
const ADDED: &str = "response.output_item.added";
const DONE: &str = "response.output_item.done";

/// A message.
#[derive(Debug)]
pub(super) struct Message {
    place: Place,
    /// Its parts that have ended.
    content: Vec<Box<RawValue>>,
    part: Option<Part>,
}

/// A part of a message.
#[derive(Debug, Default)]
struct Part {
    refusal: bool,
    text: String,
    citations: Vec<Citation>,
    logprobs: Vec<TokenLogprob>,
}

impl Message {
    pub(super) fn begin(place: Place, events: &mut Numbered<'_>) -> Self {
        let item = Item::Message { id: &place.id, status: "in_progress", role: "assistant", content: &[] };
        place.item(ADDED, &item.written(), events);
        Self { place, content: Vec::new(), part: None }
    }

    /// More words. Says of how many bytes it holds.
    pub(super) fn words(&mut self, text: &str, refusal: bool, events: &mut Numbered<'_>) {
        self.part(refusal, events).text.push_str(text);
        let r#type = if refusal { "response.refusal.delta" } else { "response.output_text.delta" };
        let logprobs = (!refusal).then_some(&[][..]);
        let content_index = Some(self.content.len());
        events.tell(Told { content_index, delta: Some(text), logprobs, ..self.place.told(r#type) }, text.len());
    }

    /// How likely the words before were. They are on their way already, so this comes without any.
    pub(super) fn logprobs(&mut self, tokens: &[TokenLogprob], events: &mut Numbered<'_>) {
        self.part(false, events).logprobs.extend_from_slice(tokens);
        let content_index = Some(self.content.len());
        let logprobs = Logprob::all(tokens);
        let told = self.place.told("response.output_text.delta");
        events.tell(Told { content_index, delta: Some(""), logprobs: Some(&logprobs), ..told }, 0);
    }

    /// What the words stand on; told when the part ends, since only then is known how far it reaches.
    pub(super) fn cite(&mut self, citation: Citation, events: &mut Numbered<'_>) {
        self.part(false, events).citations.push(citation);
    }

    /// The part of that kind, begun where it is not open.
    fn part(&mut self, refusal: bool, events: &mut Numbered<'_>) -> &mut Part {
        if self.part.as_ref().is_some_and(|part| part.refusal != refusal) {
            self.end_part(events);
        }
        if self.part.is_none() {
            let part = Part { refusal, ..Part::default() };
            let written = part.written();
            let content_index = Some(self.content.len());
            let told = self.place.told("response.content_part.added");
            events.tell(Told { content_index, part: Some(&written), ..told }, 0);
            self.part = Some(part);
        }
        self.part.get_or_insert_default()
    }

    pub(super) fn end_part(&mut self, events: &mut Numbered<'_>) {
        let Some(part) = self.part.take() else { return };
        let content_index = Some(self.content.len());
        let annotations = part.annotations();
        for (index, annotation) in annotations.iter().enumerate() {
            let annotation = serde_json::value::to_raw_value(annotation).expect("an annotation serializes");
            let told = self.place.told("response.output_text.annotation.added");
            let annotation_index = Some(index);
            events.tell(Told { content_index, annotation_index, annotation: Some(&annotation), ..told }, 0);
        }
        if part.refusal {
            let told = self.place.told("response.refusal.done");
            events.tell(Told { content_index, refusal: Some(&part.text), ..told }, 0);
        } else {
            let told = self.place.told("response.output_text.done");
            let logprobs = Logprob::all(&part.logprobs);
            events.tell(Told { content_index, text: Some(&part.text), logprobs: Some(&logprobs), ..told }, 0);
        }
        let written = part.written();
        let told = self.place.told("response.content_part.done");
        events.tell(Told { content_index, part: Some(&written), ..told }, 0);
        self.content.push(written);
    }

    /// Ends the item, and gives where it stands and what it is.
    pub(super) fn end(mut self, status: &'static str, events: &mut Numbered<'_>) -> (u32, Box<RawValue>) {
        self.end_part(events);
        let item = Item::Message { id: &self.place.id, status, role: "assistant", content: &self.content }.written();
        self.place.item(DONE, &item, events);
        (self.place.index, item)
    }
}

impl Part {
    fn annotations(&self) -> Vec<annotation::Written<'_>> {
        let length = self.text.chars().count() as u64;
        self.citations.iter().filter_map(|citation| annotation::Written::of(citation, length)).collect()
    }

    fn written(&self) -> Box<RawValue> {
        if self.refusal {
            return Content::Refusal { refusal: &self.text }.written();
        }
        let logprobs = Logprob::all(&self.logprobs);
        Content::OutputText { annotations: &self.annotations(), logprobs: &logprobs, text: &self.text }.written()
    }
}

/// Thoughts. Their words are told as a summary, as OpenAI's are.
#[derive(Debug)]
pub(super) struct Thoughts {
    place: Place,
    text: String,
    /// Whether the summary's part has begun.
    begun: bool,
    proof: Option<String>,
}

impl Thoughts {
    pub(super) fn begin(place: Place, events: &mut Numbered<'_>) -> Self {
        let item = Item::Reasoning { id: &place.id, summary: &[], encrypted_content: None };
        place.item(ADDED, &item.written(), events);
        Self { place, text: String::new(), begun: false, proof: None }
    }

    /// Whether nothing more belongs to them: their proof has come.
    pub(super) fn are_proven(&self) -> bool {
        self.proof.is_some()
    }

    pub(super) fn prove(&mut self, proof: String) {
        self.proof = Some(proof);
    }

    pub(super) fn words(&mut self, text: &str, events: &mut Numbered<'_>) {
        if !self.begun {
            self.begun = true;
            self.part("response.reasoning_summary_part.added", "", events);
        }
        self.text.push_str(text);
        let told = self.place.told("response.reasoning_summary_text.delta");
        events.tell(Told { summary_index: Some(0), delta: Some(text), ..told }, text.len());
    }

    fn part(&self, r#type: &'static str, text: &str, events: &mut Numbered<'_>) {
        let part = Content::SummaryText { text }.written();
        events.tell(Told { summary_index: Some(0), part: Some(&part), ..self.place.told(r#type) }, 0);
    }

    pub(super) fn end(self, events: &mut Numbered<'_>) -> (u32, Box<RawValue>) {
        let summary = [Content::SummaryText { text: &self.text }];
        if self.begun {
            let told = self.place.told("response.reasoning_summary_text.done");
            events.tell(Told { summary_index: Some(0), text: Some(&self.text), ..told }, 0);
            self.part("response.reasoning_summary_part.done", &self.text, events);
        }
        let summary = if self.begun { &summary[..] } else { &[][..] };
        let item = Item::Reasoning { id: &self.place.id, summary, encrypted_content: self.proof.as_deref() }.written();
        self.place.item(DONE, &item, events);
        (self.place.index, item)
    }
}

/// A call of a tool.
#[derive(Debug)]
pub(super) struct Call {
    place: Place,
    call_id: String,
    name: String,
    custom: bool,
    arguments: String,
}

impl Call {
    pub(super) fn begin(place: Place, call_id: String, name: String, custom: bool, events: &mut Numbered<'_>) -> Self {
        let call = Self { place, call_id, name, custom, arguments: String::new() };
        let item = call.item("in_progress");
        // The name is the model's.
        let told = Told { r#type: ADDED, output_index: Some(call.place.index), item: Some(&item), ..Told::default() };
        events.tell(told, call.name.len());
        call
    }

    fn item(&self, status: &'static str) -> Box<RawValue> {
        let named = Named::new(&self.call_id, &self.name);
        Item::call(&self.place.id, status, named, &self.arguments, self.custom).written()
    }

    /// Whether it is known to be whole: arguments that are no JSON may have been cut, and so may any text.
    pub(super) fn is_whole(&self) -> bool {
        !self.custom && (self.arguments.is_empty() || is_json(&self.arguments))
    }

    pub(super) fn arguments(&mut self, piece: &str, events: &mut Numbered<'_>) {
        self.arguments.push_str(piece);
        let custom = "response.custom_tool_call_input.delta";
        let told = self.place.told(if self.custom { custom } else { "response.function_call_arguments.delta" });
        events.tell(Told { delta: Some(piece), ..told }, piece.len());
    }

    pub(super) fn end(mut self, status: &'static str, events: &mut Numbered<'_>) -> (u32, Box<RawValue>) {
        if self.arguments.is_empty() && !self.custom {
            // Clients parse them all the same.
            self.arguments.push_str("{}");
            let told = self.place.told("response.function_call_arguments.delta");
            events.tell(Told { delta: Some("{}"), ..told }, 0);
        }
        if self.custom {
            let told = self.place.told("response.custom_tool_call_input.done");
            events.tell(Told { input: Some(&self.arguments), ..told }, 0);
        } else {
            let told = self.place.told("response.function_call_arguments.done");
            events.tell(Told { arguments: Some(&self.arguments), ..told }, 0);
        }
        let item = self.item(call_status(status, &self.arguments, self.custom));
        self.place.item(DONE, &item, events);
        (self.place.index, item)
    }
}
