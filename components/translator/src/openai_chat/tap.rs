//! Looks on while OpenAI's answers and streams pass: usage, text, the end. Nothing is kept but the usage.

use serde::Deserialize;
use serde_json::value::RawValue;
use weir_core::{ErrorKind, GatewayError, Usage, sse};

use super::OpenaiUsage;
use crate::said;
use crate::stream::{Step, Tap, Tapped};

/// The tap for chat completions and completions.
#[derive(Debug)]
pub struct ChatTap {
    client_asked: bool,
    usage: Option<Usage>,
}

impl ChatTap {
    /// A tap at the start of a stream. `client_asked` says whether the client itself asked for the usage chunk, which
    /// is withheld otherwise.
    #[must_use]
    pub fn new(client_asked: bool) -> Self {
        Self { client_asked, usage: None }
    }
}

impl Tap for ChatTap {
    fn event(&mut self, event: &sse::Event<'_>) -> Tapped {
        let data = event.data();
        if data.trim_ascii() == b"[DONE]" {
            return Step::End.into();
        }
        let chunk: Chunk<'_> = match serde_json::from_slice(&data) {
            Ok(chunk) => chunk,
            Err(fault) => return Step::Failed(not_a_chunk(&fault)).into(),
        };
        if let Some(error) = said::in_stream(&event.name(), chunk.error, &data) {
            return Step::Failed(error).into();
        }
        let usage = chunk.usage();
        self.usage = usage.or(self.usage);
        let choices = chunk.choices.unwrap_or_default();
        let withhold = !self.client_asked && usage.is_some() && choices.is_empty();
        Tapped { step: Step::More, text: choices.iter().map(Choice::text).sum(), withhold }
    }

    fn usage(&self) -> Option<Usage> {
        self.usage
    }
}

fn not_a_chunk(fault: &serde_json::Error) -> GatewayError {
    let message = format!("the backend's stream holds an event that its dialect does not have ({fault})");
    GatewayError::new(ErrorKind::UpstreamProtocol, message)
}

/// A chunk, as far as the tap looks. Unknown members and nulls in every place are met in the wild, so what is only
/// counted is not parsed.
#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    x_groq: Option<Groq<'a>>,
}

/// Where Groq states the usage to clients that did not ask for it.
#[derive(Deserialize)]
struct Groq<'a> {
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
}

impl Chunk<'_> {
    fn usage(&self) -> Option<Usage> {
        let groq = self.x_groq.as_ref().and_then(|groq| groq.usage);
        [self.usage, groq].into_iter().flatten().find_map(OpenaiUsage::read)
    }
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    /// Completions have it here.
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
}

#[derive(Deserialize)]
struct ToolCall<'a> {
    #[serde(borrow, default)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
}

impl Choice<'_> {
    fn text(&self) -> usize {
        let text = self.text.map_or(0, text_len);
        text + self.delta.as_ref().map_or(0, Delta::text)
    }
}

impl Delta<'_> {
    fn text(&self) -> usize {
        let plain = [self.content, self.refusal, self.reasoning, self.reasoning_content];
        let calls = self.tool_calls.iter().flatten().filter_map(|call| call.function.as_ref());
        let calls = calls.flat_map(|function| [function.name, function.arguments]);
        plain.into_iter().chain(calls).flatten().map(text_len).sum()
    }
}

/// How long a string is once its escapes are read. Other values (Mistral's reasoning models send parts) count as
/// they were written, which is near enough.
pub(crate) fn text_len(raw: &RawValue) -> usize {
    let Some(text) = raw.get().strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
        return raw.get().len();
    };
    let mut pieces = text.split('\\');
    let mut len = pieces.next().map_or(0, str::len);
    let mut after_backslash = false;
    for piece in pieces {
        len += match piece.as_bytes().first() {
            _ if std::mem::take(&mut after_backslash) => piece.len(),
            // Two backslashes in a row: one is text, and the next piece is no escape.
            None => {
                after_backslash = true;
                1
            }
            // Four digits stand for two or three bytes as a rule.
            Some(b'u') => piece.len() - 2,
            Some(_) => piece.len(),
        };
    }
    len
}

/// Reads the usage out of a whole answer of chat completions, completions or embeddings.
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
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|fault| {
        let message = format!("the backend answered with something that is not its dialect's JSON ({fault})");
        GatewayError::new(ErrorKind::UpstreamProtocol, message)
    })?;
    match said::in_stream("", answer.error, body) {
        Some(error) => Err(error),
        None => Ok(answer.usage.and_then(OpenaiUsage::read)),
    }
}

#[cfg(test)]
mod tests {
    use weir_core::Limits;
    use weir_core::sse::{Decoder, Item};

    use super::*;

    fn see(tap: &mut ChatTap, data: &str) -> Tapped {
        let mut seen = None;
        let stream = format!("data: {data}\n\n");
        let note = |item: Item<'_>| {
            if let Item::Event(event) = item {
                seen = Some(tap.event(&event));
            }
        };
        Decoder::new(&Limits::default()).feed(stream.as_bytes(), note).unwrap();
        seen.unwrap()
    }

    #[test]
    fn s8_usage_is_read_wherever_it_stands_and_the_last_one_counts() {
        let mut tap = ChatTap::new(false);
        for (data, output, withheld) in [
            (r#"{"choices":[],"usage":null}"#, None, false),
            (r#"{"choices":[],"prompt_filter_results":[]}"#, None, false),
            (r#"{"choices":[{"delta":{}}],"usage":{"prompt_tokens":3,"completion_tokens":9}}"#, Some(9), false),
            (r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":7,"total_tokens":10}}"#, Some(7), true),
            (r#"{"choices":[{"delta":{}}],"usage":{"prompt_tokens":-1,"completion_tokens":-4}}"#, Some(7), false),
            (r#"{"choices":[{"delta":{}}],"usage":"what"}"#, Some(7), false),
            (r#"{"choices":[{"delta":{}}],"x_groq":{"usage":{"completion_tokens":5}}}"#, Some(5), false),
        ] {
            assert_eq!(see(&mut tap, data).withhold, withheld, "{data}");
            assert_eq!(tap.usage().map(|usage| usage.output.0), output, "{data}");
        }
        assert!(!see(&mut ChatTap::new(true), r#"{"choices":[],"usage":{"prompt_tokens":1}}"#).withhold);
    }

    #[test]
    fn text_is_counted_as_it_reads_not_as_it_is_escaped() {
        let mut tap = ChatTap::new(false);
        let chunk = r#"{"choices":[{"delta":{"content":"a\n\"\u00e9\\\\n","reasoning":"xy","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}},{"text":"ok","delta":null}]}"#;
        assert_eq!(see(&mut tap, chunk).text, "a\n\"\u{e9}?\\\\n".len() + 2 + 3 + 2);
    }

    #[test]
    fn errors_and_what_is_no_json_end_the_stream() {
        for (data, kind) in [
            (
                r#"{"error":{"message":"m","type":"invalid_request_error","status_code":400}}"#,
                ErrorKind::UpstreamRejected,
            ),
            (r#"{"choices":[{"delta":{}}],"error":{"code":429,"message":"m"}}"#, ErrorKind::UpstreamRateLimited),
            (r#"{"error":"oops"}"#, ErrorKind::UpstreamFailed),
            ("oops", ErrorKind::UpstreamProtocol),
        ] {
            match see(&mut ChatTap::new(true), data).step {
                Step::Failed(error) => assert_eq!(error.kind(), kind, "{data}"),
                step => panic!("{data}: {step:?}"),
            }
        }
    }
}
