//! How an answer becomes the client's.

use weir_core::{Dialect, Endpoint, Estimate, GatewayError, Limits, UnixMillis, Usage};

use crate::stream::{Cross, Machine, Pass, Translation};
use crate::{anthropic, openai_chat, openai_responses};

/// What was agreed on when the request was translated, and is needed to translate its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub(super) client: Dialect,
    pub(super) form: Form,
    pub(super) stream: bool,
    pub(super) estimate: Estimate,
    pub(super) sizes: Limits,
    pub(super) dropped: Vec<String>,
}

/// From which dialect to which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The same on both sides.
    Pass { endpoint: Endpoint, client_asked: bool },
    /// Anthropic's messages for a client that speaks chat completions.
    AnthropicToChat { include_usage: bool },
}

impl Exchange {
    /// The client's dialect.
    #[must_use]
    pub fn client(&self) -> Dialect {
        self.client
    }

    /// Whether the client wants a stream.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.stream
    }

    /// The fields that the backend did not get.
    #[must_use]
    pub fn dropped(&self) -> &[String] {
        &self.dropped
    }

    /// The machine for a streamed answer that begins at `now`.
    #[must_use]
    pub fn machine(&self, now: UnixMillis) -> Machine {
        let translation: Box<dyn Translation> = match &self.form {
            Form::Pass { endpoint: Endpoint::Messages | Endpoint::CountTokens, .. } => {
                Box::new(Pass(anthropic::MessagesTap::default()))
            }
            Form::Pass { endpoint: Endpoint::Responses | Endpoint::InputTokens, .. } => {
                Box::new(Pass(openai_responses::ResponsesTap::default()))
            }
            Form::Pass { client_asked, .. } => Box::new(Pass(openai_chat::ChatTap::new(*client_asked))),
            Form::AnthropicToChat { include_usage } => Box::new(Cross::new(
                Box::new(anthropic::Decoder::default()),
                Box::new(openai_chat::Encoder::new(*include_usage, now)),
            )),
        };
        Machine::new(translation, self.client, self.estimate, &self.sizes)
    }

    /// A whole answer that came at `now`, as the client gets it, and what it used.
    ///
    /// # Errors
    /// `UpstreamProtocol` where it is not in the backend's dialect; the backend's own error where it answers one
    /// under status 200.
    pub fn whole(&self, body: Vec<u8>, now: UnixMillis) -> Result<(Vec<u8>, Usage), GatewayError> {
        let (body, usage) = match &self.form {
            Form::Pass { endpoint: Endpoint::Messages | Endpoint::CountTokens, .. } => {
                let usage = anthropic::tap_answer(&body)?;
                (body, usage)
            }
            Form::Pass { endpoint: Endpoint::Responses | Endpoint::InputTokens, .. } => {
                let usage = openai_responses::tap_answer(&body)?;
                (body, usage)
            }
            Form::Pass { .. } => {
                let usage = openai_chat::tap_answer(&body)?;
                (body, usage)
            }
            Form::AnthropicToChat { .. } => {
                let answer = anthropic::decode_response(&body)?;
                (openai_chat::encode_response(&answer, now), Some(answer.usage))
            }
        };
        let usage = usage.unwrap_or_else(|| self.estimated(body.len()));
        Ok((body, usage))
    }

    /// What is billed where an answer of which `bytes` came does not say what it used, be it whole or cut short: the
    /// prompt's estimate, and a token for about four of the bytes.
    #[must_use]
    pub fn estimated(&self, bytes: usize) -> Usage {
        let output = match &self.form {
            // Counting is free.
            Form::Pass { endpoint: Endpoint::CountTokens | Endpoint::InputTokens, .. } => return Usage::default(),
            Form::Pass { endpoint: Endpoint::Embeddings, .. } => weir_core::Tokens::ZERO,
            _ => crate::stream::estimated_tokens(bytes),
        };
        Usage { input: self.estimate.input, output, estimated: true, ..Usage::default() }
    }
}
