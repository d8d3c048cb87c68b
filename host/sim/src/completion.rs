//! `/v1/completions`, the request's side: read, check, and turn into a [`Job`].

use serde::Deserialize;

use crate::answer::{Subject, Task};
use crate::directive::Directives;
use crate::error::ApiError;
use crate::job::{Job, Target};
use crate::request::{Common, parse};
use crate::shape::Logprobs;
use crate::tokens::Prompt;

/// What OpenAI and vLLM take where a completion does not say how long it may be.
const USUAL_LIMIT: usize = 16;

#[derive(Debug, Deserialize)]
struct CompletionRequest {
    prompt: PromptInput,
    echo: Option<bool>,
    logprobs: Option<usize>,
}

/// What may be given as text: one or several, as characters or as token ids.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum PromptInput {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<u32>),
    TokenLists(Vec<Vec<u32>>),
}

impl PromptInput {
    /// As texts. Token ids have no characters here: each becomes a word of [`CHARS_PER_TOKEN`](crate::tokens) of them,
    /// so that it counts as one.
    pub(crate) fn into_texts(self) -> Vec<String> {
        let word = |ids: Vec<u32>| ids.into_iter().map(|id| format!("{:04}", id % 10_000)).collect::<String>();
        match self {
            Self::Text(text) => vec![text],
            Self::Texts(texts) => texts,
            Self::Tokens(ids) => vec![word(ids)],
            Self::TokenLists(lists) => lists.into_iter().map(word).collect(),
        }
    }
}

/// What a completion request comes to.
///
/// # Errors
/// 400 with the field that is wrong.
pub(crate) fn plan(body: &[u8], common: &Common, target: &Target) -> Result<Job, ApiError> {
    let request: CompletionRequest = parse(body)?;
    let texts = request.prompt.into_texts();
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        return Err(ApiError::field("prompt", "prompt must not be empty"));
    }
    if request.logprobs.is_some_and(|top| top > 20) {
        return Err(ApiError::field("logprobs", "logprobs may be 20 at most"));
    }
    let mut parts = Vec::new();
    for text in texts {
        let (directives, message) = Directives::extract(&text)?;
        let prompt = Prompt::new(&text, &target.salt(common), target.block_size);
        let length = directives.tokens.or(common.min_tokens).map_or(USUAL_LIMIT, |wanted| wanted.max(USUAL_LIMIT));
        let limit = common.limit(prompt.tokens, target.max_model_len, Some(length))?;
        let task = Task {
            subject: if directives.echo { Subject::Echo(message) } else { Subject::Prose },
            directives,
            limit,
            min_tokens: common.min_tokens.unwrap_or(0),
            ignore_end: common.ignore_eos.unwrap_or(false),
            stop: common.stops(),
            seed: target.answer_seed(&text, common),
        };
        let before = if request.echo.unwrap_or(false) { text } else { String::new() };
        parts.push((prompt, task, before));
    }
    let logprobs = request.logprobs.map(|top| Logprobs { top });
    Ok(Job::new(common, logprobs, parts))
}
