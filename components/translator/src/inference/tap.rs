//! A stream of Triton's `generate_stream`: one JSON object an event, and no word at its end.

use serde::Deserialize;
use serde_json::value::RawValue;
use weir_core::{ErrorKind, GatewayError, Usage, sse};

use crate::said;
use crate::stream::{Step, Tap, Tapped};

/// Looks on while such a stream passes.
#[derive(Debug, Default)]
pub(crate) struct InferenceTap;

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    text_output: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

impl Tap for InferenceTap {
    fn event(&mut self, event: &sse::Event<'_>) -> Tapped {
        let data = event.data();
        if data.trim_ascii() == b"[DONE]" {
            return Step::End.into();
        }
        let Ok(read) = serde_json::from_slice::<Event<'_>>(&data) else {
            let message = "the backend sent an event that is not the JSON it should be";
            return Step::Failed(GatewayError::new(ErrorKind::UpstreamProtocol, message)).into();
        };
        if let Some(error) = said::in_stream(&event.name(), read.error, &data) {
            return Step::Failed(error).into();
        }
        Tapped { step: Step::More, text: read.text_output.map_or(0, |text| text.len()), withhold: false }
    }

    fn usage(&self) -> Option<Usage> {
        None
    }

    fn ends_with_its_body(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use weir_core::{Dialect, Ending, Estimate, Limits, Tokens};

    use super::*;
    use crate::stream::{Close, Machine, Pass};

    /// What the client gets of a stream, and how it ended. Fed byte by byte.
    fn stream(bytes: &[u8], close: Close) -> (String, Ending, Usage) {
        let estimate = Estimate { input: Tokens(5), output: Tokens(9) };
        let mut machine = Machine::new(Box::new(Pass(InferenceTap)), Dialect::KserveV2, estimate, &Limits::default());
        let mut out = Vec::new();
        for byte in bytes {
            machine.feed(&[*byte]);
            while let Some(frame) = machine.poll_output() {
                out.extend_from_slice(&frame);
            }
        }
        let closed = machine.close(close);
        out.extend_from_slice(&closed.tail);
        (String::from_utf8(out).unwrap(), closed.ending, closed.usage)
    }

    const TWO: &str = "data: {\"text_output\":\"1234\"}\n\ndata: {\"text_output\":\"5678\"}\n\n";

    #[test]
    fn a_stream_is_whole_when_its_body_ends_in_order() {
        let (out, ending, usage) = stream(TWO.as_bytes(), Close::End);
        assert_eq!((out.as_str(), ending), (TWO, Ending::Complete));
        assert_eq!((usage.input, usage.output, usage.estimated), (Tokens(5), Tokens(2), true));
        let (out, ending, _) = stream(&TWO.as_bytes()[..TWO.len() - 1], Close::End);
        assert_eq!((out.as_str(), ending), (TWO, Ending::Complete), "the last blank line is missing");
        let done = format!("{TWO}data: [DONE]\n\n");
        assert_eq!(stream(done.as_bytes(), Close::End).1, Ending::Complete);
    }

    #[test]
    fn s1_a_stream_that_is_cut_is_told_as_one() {
        let broken = || Close::Broken(GatewayError::new(ErrorKind::UpstreamTruncated, "it broke off"));
        for (bytes, close) in [
            (TWO.as_bytes(), broken()),
            (&TWO.as_bytes()[..TWO.len() - 10], Close::End),
            (&TWO.as_bytes()[..TWO.len() - 10], broken()),
        ] {
            let (out, ending, _) = stream(bytes, close);
            assert_eq!(ending, Ending::Truncated);
            assert!(out.contains("1234") && out.ends_with("\"}\n\n") && out.contains("data: {\"error\":"), "{out}");
        }
        let (out, ending, _) = stream(b"", Close::End);
        assert_eq!((out.as_str(), ending), ("", Ending::Failed), "nothing was promised yet");
    }

    #[test]
    fn an_error_of_the_server_ends_the_stream() {
        let error = "data: {\"error\":\"out of memory\"}\n\n";
        assert_eq!(stream(error.as_bytes(), Close::End), (String::new(), Ending::Failed, Usage::default()));
        let (out, ending, _) = stream(format!("{TWO}{error}").as_bytes(), Close::End);
        assert_eq!(ending, Ending::Truncated);
        assert!(out.contains("out of memory"), "{out}");
        assert_eq!(stream(format!("{TWO}data: x\n\n").as_bytes(), Close::End).1, Ending::Truncated);
    }
}
