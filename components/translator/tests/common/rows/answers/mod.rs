//! What an answer can carry, whole or as a stream.

mod events;

pub(crate) use events::{events, folded};

use serde_json::{Value, json};
use weir_core::Dialect;
use weir_core::{Tokens, Usage};
use weir_translator::canonical::{
    Candidate, Citation, Finish, Part, Reasoning, Response, ServiceTier, Signature, Text, TokenLogprob, ToolCall,
};

/// A thing that an answer can carry.
pub(crate) struct Row {
    /// Its name on the page.
    pub(crate) name: &'static str,
    /// Puts it into an answer.
    pub(crate) put: fn(&mut Response),
    /// Reads it out of one.
    pub(crate) read: fn(&Response) -> Value,
}

/// What backends of a dialect never say, though its writer has words for it, and why.
pub(crate) const NEVER: &[(&str, Dialect, &str)] = &[(
    "proofs of thoughts, before a call",
    Dialect::OpenaiChat,
    "Weir alone puts proofs into the ids of chat's calls",
)];

const fn row(name: &'static str, put: fn(&mut Response), read: fn(&Response) -> Value) -> Row {
    Row { name, put, read }
}

/// An answer that says no more than it must.
pub(crate) fn base() -> Response {
    let usage = Usage { input: Tokens(20), output: Tokens(9), ..Usage::default() };
    Response {
        id: "answer_1".to_owned(),
        model: "their-model".to_owned(),
        candidates: vec![Candidate { parts: vec![text("Hello.")], finish: Finish::Stop }],
        usage,
        service_tier: None,
    }
}

fn text(words: &str) -> Part {
    Part::Text(words.to_owned().into())
}

fn put(response: &mut Response, part: Part) {
    response.candidates[0].parts.insert(0, part);
}

fn called(id: &str) -> Part {
    let arguments = r#"{"city":"Oslo"}"#.to_owned();
    Part::ToolCall(ToolCall { id: id.to_owned(), name: "weather".to_owned(), arguments, ..ToolCall::default() })
}

fn parts(response: &Response) -> impl Iterator<Item = &Part> {
    response.candidates.iter().take(1).flat_map(|candidate| &candidate.parts)
}

fn collect<T: Into<Value>>(response: &Response, pick: impl Fn(&Part) -> Option<T>) -> Value {
    parts(response).filter_map(pick).map(Into::into).collect::<Vec<Value>>().into()
}

fn finish(response: &Response) -> Value {
    json!(response.candidates.first().map(|candidate| format!("{:?}", candidate.finish)))
}

fn calls(response: &Response) -> Value {
    let arguments = |call: &ToolCall| serde_json::from_str(&call.arguments).unwrap_or(Value::Null);
    collect(response, |part| match part {
        Part::ToolCall(call) => Some(json!([Signature::from_id(&call.id).0, call.name, arguments(call), call.custom])),
        _ => None,
    })
}

/// The values of all proofs, in whatever they travelled.
fn proofs(response: &Response) -> Value {
    // Responses' goes with the id of its item, and may be wrapped beside it.
    let bare = |value: &str| value.rsplit_once(':').map_or(value, |(_, own)| own).to_owned();
    let own = |signature: &Signature| {
        let mut value = bare(&signature.value);
        while let Some((inner, _)) = Signature::unwrap(&value) {
            value = bare(&inner.value);
        }
        value
    };
    let of = |part: &Part| match part {
        Part::Reasoning(reasoning) => reasoning.signature.as_ref().map(own),
        Part::ToolCall(call) => Signature::from_id(&call.id).1.map(|(signature, _)| own(&signature)),
        _ => None,
    };
    collect(response, |part| of(part).filter(|proof| !proof.is_empty()))
}

