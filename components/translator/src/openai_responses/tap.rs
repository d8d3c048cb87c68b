//! Looks on while answers and streams pass: usage, text, the end, and how far the events are numbered.

use serde::Deserialize;
use serde_json::value::RawValue;
use weir_core::{ErrorKind, GatewayError, Usage, sse};

use super::{failed::failed, usage};
use crate::openai_chat::text_len;
use crate::said;
use crate::stream::{Step, Tap, Tapped};

/// The tap for a stream.
#[derive(Debug, Default)]
pub struct ResponsesTap {
    usage: Option<Usage>,
    /// The number of the next event.
    next: u64,
}

impl Tap for ResponsesTap {
    fn event(&mut self, event: &sse::Event<'_>) -> Tapped {
        let data = event.data();
        if data.trim_ascii() == b"[DONE]" {
            return Step::End.into();
        }
        let told: Told<'_> = match serde_json::from_slice(&data) {
            Ok(told) => told,
            Err(fault) => return Step::Failed(not_ours(&fault)).into(),
        };
        self.next = told.sequence_number.map_or(self.next, |number| number.saturating_add(1));
        let usage = told.response.as_ref().and_then(|response| response.usage).and_then(usage::read);
        self.usage = usage.or(self.usage);
        let text = told.delta.map_or(0, text_len);
        let step = match &*told.r#type {
            "response.completed" | "response.incomplete" => Step::End,
            "response.failed" => {
                let error = told.response.and_then(|response| response.error).map_or("{}", RawValue::get);
                Step::Failed(said::Said::read(error.as_bytes()).without_status())
            }
            "error" => Step::Failed(said::Said::read(&data).without_status()),
            _ => Step::More,
        };
        Tapped { step, text, withhold: false }
    }

    fn usage(&self) -> Option<Usage> {
        self.usage
    }

    fn failed(&self, error: &GatewayError) -> Option<Vec<u8>> {
        Some(failed(error, self.next))
    }
}

/// Reads the usage out of a whole answer.
///
/// # Errors
/// `UpstreamProtocol` when it is no JSON object. A response that failed is an answer all the same.
pub fn tap_answer(body: &[u8]) -> Result<Option<Usage>, GatewayError> {
    let response: Response<'_> = serde_json::from_slice(body).map_err(|fault| not_ours(&fault))?;
    Ok(response.usage.and_then(usage::read))
}

#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    r#type: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    response: Option<Response<'a>>,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
    #[serde(default)]
    sequence_number: Option<u64>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

pub(super) fn not_ours(fault: &serde_json::Error) -> GatewayError {
    let message = format!("the backend said something that its dialect does not have ({fault})");
    GatewayError::new(ErrorKind::UpstreamProtocol, message)
}
