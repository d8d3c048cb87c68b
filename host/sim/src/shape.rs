//! The answer's side of the wire: chunks and whole bodies of chats and completions, as OpenAI defines them and vLLM sends
//! them.

use serde_json::{Map, Value, json};

use crate::answer::{Answer, Finish, Piece};
use crate::job::Member;
use crate::tokens;

/// What every answer says it comes from.
pub(crate) const FINGERPRINT: &str = "weir-sim";

/// Which of the two wire formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Chat,
    Completion,
}

/// That log probabilities were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Logprobs {
    /// How many alternatives for each token.
    pub(crate) top: usize,
}

/// Tokens of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) prompt: usize,
    pub(crate) completion: usize,
    pub(crate) cached: usize,
    pub(crate) reasoning: usize,
}

impl Usage {
    pub(crate) fn to_json(self) -> Value {
        let mut usage = json!({
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        });
        if self.reasoning > 0 {
            usage["completion_tokens_details"] = json!({"reasoning_tokens": self.reasoning});
        }
        usage
    }
}

/// What all parts of one answer repeat.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    /// Seconds since 1970.
    pub(crate) created: u64,
    pub(crate) model: String,
    pub(crate) logprobs: Option<Logprobs>,
}

impl Shape {
    /// The chunk before a choice's first token, where there is one.
    pub(crate) fn opening(&self, choice: usize, before: &str) -> Option<Value> {
        match self.kind {
            Kind::Chat => {
                Some(self.choice_chunk(choice, json!({"role": "assistant", "content": ""}), None, Value::Null))
            }
            Kind::Completion if before.is_empty() => None,
            Kind::Completion => Some(self.choice_chunk(choice, json!(before), None, Value::Null)),
        }
    }

    /// The chunk of one token; `finish` when it is the last one.
    pub(crate) fn piece(&self, choice: usize, piece: &Piece, finish: Option<Finish>) -> Value {
        let logprobs =
            self.logprobs.map_or(Value::Null, |wanted| self.logprobs_of(std::slice::from_ref(piece), wanted));
        let content = match self.kind {
            Kind::Chat => delta(piece),
            Kind::Completion => json!(plain(piece)),
        };
        self.choice_chunk(choice, content, finish.map(|finish| (finish, None)), logprobs)
    }

    /// The chunk after a choice's last token.
    pub(crate) fn closing(&self, choice: usize, answer: &Answer) -> Value {
        let content = if self.kind == Kind::Chat { json!({"content": ""}) } else { json!("") };
        self.choice_chunk(choice, content, Some((answer.finish, answer.stopped_by.as_deref())), Value::Null)
    }

    /// The last chunk of all: no choices, only the usage.
    pub(crate) fn usage(&self, usage: Usage) -> Value {
        let mut chunk = self.chunk();
        chunk.insert("choices".into(), json!([]));
        chunk.insert("usage".into(), usage.to_json());
        Value::Object(chunk)
    }

    /// The body of an answer that is not streamed.
    pub(crate) fn whole(&self, members: &[Member], usage: Usage) -> Value {
        let object = if self.kind == Kind::Chat { "chat.completion" } else { "text_completion" };
        let choices: Vec<Value> =
            members.iter().enumerate().map(|(index, member)| self.whole_choice(index, member)).collect();
        json!({
            "id": self.id,
            "object": object,
            "created": self.created,
            "model": self.model,
            "choices": choices,
            "usage": usage.to_json(),
            "system_fingerprint": FINGERPRINT,
        })
    }

    fn whole_choice(&self, index: usize, member: &Member) -> Value {
        let answer = &member.answer;
        let logprobs = self.logprobs.map_or(Value::Null, |wanted| self.logprobs_of(&answer.pieces, wanted));
        let mut choice = json!({"index": index});
        match self.kind {
            Kind::Chat => choice["message"] = message(answer),
            Kind::Completion => {
                let text: String = answer.pieces.iter().map(plain).collect();
                choice["text"] = json!(format!("{}{text}", member.before));
            }
        }
        choice["logprobs"] = logprobs;
        choice["finish_reason"] = json!(answer.finish.as_str());
        choice["stop_reason"] = json!(answer.stopped_by);
        choice
    }

    fn choice_chunk(
        &self,
        index: usize,
        content: Value,
        finish: Option<(Finish, Option<&str>)>,
        logprobs: Value,
    ) -> Value {
        let mut choice = json!({"index": index});
        choice[if self.kind == Kind::Chat { "delta" } else { "text" }] = content;
        choice["logprobs"] = logprobs;
        choice["finish_reason"] = json!(finish.map(|(finish, _)| finish.as_str()));
        if let Some((_, stopped_by)) = finish {
            choice["stop_reason"] = json!(stopped_by);
        }
        let mut chunk = self.chunk();
        chunk.insert("choices".into(), json!([choice]));
        Value::Object(chunk)
    }

