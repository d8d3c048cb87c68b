//! What stands in answers, whole and in pieces. Unknown members and nulls in every place are met in the wild, so
//! that members which servers fill in different ways are read twice: raw first, and then as what they turn out to be.
//! So are those that every chunk repeats and nobody asks for again.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use weir_core::{Dialect, ErrorKind, GatewayError};

use crate::canonical::{Citation, Foreign, Reasoning, TokenLogprob};
use crate::openai_chat::thoughts;

/// A chunk, or a whole answer.
#[derive(Deserialize)]
pub(super) struct Answer<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow, default)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    service_tier: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
    /// Where Groq states the usage of a stream.
    #[serde(borrow, default)]
    pub(super) x_groq: Option<Groq<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Groq<'a> {
    #[serde(borrow, default)]
    pub(super) usage: Option<&'a RawValue>,
}

impl<'a> Answer<'a> {
    /// Reads one.
    pub(super) fn read(data: &'a [u8]) -> Result<Self, GatewayError> {
        serde_json::from_slice(data).map_err(|fault| {
            let message = format!("the backend said something that its dialect does not have ({fault})");
            GatewayError::new(ErrorKind::UpstreamProtocol, message)
        })
    }

    /// The answer's id, or nothing.
    pub(super) fn id(&self) -> String {
        self.id.and_then(words).unwrap_or_default()
    }

    /// The model that answers, or nothing.
    pub(super) fn model(&self) -> String {
        self.model.and_then(words).unwrap_or_default()
    }

    /// How it was served, where that is said.
    pub(super) fn service_tier(&self) -> Option<String> {
        self.service_tier.and_then(words)
    }

    /// The usage, wherever it stands.
    pub(super) fn usage(&self) -> impl Iterator<Item = &'a RawValue> {
        [self.usage, self.x_groq.as_ref().and_then(|groq| groq.usage)].into_iter().flatten()
    }
}

#[derive(Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(default)]
    pub(super) index: Option<u32>,
    /// In a whole answer.
    #[serde(borrow, default)]
    pub(super) message: Option<Said<'a>>,
    /// In a chunk.
    #[serde(borrow, default)]
    pub(super) delta: Option<Said<'a>>,
    #[serde(borrow, default)]
    finish_reason: Option<&'a RawValue>,
    #[serde(borrow, default)]
    logprobs: Option<&'a RawValue>,
    /// Which stop sequence came, at vLLM.
    #[serde(borrow, default)]
    stop_reason: Option<&'a RawValue>,
    /// The same at SGLang.
    #[serde(borrow, default)]
    matched_stop: Option<&'a RawValue>,
}

impl Choice<'_> {
    /// Why it ended, where that is said.
    pub(super) fn finish_reason(&self) -> Option<String> {
        self.finish_reason.and_then(words)
    }

    /// How likely its tokens were.
    pub(super) fn logprobs(&self) -> Vec<TokenLogprob> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Logprobs {
            content: Option<Vec<TokenLogprob>>,
        }
        self.logprobs.and_then(read_if::<Logprobs>).and_then(|logprobs| logprobs.content).unwrap_or_default()
    }

    /// The stop sequence that ended it, where that is said. Numbers there are tokens.
    pub(super) fn stop_sequence(&self) -> Option<String> {
        [self.stop_reason, self.matched_stop].into_iter().flatten().find_map(words)
    }
}

/// A message, or a piece of one.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Said<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_details: Option<&'a RawValue>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
    #[serde(borrow)]
    audio: Option<&'a RawValue>,
    #[serde(borrow)]
    images: Option<&'a RawValue>,
    /// What Groq's own tools did.
    #[serde(borrow)]
    executed_tools: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Vec<Call<'a>>>,
    #[serde(borrow)]
    pub(super) function_call: Option<Named<'a>>,
}

/// One thing that is said, calls apart.
pub(super) enum Piece {
    Thoughts(Reasoning),
    Words(String),
    Refusal(String),
    Citation(Citation),
    Foreign(Foreign),
}

