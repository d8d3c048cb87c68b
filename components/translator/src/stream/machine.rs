//! The machine itself.

use weir_core::error::stream_event;
use weir_core::sse::{Decoder, Item};
use weir_core::{Dialect, Ending, ErrorKind, Estimate, GatewayError, Limits, Tokens, Usage};

use super::{Frames, Step, Translation};
use crate::attempt::{ending_of, redact, redact_error};

/// Carries one stream from the backend to the client.
pub struct Machine {
    decoder: Decoder,
    live: Live,
}

/// All of the machine but its decoder, which lends out the events that the rest works on.
struct Live {
    translation: Box<dyn Translation>,
    client: Dialect,
    estimate: Estimate,
    heartbeats: bool,
    frames: Frames,
    state: State,
    events: u64,
    error: Option<GatewayError>,
    /// Whether the backend fell silent or broke off, without a word of its own about what went wrong.
    cut: bool,
    redact: Box<dyn Fn(&str) -> String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No event has come that is not an error: another backend may still be tried.
    Waiting,
    Streaming,
    Over(Ending),
}

/// How a stream comes to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Close {
    /// The backend ended its body in order.
    End,
    /// The backend broke off, or took too long: why.
    Broken(GatewayError),
    /// The client left.
    ClientGone,
}

/// What became of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// What the client is still to be sent: an error event, the frames that were not polled yet, or nothing.
    pub tail: Vec<u8>,
    /// What is to be billed.
    pub usage: Usage,
    /// How it ended.
    pub ending: Ending,
    /// What went wrong, where something did.
    pub error: Option<GatewayError>,
}

impl Machine {
    /// A machine at the start of a stream. `client` is the dialect in which errors are told, `estimate` what counts
    /// where the backend reports nothing.
    #[must_use]
    pub fn new(translation: Box<dyn Translation>, client: Dialect, estimate: Estimate, limits: &Limits) -> Self {
        // Gemini's SDKs choke on comments, and Converse's framing has none.
        let heartbeats = !matches!(client, Dialect::Gemini | Dialect::BedrockConverse);
        let live = Live {
            translation,
            client,
            estimate,
            heartbeats,
            frames: Frames::default(),
            state: State::Waiting,
            events: 0,
            error: None,
            cut: false,
            redact: Box::new(|text| redact(text, &[])),
        };
        Self { decoder: Decoder::new(limits), live }
    }

    /// Has `redact` take the secrets out of what the backend says went wrong, instead of what looks like a key.
    #[must_use]
    pub fn with_redaction(mut self, redact: impl Fn(&str) -> String + 'static) -> Self {
        self.live.redact = Box::new(redact);
        self
    }

    /// Takes the next bytes from the backend.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.is_over() {
            return;
        }
        let live = &mut self.live;
        if let Err(fault) = self.decoder.feed(bytes, |item| live.item(&item)) {
            live.fail(GatewayError::new(ErrorKind::UpstreamProtocol, format!("the backend broke its stream: {fault}")));
        }
    }

    /// The next frame for the client, to be written by itself.
    pub fn poll_output(&mut self) -> Option<Vec<u8>> {
        self.live.frames.pop()
    }

    /// Whether a frame waits to be written.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.live.frames.is_empty()
    }

    /// How many events have come: an idle backend is one where this stands still, comments or not.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.live.events
    }

    /// A frame that tells the client nothing but that its stream is alive, for when the backend is silent; `None` where
    /// nothing was promised yet, or the client's dialect bears no such thing.
    #[must_use]
    pub fn heartbeat(&self) -> Option<Vec<u8>> {
        let live = &self.live;
        (live.state == State::Streaming && live.heartbeats).then(|| match live.client {
            Dialect::AnthropicMessages => b"event: ping\ndata: {\"type\": \"ping\"}\n\n".to_vec(),
            _ => b": ping\n\n".to_vec(),
        })
    }

    /// Whether an event has come that was not an error: from then on the answer is committed.
    #[must_use]
    pub fn has_started(&self) -> bool {
        match self.live.state {
            State::Waiting => false,
            State::Streaming => true,
            State::Over(ending) => !matches!(ending, Ending::Failed | Ending::Refused),
        }
    }

    /// Whether the terminal event was put out, or the attempt has failed: nothing more is to be read.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.live.state, State::Over(_))
    }

    /// Ends the stream.
    pub fn close(&mut self, how: Close) -> Closed {
        let gone = how == Close::ClientGone;
        match how {
            Close::End if !self.is_over() => self.close_in_order(),
            Close::Broken(error) if !self.is_over() => self.live.cut(error),
            _ => {}
        }
        let live = &mut self.live;
        let mut tail = Vec::new();
        while !gone && let Some(frame) = live.frames.pop() {
            tail.extend_from_slice(&frame);
        }
        let ending = match live.state {
            _ if gone => Ending::ClientGone,
            State::Over(ending) => ending,
            State::Waiting | State::Streaming => Ending::Truncated,
        };
        Closed { tail, usage: live.bill(ending), ending, error: live.error.clone() }
    }

    /// The body ended in order; whether the stream did depends on whether its last event was the terminal one.
    fn close_in_order(&mut self) {
        let live = &mut self.live;
        self.decoder.finish(|item| live.item(&item));
        // Some servers leave out the last blank line.
        if matches!(live.state, State::Streaming) {
            match self.decoder.unfinished() {
                Some(event) => live.last_event(&event),
                None if live.translation.ends_with_its_body() => live.state = State::Over(Ending::Complete),
                None => {}
            }
        }
        if !matches!(live.state, State::Over(_)) {
            live.cut(GatewayError::new(
                ErrorKind::UpstreamTruncated,
                "the backend ended its answer before it was complete",
            ));
        }
    }
}