/// Every row.
pub(crate) const ROWS: &[Row] = &[
    row(
        "words",
        |_| {},
        |response| {
            let words = parts(response).filter_map(|part| match part {
                Part::Text(text) => Some(text.text.as_str()),
                _ => None,
            });
            words.collect::<String>().into()
        },
    ),
    row(
        "thoughts",
        |response| put(response, Part::Reasoning(Reasoning { text: "Hm.".to_owned(), ..Reasoning::default() })),
        |response| {
            let thoughts = parts(response).filter_map(|part| match part {
                Part::Reasoning(reasoning) => Some(reasoning.words()),
                _ => None,
            });
            // Where one thought ends and the next begins is each dialect's own.
            thoughts
                .flat_map(|words| words.chars().filter(|c| !c.is_whitespace()).collect::<Vec<_>>())
                .collect::<String>()
                .into()
        },
    ),
    row(
        "proofs of thoughts, before a call",
        |response| {
            response.candidates[0].parts = vec![proven(), called("call_1")];
            response.candidates[0].finish = Finish::ToolCalls;
        },
        |response| {
            let calls = parts(response).any(|part| matches!(part, Part::ToolCall(_)));
            if calls { proofs(response) } else { Value::Null }
        },
    ),
    row("proofs of thoughts, before words", |response| put(response, proven()), proofs),
    row(
        "calls of tools, several at once",
        |response| {
            response.candidates[0].parts = vec![text("Let me see."), called("call_1"), called("call_2")];
            response.candidates[0].finish = Finish::ToolCalls;
        },
        calls,
    ),
    row(
        "calls without arguments",
        |response| {
            let call = ToolCall {
                id: "call_1".to_owned(),
                name: "f".to_owned(),
                arguments: "{}".to_owned(),
                ..ToolCall::default()
            };
            response.candidates[0].parts = vec![Part::ToolCall(call)];
            response.candidates[0].finish = Finish::ToolCalls;
        },
        calls,
    ),
    row(
        "citations of the web",
        |response| {
            let citation = Citation {
                url: Some("https://e.org".to_owned()),
                title: Some("E".to_owned()),
                cited_text: Some("Words.".to_owned()),
                range: Some((0, 6)),
            };
            let words = Text { text: "Hello.".to_owned(), citations: vec![citation], ..Text::default() };
            response.candidates[0].parts = vec![Part::Text(words)];
        },
        |response| {
            let urls = parts(response).filter_map(|part| match part {
                Part::Text(text) => Some(&text.citations),
                _ => None,
            });
            urls.flatten().map(|citation| json!([citation.url, citation.title])).collect::<Vec<_>>().into()
        },
    ),
    row(
        "logprobs",
        |response| {
            let token = TokenLogprob { token: "Hello.".to_owned(), logprob: -0.5, ..TokenLogprob::default() };
            let words = Text { text: "Hello.".to_owned(), logprobs: vec![token], ..Text::default() };
            response.candidates[0].parts = vec![Part::Text(words)];
        },
        |response| {
            let tokens = parts(response).filter_map(|part| match part {
                Part::Text(text) => Some(&text.logprobs),
                _ => None,
            });
            tokens.flatten().map(|token| json!([token.token, token.logprob])).collect::<Vec<_>>().into()
        },
    ),
    row(
        "several answers",
        |response| {
            response.candidates.push(Candidate { parts: vec![text("Hi.")], finish: Finish::Stop });
        },
        |response| json!((response.candidates.len() > 1).then_some(response.candidates.len())),
    ),
    row(
        "a refusal in the model's words",
        |response| response.candidates[0].parts = vec![Part::Refusal("No.".to_owned())],
        |response| {
            let of = |refused: bool| {
                let words = parts(response).filter_map(move |part| match part {
                    Part::Refusal(text) if refused => Some(text.as_str()),
                    Part::Text(text) if !refused => Some(text.text.as_str()),
                    _ => None,
                });
                words.collect::<String>()
            };
            json!([of(true), of(false)])
        },
    ),
    row("the end: complete", |_| {}, finish),
    row(
        "the end: a stop sequence",
        |response| {
            response.candidates[0].finish = Finish::StopSequence(Some("END".to_owned()));
        },
        finish,
    ),
    row("the end: as long as it might be", |response| response.candidates[0].finish = Finish::Length, finish),
    row("the end: the context is full", |response| response.candidates[0].finish = Finish::ContextFull, finish),
    row(
        "the end: it waits for tools",
        |response| {
            response.candidates[0].parts.push(called("call_1"));
            response.candidates[0].finish = Finish::ToolCalls;
        },
        finish,
    ),
    row("the end: cut for its content", |response| response.candidates[0].finish = Finish::ContentFilter, finish),
    row("the end: paused", |response| response.candidates[0].finish = Finish::Paused, finish),
    row("tokens of prompt and answer", |_| {}, |response| json!([response.usage.input.0, response.usage.output.0])),
    row(
        "cached tokens",
        |response| response.usage.cache_read = Tokens(5),
        |response| {
            json!(
                Some(response.usage.cache_read.0)
                    .filter(|tokens| *tokens > 0)
                    .map(|read| [read, response.usage.input.0])
            )
        },
    ),
    row(
        "tokens written to the cache",
        |response| response.usage.cache_write = Tokens(4),
        |response| {
            json!(
                Some(response.usage.cache_write.0)
                    .filter(|tokens| *tokens > 0)
                    .map(|read| [read, response.usage.input.0])
            )
        },
    ),
    row(
        "tokens of thoughts",
        |response| response.usage.reasoning = Tokens(3),
        |response| json!(Some(response.usage.reasoning.0).filter(|tokens| *tokens > 0)),
    ),
    row(
        "the service tier",
        |response| response.service_tier = Some(ServiceTier::Priority),
        |response| json!(response.service_tier.map(|tier| format!("{tier:?}"))),
    ),
];

/// Thoughts with a proof of Anthropic's, whose shape responses' backends write, too.
fn proven() -> Part {
    let signature = Some(Signature::new(Dialect::AnthropicMessages, "proof"));
    Part::Reasoning(Reasoning { text: "Hm.".to_owned(), signature, ..Reasoning::default() })
}