impl Said<'_> {
    /// Takes what is said one by one, thoughts first.
    pub(super) fn each(&self, mut take: impl FnMut(Piece)) {
        self.thoughts(&mut take);
        match self.content.map(|raw| (raw, raw.get().as_bytes().first())) {
            Some((raw, Some(b'"'))) => {
                if let Some(text) = words(raw) {
                    take(Piece::Words(text));
                }
            }
            Some((raw, Some(b'['))) => {
                read_if::<Vec<Value>>(raw).unwrap_or_default().into_iter().for_each(|value| part(value, &mut take));
            }
            _ => {}
        }
        if let Some(text) = self.refusal.and_then(words) {
            take(Piece::Refusal(text));
        }
        for value in self.annotations.and_then(read_if::<Vec<Value>>).unwrap_or_default() {
            take(annotation(value));
        }
        let audio = self.audio.and_then(read_if::<Value>).filter(says_something);
        let list = |raw: Option<&RawValue>| {
            raw.and_then(read_if::<Value>).filter(|value| value.as_array().is_some_and(|list| !list.is_empty()))
        };
        let others = [("audio", audio), ("images", list(self.images)), ("executed_tools", list(self.executed_tools))];
        for (kind, value) in others {
            if let Some(value) = value {
                take(Piece::Foreign(foreign(kind, value)));
            }
        }
    }

    /// Several servers say the same thoughts in two or three places.
    fn thoughts(&self, take: &mut impl FnMut(Piece)) {
        let plain = [self.reasoning, self.reasoning_content].into_iter().flatten().find_map(words);
        let said = plain.is_some();
        if let Some(text) = plain {
            take(Piece::Thoughts(Reasoning { text, ..Reasoning::default() }));
        }
        let Some(details) = self.reasoning_details.and_then(read_if::<Vec<Map<String, Value>>>) else {
            return;
        };
        for entry in details {
            let mut reasoning = thoughts::detail(entry);
            if said {
                reasoning.text.clear();
            }
            if reasoning.signature.is_some() || !reasoning.text.is_empty() {
                take(Piece::Thoughts(reasoning));
            }
        }
    }
}

/// A part of a content that is a list, as Mistral's reasoning models answer.
fn part(mut value: Value, take: &mut impl FnMut(Piece)) {
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut text = |key: &str| match value.get_mut(key).map(Value::take) {
        Some(Value::String(text)) => text,
        Some(Value::Array(list)) => {
            let texts = list.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            texts.collect()
        }
        _ => String::new(),
    };
    let piece = match kind.as_str() {
        "text" => Piece::Words(text("text")),
        "refusal" => Piece::Refusal(text("refusal")),
        "thinking" => Piece::Thoughts(Reasoning { text: text("thinking"), ..Reasoning::default() }),
        _ => Piece::Foreign(foreign(&kind, value)),
    };
    take(piece);
}

fn annotation(value: Value) -> Piece {
    #[derive(Deserialize)]
    struct UrlCitation {
        #[serde(default)]
        url: Option<String>,
        #[serde(default)]
        title: Option<String>,
        #[serde(default)]
        content: Option<String>,
        #[serde(default)]
        start_index: Option<u64>,
        #[serde(default)]
        end_index: Option<u64>,
    }
    let citation = value.get("url_citation").and_then(|inner| UrlCitation::deserialize(inner).ok());
    match citation {
        Some(UrlCitation { url, title, content, start_index, end_index }) => Piece::Citation(Citation {
            url,
            title: title.filter(|title| !title.is_empty()),
            cited_text: content,
            // OpenRouter says 0 to 0 where it does not know.
            range: start_index.zip(end_index).filter(|(from, to)| from < to),
        }),
        None => Piece::Foreign(foreign("annotation", value)),
    }
}

fn foreign(kind: &str, value: Value) -> Foreign {
    Foreign { family: Dialect::OpenaiChat, kind: kind.to_owned(), value, at: String::new() }
}

/// Snowflake fills every member of a message in, with nothing.
fn says_something(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|members| members.values().any(|member| member.as_str().is_some_and(|text| !text.is_empty())))
}

/// A call of a tool, or a piece of one.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Call<'a> {
    pub(super) index: Option<u32>,
    pub(super) id: Option<String>,
    #[serde(borrow)]
    pub(super) function: Option<Named<'a>>,
    #[serde(borrow)]
    pub(super) custom: Option<Named<'a>>,
}

/// A tool by its name, and what it is given.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Named<'a> {
    pub(super) name: Option<String>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    /// What a custom tool is given.
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

impl Named<'_> {
    /// Whether it names a tool.
    pub(super) fn is_named(&self) -> bool {
        self.name.as_ref().is_some_and(|name| !name.is_empty())
    }

    /// Whether it says anything.
    pub(super) fn says_something(&self) -> bool {
        self.is_named() || !self.arguments().is_empty()
    }

    /// The arguments. Some servers write the object itself instead of its text.
    pub(super) fn arguments(&self) -> String {
        match self.arguments.or(self.input) {
            Some(raw) if raw.get().starts_with('"') => words(raw).unwrap_or_default(),
            Some(raw) if raw.get().starts_with('{') => raw.get().to_owned(),
            _ => String::new(),
        }
    }
}

/// A string that is not empty; `None` for whatever else stands there.
fn words(raw: &RawValue) -> Option<String> {
    if !raw.get().starts_with('"') {
        return None;
    }
    read_if::<String>(raw).filter(|text| !text.is_empty())
}

/// A value of this shape; `None` for one of another.
fn read_if<T: DeserializeOwned>(raw: &RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}
