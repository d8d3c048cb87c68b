//! The events as they are written.

use serde::Serialize;
use serde_json::value::RawValue;

use super::super::item::Logprob;
use crate::stream::Frames;

/// An event, of whichever type.
#[derive(Clone, Copy, Default, Serialize)]
pub(super) struct Told<'a> {
    pub(super) r#type: &'static str,
    pub(super) sequence_number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_index: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotation_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delta: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<&'a [Logprob<'a>]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) annotation: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item: Option<&'a RawValue>,
}

/// Puts events out, numbered.
pub(super) struct Numbered<'a> {
    pub(super) next: &'a mut u64,
    pub(super) out: &'a mut Frames,
}

impl Numbered<'_> {
    /// The number of the next event.
    pub(super) fn number(&mut self) -> u64 {
        let number = *self.next;
        *self.next += 1;
        number
    }

    /// Puts an event out; `text` is how many bytes of it the model made.
    pub(super) fn tell(&mut self, told: Told<'_>, text: usize) {
        let told = Told { sequence_number: self.number(), ..told };
        let mut frame = begun(told.r#type, 256 + text);
        serde_json::to_writer(&mut frame, &told).expect("an event serializes into memory");
        frame.extend_from_slice(b"\n\n");
        self.out.push(frame, text);
    }
}

/// A frame up to its data.
pub(super) fn begun(name: &str, size: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(size);
    frame.extend_from_slice(b"event: ");
    frame.extend_from_slice(name.as_bytes());
    frame.extend_from_slice(b"\ndata: ");
    frame
}
