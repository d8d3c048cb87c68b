//! What the machine does with an event: look on while it passes, or put it into another dialect.

use weir_core::sse;
use weir_core::{GatewayError, Usage};

use super::Frames;
use crate::canonical;
use crate::tools::ToolNames;

/// What became of an event.
#[derive(Debug)]
pub enum Step {
    /// The stream goes on.
    More,
    /// This was the event that ends a complete stream.
    End,
    /// The backend says that it failed, or does not keep to its dialect. The stream is over.
    Failed(GatewayError),
}

/// Turns events of the backend into frames for the client.
pub trait Translation {
    /// Takes the next event.
    fn event(&mut self, event: &sse::Event<'_>, out: &mut Frames) -> Step;

    /// The usage that the backend reported last, if it reported any.
    fn usage(&self) -> Option<Usage>;

    /// The event that tells the client that its stream ends in `error`, where it takes knowing what came before; `None`
    /// where [`stream_event`](weir_core::error::stream_event) will do.
    fn failed(&mut self, _error: &GatewayError) -> Option<Vec<u8>> {
        None
    }

    /// Whether both sides speak the same dialect, so that what is no event goes on as well.
    fn passes(&self) -> bool {
        false
    }

    /// Whether the dialect has no terminal event, so that a stream is complete when its body has ended in order.
    fn ends_with_its_body(&self) -> bool {
        false
    }
}

/// Looks on while a stream passes in its own dialect.
pub trait Tap {
    /// Reads one event.
    fn event(&mut self, event: &sse::Event<'_>) -> Tapped;

    /// The usage that the backend reported last, if it reported any.
    fn usage(&self) -> Option<Usage>;

    /// The event that tells the client that its stream ends in `error`, where it takes knowing what came before.
    fn failed(&self, _error: &GatewayError) -> Option<Vec<u8>> {
        None
    }

    /// As [`Translation::ends_with_its_body`].
    fn ends_with_its_body(&self) -> bool {
        false
    }
}

/// What a [`Tap`] saw in an event.
#[derive(Debug)]
pub struct Tapped {
    /// What the event means for the stream.
    pub step: Step,
    /// How many bytes of the model's text it carries.
    pub text: usize,
    /// Whether it is kept from the client, who did not ask for it.
    pub withhold: bool,
}

impl From<Step> for Tapped {
    fn from(step: Step) -> Self {
        Self { step, text: 0, withhold: false }
    }
}

impl Tap for Box<dyn Tap> {
    fn event(&mut self, event: &sse::Event<'_>) -> Tapped {
        (**self).event(event)
    }

    fn usage(&self) -> Option<Usage> {
        (**self).usage()
    }

    fn failed(&self, error: &GatewayError) -> Option<Vec<u8>> {
        (**self).failed(error)
    }

    fn ends_with_its_body(&self) -> bool {
        (**self).ends_with_its_body()
    }
}

/// The same dialect on both sides: events go on byte for byte.
pub(crate) struct Pass<T>(pub(crate) T);

impl<T: Tap> Translation for Pass<T> {
    fn event(&mut self, event: &sse::Event<'_>, out: &mut Frames) -> Step {
        let Tapped { step, text, withhold } = self.0.event(event);
        if !withhold && !matches!(step, Step::Failed(_)) {
            let mut frame = event.raw.to_vec();
            // Only the last event of a stream can be without its blank line, and the client needs it.
            while !ends_in_blank_line(&frame) {
                frame.push(b'\n');
            }
            out.push(frame, text);
        }
        step
    }

    fn usage(&self) -> Option<Usage> {
        self.0.usage()
    }

    fn failed(&mut self, error: &GatewayError) -> Option<Vec<u8>> {
        self.0.failed(error)
    }

    fn passes(&self) -> bool {
        true
    }

    fn ends_with_its_body(&self) -> bool {
        self.0.ends_with_its_body()
    }
}

fn ends_in_blank_line(frame: &[u8]) -> bool {
    [&b"\n\n"[..], b"\n\r\n", b"\r\r", b"\n\r"].iter().any(|end| frame.ends_with(end))
}

/// Reads a backend's events.
pub trait Source {
    /// Puts what an event says into `out`.
    fn event(&mut self, event: &sse::Event<'_>, out: &mut Vec<canonical::Event>) -> Step;

    /// The usage that the backend reported last, if it reported any.
    fn usage(&self) -> Option<Usage>;
}

/// Writes a client's events.
pub trait Sink {
    /// Writes what `event` says.
    fn event(&mut self, event: &canonical::Event, out: &mut Frames);

    /// Writes the event that ends a complete stream. Not called for another.
    fn end(&mut self, out: &mut Frames);

    /// The event that tells of `error` and ends the stream, where it takes knowing what came before (responses number
    /// their events); `None` where [`stream_event`](weir_core::error::stream_event) will do.
    fn failed(&mut self, _error: &GatewayError) -> Option<Vec<u8>> {
        None
    }

    /// Why the stream cannot go on, where the sink had to hold back more than it may. Asked after each event.
    fn fault(&self) -> Option<GatewayError> {
        None
    }
}

/// One dialect in, another out.
pub struct Cross {
    source: Box<dyn Source>,
    names: ToolNames,
    sink: Box<dyn Sink>,
    events: Vec<canonical::Event>,
}

impl Cross {
    /// Joins the two.
    #[must_use]
    pub fn new(source: Box<dyn Source>, sink: Box<dyn Sink>) -> Self {
        Self { source, names: ToolNames::default(), sink, events: Vec::new() }
    }

    /// Gives tools back the names and the kinds that the client knows them by.
    #[must_use]
    pub fn with_names(mut self, names: ToolNames) -> Self {
        self.names = names;
        self
    }
}

impl Translation for Cross {
    fn event(&mut self, event: &sse::Event<'_>, out: &mut Frames) -> Step {
        let step = self.source.event(event, &mut self.events);
        if matches!(step, Step::Failed(_)) {
            // What an event says that breaks its dialect is not passed on by half.
            self.events.clear();
        }
        for mut event in self.events.drain(..) {
            if self.names.restore_event(&mut event) {
                continue;
            }
            self.sink.event(&event, out);
        }
        if let Some(fault) = self.sink.fault() {
            return Step::Failed(fault);
        }
        if matches!(step, Step::End) {
            self.sink.end(out);
        }
        step
    }

    fn usage(&self) -> Option<Usage> {
        self.source.usage()
    }

    fn failed(&mut self, error: &GatewayError) -> Option<Vec<u8>> {
        self.sink.failed(error)
    }
}
