//! Looks on while Anthropic's answers and streams pass.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use weir_core::{ErrorKind, GatewayError, Usage, sse};

use super::AnthropicUsage;
use crate::openai_chat::text_len;
use crate::said::{self, Said};
use crate::stream::{Step, Tap, Tapped};

/// The tap for a stream.
#[derive(Debug, Default)]
pub struct MessagesTap {
    usage: AnthropicUsage,
}

impl Tap for MessagesTap {
    fn event(&mut self, event: &sse::Event<'_>) -> Tapped {
        let data = event.data();
        let told: Told<'_> = match serde_json::from_slice(&data) {
            Ok(told) => told,
            Err(fault) => return Step::Failed(not_ours(&fault)).into(),
        };
        for raw in [told.message.and_then(|message| message.usage), told.usage].into_iter().flatten() {
            self.usage.update(AnthropicUsage::read(raw));
        }
        let text = told.delta.map_or(0, |delta| delta.text());
        let step = match &*told.r#type {
            "message_stop" => Step::End,
            "error" => Step::Failed(Said::read(&data).without_status()),
            _ => Step::More,
        };
        Tapped { step, text, withhold: false }
    }

    fn usage(&self) -> Option<Usage> {
        self.usage.usage()
    }
}

#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    thinking: Option<&'a RawValue>,
    #[serde(borrow, default)]
    partial_json: Option<&'a RawValue>,
}

impl Delta<'_> {
    fn text(&self) -> usize {
        [self.text, self.thinking, self.partial_json].into_iter().flatten().map(text_len).sum()
    }
}

/// Reads the usage out of a whole answer, be it a message or a count of tokens.
///
/// # Errors
/// `UpstreamProtocol` when it is no JSON object; the backend's own error where it answers one under status 200.
pub fn tap_answer(body: &[u8]) -> Result<Option<Usage>, GatewayError> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(borrow, default)]
        usage: Option<&'a RawValue>,
        #[serde(borrow, default)]
        error: Option<&'a RawValue>,
    }
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|fault| not_ours(&fault))?;
    match said::in_stream("", answer.error, body) {
        Some(error) => Err(error),
        None => Ok(answer.usage.map(AnthropicUsage::read).and_then(|usage| usage.usage())),
    }
}

pub(super) fn not_ours(fault: &serde_json::Error) -> GatewayError {
    let message = format!("the backend said something that its dialect does not have ({fault})");
    GatewayError::new(ErrorKind::UpstreamProtocol, message)
}
