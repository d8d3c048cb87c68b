//! How an answer becomes the client's.

use http::HeaderMap;
use weir_core::{Dialect, Endpoint, ErrorKind, Estimate, GatewayError, Limits, Tokens, UnixMillis, Usage};

use super::headers::{answer_headers, as_it_is};
use super::list::List;
use crate::codec::{Asked, BackendSide, ClientSide, backend_side, client_side};
use crate::inference::{self, InferenceTap};
use crate::stream::{Cross, Frames, Machine, Pass, Translation};
use crate::tools::ToolNames;

/// What was agreed on when the request was translated, and is needed to translate its answer.
#[derive(Clone)]
pub struct Exchange {
    pub(super) client: Dialect,
    pub(super) form: Form,
    pub(super) stream: bool,
    pub(super) estimate: Estimate,
    pub(super) sizes: Limits,
    pub(super) dropped: Vec<String>,
}

/// From which dialect to which.
#[derive(Clone)]
pub(super) enum Form {
    /// The same on both sides.
    Pass { endpoint: Endpoint, client_asked: bool },
    /// Another dialect than the client's.
    Cross(Box<Crossing>),
    /// Another dialect's count of a prompt's tokens.
    Count,
    /// A tier two's list of models, which is put behind our own.
    List(Box<List>),
    /// One of KServe's protocols, which passes as it is; `free` where no model answers.
    Inference { free: bool },
}

/// What it takes to read the backend's dialect and to write the client's.
#[derive(Clone)]
pub(super) struct Crossing {
    pub(super) client: ClientSide,
    pub(super) backend: BackendSide,
    pub(super) asked: Asked,
    pub(super) names: ToolNames,
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

    /// The prompt's tokens, as they were estimated.
    #[must_use]
    pub fn input(&self) -> Tokens {
        match self.form {
            Form::Inference { free: true } => Tokens::ZERO,
            _ => self.estimate.input,
        }
    }

    /// The fields that the backend did not get.
    #[must_use]
    pub fn dropped(&self) -> &[String] {
        &self.dropped
    }

    /// The headers of the answer to the client, of those that came with the backend's: see [`answer_headers`]. What passes
    /// as it is keeps its type, and the word where its JSON ends.
    #[must_use]
    pub fn answer_headers(&self, from: &HeaderMap, stream: bool) -> HeaderMap {
        let mut headers = answer_headers(from, stream, &self.dropped);
        if matches!(self.form, Form::Inference { .. }) && !stream {
            as_it_is(from, &mut headers);
        }
        headers
    }

    /// The machine for a streamed answer that begins at `now`.
    #[must_use]
    pub fn machine(&self, now: UnixMillis) -> Machine {
        let translation: Box<dyn Translation> = match &self.form {
            Form::Pass { client_asked, .. } => self.tap(*client_asked),
            // Nobody streams a count; what comes all the same is held against the client's dialect.
            Form::Count | Form::List(_) | Form::Inference { .. } => self.tap(false),
            Form::Cross(crossing) => {
                let Crossing { client, backend, asked, names } = &**crossing;
                Box::new(Cross::new((backend.source)(), (client.sink)(asked, now)).with_names(names.clone()))
            }
        };
        Machine::new(translation, self.client, self.estimate, &self.sizes)
    }

    /// Looks on while a stream of the client's dialect passes.
    fn tap(&self, client_asked: bool) -> Box<dyn Translation> {
        match client_side(self.client) {
            Some(side) => (side.tap)(client_asked),
            None => Box::new(Pass(InferenceTap)),
        }
    }

    /// A whole answer that came at `now`, as the client gets it, and what it used.
    ///
    /// # Errors
    /// `UpstreamProtocol` where it is not in the backend's dialect; the backend's own error where it answers one
    /// under status 200.
    pub fn whole(&self, body: Vec<u8>, now: UnixMillis) -> Result<(Vec<u8>, Usage), GatewayError> {
        let (body, usage) = match &self.form {
            Form::Pass { endpoint, .. } if endpoint.is_free() => (body, Some(Usage::default())),
            Form::Inference { free: true } => (body, Some(Usage::default())),
            Form::Inference { free: false } => {
                let usage = inference::usage(&body, self.estimate.input);
                (body, Some(usage))
            }
            Form::Pass { .. } => {
                let usage = client_side(self.client).map_or(Ok(None), |side| (side.tap_response)(&body))?;
                (body, usage)
            }
            Form::Count => (super::count::translated(self, &body)?, Some(Usage::default())),
            Form::List(list) => (list.completed(&body)?, Some(Usage::default())),
            Form::Cross(crossing) => {
                let Crossing { client, backend, asked, names } = &**crossing;
                let mut answer = (backend.decode_response)(&body)?;
                names.restore(&mut answer);
                ((client.encode_response)(&answer, asked, now), Some(answer.usage))
            }
        };
        let usage = usage.unwrap_or_else(|| self.estimated(body.len()));
        Ok((body, usage))
    }

    /// A whole answer where the client asked for a stream: the stream that says the same, and what it used.
    ///
    /// # Errors
    /// Those of [`whole`](Self::whole).
    pub fn streamed(&self, body: &[u8], now: UnixMillis) -> Result<(Vec<u8>, Usage), GatewayError> {
        let unserved = || {
            GatewayError::new(ErrorKind::UpstreamProtocol, "the backend's answer is not the stream it was asked for")
        };
        let (client, backend, asked, names) = match &self.form {
            Form::Inference { .. } => {
                // One event that says it all; a line break between two tokens of JSON is but white space.
                let line = body.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte });
                let event = [b"data: ".to_vec(), line.collect(), b"\n\n".to_vec()].concat();
                return Ok((event, inference::usage(body, self.estimate.input)));
            }
            Form::Cross(crossing) => {
                (crossing.client, crossing.backend, crossing.asked.clone(), crossing.names.clone())
            }
            _ => {
                let sides = client_side(self.client).zip(backend_side(self.client));
                let (client, backend) = sides.ok_or_else(unserved)?;
                (client, backend, Asked { include_usage: true, ..Asked::default() }, ToolNames::default())
            }
        };
        let mut answer = (backend.decode_response)(body)?;
        names.restore(&mut answer);
        let usage = answer.usage;
        let (mut sink, mut frames, mut out) = ((client.sink)(&asked, now), Frames::default(), Vec::new());
        for event in answer.into_events() {
            sink.event(&event, &mut frames);
        }
        sink.end(&mut frames);
        while let Some(frame) = frames.pop() {
            out.extend_from_slice(&frame);
        }
        Ok((out, usage))
    }

    /// What is billed where an answer of which `bytes` came does not say what it used, be it whole or cut short: the
    /// prompt's estimate, and a token for about four of the bytes.
    #[must_use]
    pub fn estimated(&self, bytes: usize) -> Usage {
        let output = match &self.form {
            // Counting is free.
            Form::Count | Form::List(_) | Form::Inference { free: true } => return Usage::default(),
            Form::Pass { endpoint, .. } if endpoint.is_free() => return Usage::default(),
            // How much of it is text is not known.
            Form::Inference { free: false } => Tokens::ZERO,
            Form::Pass { endpoint: Endpoint::Embeddings, .. } => Tokens::ZERO,
            _ => crate::stream::estimated_tokens(bytes),
        };
        Usage { input: self.estimate.input, output, estimated: true, ..Usage::default() }
    }
}
