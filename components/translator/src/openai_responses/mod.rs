//! OpenAI responses (<https://platform.openai.com/docs/api-reference/responses>), where both sides speak it: answers
//! and streams pass byte for byte while a tap looks on.

use serde::Deserialize;
use serde_json::value::RawValue;
use weir_core::{ErrorKind, GatewayError, Usage, sse};

use crate::openai_chat::{count, text_len};
use crate::said;
use crate::stream::{Step, Tap, Tapped};

/// The tap for a stream.
#[derive(Debug, Default)]
pub struct ResponsesTap {
    usage: Option<Usage>,
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
        let usage = told.response.as_ref().and_then(|response| response.usage).and_then(read_usage);
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
}

/// Reads the usage out of a whole answer.
///
/// # Errors
/// `UpstreamProtocol` when it is no JSON object. A response that failed is an answer all the same.
pub fn tap_answer(body: &[u8]) -> Result<Option<Usage>, GatewayError> {
    let response: Response<'_> = serde_json::from_slice(body).map_err(|fault| not_ours(&fault))?;
    Ok(response.usage.and_then(read_usage))
}

#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow)]
    r#type: std::borrow::Cow<'a, str>,
    #[serde(borrow, default)]
    response: Option<Response<'a>>,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Counted {
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    input_tokens_details: Option<Details>,
    output_tokens_details: Option<Details>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Option<i64>,
    cache_write_tokens: Option<i64>,
    reasoning_tokens: Option<i64>,
}

fn read_usage(raw: &RawValue) -> Option<Usage> {
    let counted: Counted = serde_json::from_str(raw.get()).ok()?;
    let (input, output) = (count(counted.input_tokens), count(counted.output_tokens));
    if input.is_none() && output.is_none() {
        return None;
    }
    let of_input = counted.input_tokens_details.unwrap_or_default();
    let of_output = counted.output_tokens_details.unwrap_or_default();
    Some(Usage {
        input: input.unwrap_or_default(),
        output: output.unwrap_or_default(),
        cache_read: count(of_input.cached_tokens).unwrap_or_default(),
        cache_write: count(of_input.cache_write_tokens).unwrap_or_default(),
        reasoning: count(of_output.reasoning_tokens).unwrap_or_default(),
        estimated: false,
    })
}

fn not_ours(fault: &serde_json::Error) -> GatewayError {
    let message = format!("the backend said something that its dialect does not have ({fault})");
    GatewayError::new(ErrorKind::UpstreamProtocol, message)
}
