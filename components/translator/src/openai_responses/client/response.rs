//! Whole answers.

use serde_json::value::RawValue;
use weir_core::{Dialect, UnixMillis};

use super::super::annotation;
use super::item::{Content, Head, Ids, Item, Logprob, Named, call_status, echoed, proof, response, status};
use crate::canonical::{Part, Reasoning, Response, ServiceTier, Text, ToolCall};
use crate::codec::Asked;

/// Writes an answer. `now` stands in `created_at`, which other dialects do not have.
///
/// Of several answers it holds the first; clients of responses cannot ask for more.
#[must_use]
pub fn encode_response(answer: &Response, asked: &Asked, now: UnixMillis) -> Vec<u8> {
    let created_at = now.0 / 1_000;
    let ids = Ids::new(&answer.id, created_at);
    let (parts, (status, incomplete_details)) = match answer.candidates.first() {
        Some(candidate) => (candidate.parts.as_slice(), status(&candidate.finish)),
        None => (&[][..], ("completed", None)),
    };
    let mut output = Output { ids, proofs: asked.proofs, items: Vec::new(), content: Vec::new() };
    for (left, part) in (0..parts.len()).rev().zip(parts) {
        output.part(part, if left == 0 { status } else { COMPLETED });
    }
    output.end_message(status);
    let mut echo = asked.echo.clone();
    if let Some(tier) = answer.service_tier.filter(|_| !echo.is_empty()) {
        echo.insert("service_tier".to_owned(), tier_name(tier).into());
    }
    let head = Head {
        id: &ids.response(&answer.id),
        object: "response",
        created_at,
        status,
        error: (),
        incomplete_details,
        model: &answer.model,
        output: &output.items,
        usage: Some(answer.usage.into()),
    };
    let mut out = Vec::new();
    response(&head, &echoed(&echo), &mut out);
    out
}

fn tier_name(tier: ServiceTier) -> &'static str {
    match tier {
        // An answer says how it was served; `auto` is a wish.
        ServiceTier::Auto => ServiceTier::Standard.name(),
        served => served.name(),
    }
}

/// The status of an item after which others came.
const COMPLETED: &str = "completed";

/// The items so far.
struct Output {
    ids: Ids,
    proofs: bool,
    items: Vec<Box<RawValue>>,
    /// The parts of the message that is being written.
    content: Vec<Box<RawValue>>,
}

impl Output {
    /// Takes the next part. `status` says whether the answer was cut in it.
    fn part(&mut self, part: &Part, status: &'static str) {
        match part {
            Part::Text(text) => self.content.push(output_text(text)),
            Part::Refusal(refusal) => self.content.push(Content::Refusal { refusal }.written()),
            Part::Reasoning(reasoning) => self.reasoning(reasoning),
            Part::ToolCall(call) => self.call(call, status),
            Part::Foreign(foreign) if foreign.family == Dialect::OpenaiResponses => {
                self.end_message(COMPLETED);
                self.items.push(RawValue::from_string(foreign.value.to_string()).expect("JSON is JSON"));
            }
            // No model answers responses with these.
            Part::Image(_) | Part::Document(_) | Part::Audio(_) | Part::ToolResult(_) | Part::Foreign(_) => {}
        }
    }

    fn id(&self, kind: &str) -> String {
        self.ids.item(kind, u32::try_from(self.items.len()).unwrap_or(u32::MAX))
    }

    fn end_message(&mut self, status: &'static str) {
        if self.content.is_empty() {
            return;
        }
        let content = std::mem::take(&mut self.content);
        let id = self.id("msg");
        let item = Item::Message { id: &id, status, role: "assistant", content: &content };
        self.items.push(item.written());
    }

    fn reasoning(&mut self, reasoning: &Reasoning) {
        let signature = reasoning.signature.as_ref().filter(|_| self.proofs);
        let proof = signature.map(|signature| proof(signature, reasoning.redacted));
        let words = reasoning.words();
        if words.is_empty() && proof.is_none() {
            return;
        }
        self.end_message(COMPLETED);
        let id = self.id("rs");
        let summary = [Content::SummaryText { text: &words }];
        let summary = if words.is_empty() { &[][..] } else { &summary[..] };
        self.items.push(Item::Reasoning { id: &id, summary, encrypted_content: proof.as_deref() }.written());
    }

    fn call(&mut self, call: &ToolCall, status: &'static str) {
        self.end_message(COMPLETED);
        let id = self.id(if call.custom { "ctc" } else { "fc" });
        let call_id = if call.id.is_empty() { self.id("call") } else { call.id.clone() };
        let arguments = if call.arguments.is_empty() && !call.custom { "{}" } else { &call.arguments };
        let status = call_status(status, arguments, call.custom);
        let named = Named::new(&call_id, &call.name);
        self.items.push(Item::call(&id, status, named, arguments, call.custom).written());
    }
}

fn output_text(text: &Text) -> Box<RawValue> {
    let length = text.text.chars().count() as u64;
    let annotations: Vec<_> =
        text.citations.iter().filter_map(|citation| annotation::Written::of(citation, length)).collect();
    let logprobs = Logprob::all(&text.logprobs);
    Content::OutputText { annotations: &annotations, logprobs: &logprobs, text: &text.text }.written()
}