    fn chunk(&self) -> Map<String, Value> {
        let object = if self.kind == Kind::Chat { "chat.completion.chunk" } else { "text_completion" };
        let mut chunk = Map::new();
        chunk.insert("id".into(), json!(self.id));
        chunk.insert("object".into(), json!(object));
        chunk.insert("created".into(), json!(self.created));
        chunk.insert("model".into(), json!(self.model));
        chunk.insert("system_fingerprint".into(), json!(FINGERPRINT));
        chunk
    }

    fn logprobs_of(&self, pieces: &[Piece], wanted: Logprobs) -> Value {
        let texts = pieces.iter().filter(|piece| matches!(piece, Piece::Text(_))).map(plain);
        match self.kind {
            Kind::Chat => {
                let content: Vec<Value> = texts
                    .map(|text| {
                        let mut entry = logprob_entry(text, logprob(text));
                        entry["top_logprobs"] = alternatives(text, wanted.top)
                            .map(|(text, logprob)| logprob_entry(&text, logprob))
                            .collect();
                        entry
                    })
                    .collect();
                json!({"content": content})
            }
            Kind::Completion => {
                let texts: Vec<&str> = texts.collect();
                let starts = texts.iter().scan(0, |end, text| {
                    let start = *end;
                    *end += text.chars().count();
                    Some(start)
                });
                let offsets: Vec<usize> = starts.collect();
                let top: Vec<Map<String, Value>> = texts
                    .iter()
                    .map(|text| {
                        alternatives(text, wanted.top.max(1)).map(|(text, logprob)| (text, json!(logprob))).collect()
                    })
                    .collect();
                json!({
                    "tokens": texts,
                    "token_logprobs": texts.iter().map(|text| logprob(text)).collect::<Vec<_>>(),
                    "top_logprobs": top,
                    "text_offset": offsets,
                })
            }
        }
    }
}

fn delta(piece: &Piece) -> Value {
    match piece {
        Piece::Reasoning(text) => json!({"reasoning_content": text}),
        Piece::Text(text) => json!({"content": text}),
        Piece::ToolStart { index, id, name } => json!({"tool_calls": [
            {"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}]}),
        Piece::ToolArguments { index, text } => {
            json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]})
        }
    }
}

fn plain(piece: &Piece) -> &str {
    match piece {
        Piece::Reasoning(text) | Piece::Text(text) | Piece::ToolArguments { text, .. } => text,
        Piece::ToolStart { .. } => "",
    }
}

fn message(answer: &Answer) -> Value {
    let (mut text, mut reasoning, mut calls) = (String::new(), String::new(), Vec::<(String, String, String)>::new());
    for piece in &answer.pieces {
        match piece {
            Piece::Reasoning(more) => reasoning.push_str(more),
            Piece::Text(more) => text.push_str(more),
            Piece::ToolStart { id, name, .. } => calls.push((id.clone(), name.clone(), String::new())),
            Piece::ToolArguments { text, .. } => {
                if let Some((_, _, arguments)) = calls.last_mut() {
                    arguments.push_str(text);
                }
            }
        }
    }
    let mut message = json!({"role": "assistant", "content": text, "refusal": null});
    if !reasoning.is_empty() {
        message["reasoning_content"] = json!(reasoning);
    }
    if !calls.is_empty() {
        if text.is_empty() {
            message["content"] = Value::Null;
        }
        let call = |(id, name, arguments): (String, String, String)| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
        message["tool_calls"] = calls.into_iter().map(call).collect();
    }
    message
}

/// A made-up probability that is always the same for the same token.
fn logprob(token: &str) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "below a thousand")]
    let weight = (tokens::digest(&[token.as_bytes()]) % 1000) as f64;
    -weight / 500.0
}

/// The token and others that it might have been, likeliest first.
fn alternatives(token: &str, top: usize) -> impl Iterator<Item = (String, f64)> + '_ {
    let first = logprob(token);
    (0..top).map(move |rank| match rank {
        0 => (token.to_owned(), first),
        rank => {
            #[expect(clippy::cast_precision_loss, reason = "at most 20")]
            let less = rank as f64;
            (format!("{token}{}", "~".repeat(rank)), first - less)
        }
    })
}

fn logprob_entry(token: &str, logprob: f64) -> Value {
    json!({"token": token, "logprob": logprob, "bytes": token.as_bytes()})
}