impl Live {
    fn item(&mut self, item: &Item<'_>) {
        self.events += u64::from(matches!(item, Item::Event(_)));
        match (self.state, item) {
            (State::Over(_), _) => {}
            (_, Item::Event(event)) => match self.translation.event(event, &mut self.frames) {
                Step::More => self.state = State::Streaming,
                Step::End if self.state == State::Waiting => {
                    self.fail(GatewayError::new(ErrorKind::UpstreamProtocol, "the backend's answer was empty"));
                }
                Step::End => self.state = State::Over(Ending::Complete),
                Step::Failed(error) => self.fail(error),
            },
            (State::Streaming, Item::Comment(raw)) if self.heartbeats => self.frames.push(raw.to_vec(), 0),
            (State::Streaming, Item::Other(raw)) if self.translation.passes() => self.frames.push(raw.to_vec(), 0),
            // Clients dispatch nothing for these.
            (_, Item::Comment(_) | Item::Other(_)) => {}
        }
    }

    /// Takes an event that lacks its blank line. Its data says whether it is whole: of JSON that was cut nothing is read.
    fn last_event(&mut self, event: &weir_core::sse::Event<'_>) {
        match self.translation.event(event, &mut self.frames) {
            Step::End => self.state = State::Over(Ending::Complete),
            Step::More if self.translation.ends_with_its_body() => self.state = State::Over(Ending::Complete),
            Step::More | Step::Failed(_) => {}
        }
    }

    /// Ends the stream in an error that the backend did not tell itself.
    fn cut(&mut self, error: GatewayError) {
        self.cut = matches!(error.kind(), ErrorKind::UpstreamTimeout | ErrorKind::UpstreamTruncated);
        self.fail(error);
    }

    /// Ends the stream in an error: told as an event where the client has seen one already.
    fn fail(&mut self, error: GatewayError) {
        let error = redact_error(error, &self.redact);
        if self.state == State::Streaming {
            let event = self.translation.failed(&error).unwrap_or_else(|| stream_event(self.client, &error));
            self.frames.push(event, 0);
            self.state = State::Over(Ending::Truncated);
        } else {
            // What the event said beside its error is nobody's: another backend may still be tried.
            self.frames = Frames::default();
            self.state = State::Over(ending_of(&error));
        }
        self.error = Some(error);
    }

    /// The greater of what was reported and what was delivered, unless the backend had the last word. A backend that
    /// was cut off has read the prompt all the same, and bills it.
    fn bill(&self, ending: Ending) -> Usage {
        let output = estimated_tokens(self.frames.delivered());
        match (self.translation.usage(), ending) {
            (Some(reported), Ending::Complete) => reported,
            (None, Ending::Failed | Ending::Refused) if !self.cut => Usage::default(),
            (Some(reported), _) => reported.at_least(Usage { input: reported.input, output, ..Usage::default() }),
            (None, _) => Usage { input: self.estimate.input, output, estimated: true, ..Usage::default() },
        }
    }
}

/// About four bytes a token: what English and code come to in the tokenizers of today.
#[must_use]
pub(crate) fn estimated_tokens(bytes: usize) -> Tokens {
    Tokens(bytes.div_ceil(4) as u64)
}
