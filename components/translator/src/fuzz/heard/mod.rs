//! What a client makes of an answer: the same from a stream and from a whole, in whichever dialect it comes.
//!
//! This is the tests' own reader of the three dialects, strict where the translator's decoders are lenient. All that a
//! client may count on is checked, and what does not hold is listed in [`Heard::faults`]: Weir's own answers must have
//! none. Read from what a provider said, the faults are the provider's, and the rest is what Weir must not lose.

mod chat;
mod messages;
mod responses;

use std::collections::BTreeMap;

use serde_json::Value;
use weir_core::sse::{Decoder, Item};
use weir_core::{Dialect, Limits, Tokens, Usage};

/// What a client makes of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// The answer's id.
    pub id: String,
    /// The model that answered.
    pub model: String,
    /// The answers, by their number; in most dialects there is one.
    pub answers: BTreeMap<u64, Answer>,
    /// What was used, as [`Usage`] counts.
    pub usage: Option<Usage>,
    /// How it ended; `None` where it just stopped.
    pub end: Option<End>,
    /// How often it ended: terminal events, errors included.
    pub ends: usize,
    /// What a client could not rely on.
    pub faults: Vec<String>,
}

/// One of the answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Its words.
    pub text: String,
    /// Its words that decline.
    pub refusal: String,
    /// Its thoughts.
    pub reasoning: String,
    /// What proves the thoughts: signatures, redacted thoughts, encrypted content.
    pub proofs: Vec<String>,
    /// The calls of tools, in their order.
    pub calls: Vec<Call>,
    /// The addresses of what it cites.
    pub urls: Vec<String>,
    /// How many tokens were told with their likelihood.
    pub logprobs: usize,
    /// Why it ended, in the dialect's word.
    pub finish: Option<String>,
}

/// A call of a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Its id.
    pub id: String,
    /// The tool.
    pub name: String,
    /// The arguments; of a custom tool the input.
    pub arguments: String,
    /// Whether the tool takes any text.
    pub custom: bool,
}

/// How an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// In order.
    Complete,
    /// In an error: its words.
    Error(String),
}

impl Heard {
    /// Reads a stream of `dialect`.
    ///
    /// # Panics
    /// When clients speak no such dialect.
    #[must_use]
    pub fn stream(dialect: Dialect, stream: &[u8]) -> Self {
        let mut heard = Self::default();
        let mut ear: Box<dyn Ear> = match dialect {
            Dialect::OpenaiChat => Box::new(chat::Ear::default()),
            Dialect::OpenaiResponses => Box::new(responses::Ear::default()),
            Dialect::AnthropicMessages => Box::new(messages::Ear::default()),
            other => panic!("no client speaks {other:?}"),
        };
        let mut decoder = Decoder::new(&Limits::default());
        let fed = decoder.feed(stream, |item| {
            if let Item::Event(event) = item {
                let data = event.data();
                if heard.end.is_some() {
                    heard.fault(|| format!("after its end: {}", String::from_utf8_lossy(&data)));
                }
                ear.event(&event.name(), &data, &mut heard);
            }
        });
        if let Err(fault) = fed {
            heard.fault(|| fault.to_string());
        }
        if decoder.unfinished().is_some() {
            heard.fault(|| "the last event lacks its blank line".to_owned());
        }
        ear.closed(&mut heard);
        heard
    }

    /// Reads a whole answer of `dialect`.
    ///
    /// # Panics
    /// When clients speak no such dialect.
    #[must_use]
    pub fn whole(dialect: Dialect, body: &[u8]) -> Self {
        let mut heard = Self::default();
        let body: Value = match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(fault) => {
                heard.fault(|| format!("no JSON: {fault}"));
                return heard;
            }
        };
        match dialect {
            Dialect::OpenaiChat => chat::whole(&body, &mut heard),
            Dialect::OpenaiResponses => responses::whole(&body, &mut heard),
            Dialect::AnthropicMessages => messages::whole(&body, &mut heard),
            other => panic!("no client speaks {other:?}"),
        }
        heard
    }

    /// The only answer, or the first.
    #[must_use]
    pub fn first(&self) -> Answer {
        self.answers.values().next().cloned().unwrap_or_default()
    }

    /// The ids of calls that a client could not answer: empty ones, and those that stand there twice. A backend that
    /// gives out none such must not be made to.
    #[must_use]
    pub fn bad_ids(&self) -> Vec<&str> {
        let mut seen = std::collections::BTreeSet::new();
        let ids = self.answers.values().flat_map(|answer| &answer.calls).map(|call| call.id.as_str());
        ids.filter(|id| id.is_empty() || !seen.insert(*id)).collect()
    }

    fn fault(&mut self, what: impl FnOnce() -> String) {
        // Enough to find the first cause by.
        if self.faults.len() < 8 {
            self.faults.push(what());
        }
    }

    fn expect(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fault(what);
        }
    }

    fn ended(&mut self, end: End) {
        self.ends += 1;
        self.end.get_or_insert(end);
    }

    fn answer(&mut self, number: u64) -> &mut Answer {
        self.answers.entry(number).or_default()
    }
}

/// Listens to a stream of one dialect.
trait Ear {
    fn event(&mut self, name: &str, data: &[u8], heard: &mut Heard);

    /// The stream is over.
    fn closed(&mut self, _heard: &mut Heard) {}
}

/// The text at `pointer`, or none.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The list at `pointer`, or an empty one.
fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The count at `pointer`; nothing where it is absent, null or negative.
fn tokens(value: &Value, pointer: &str) -> Tokens {
    Tokens(value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0))
}

/// What an error event says.
fn error_words(value: &Value) -> String {
    let error = value.get("error").filter(|error| error.is_object()).unwrap_or(value);
    format!("{}: {}", text(error, "/code"), text(error, "/message"))
}
