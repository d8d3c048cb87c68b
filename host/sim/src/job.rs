//! A request understood: which prompts the engine gets, and which answers come back at its pace.

use std::sync::Arc;

use crate::answer::{Answer, Finish, Task};
use crate::directive::{Directives, Fault};
use crate::engine::Sequence;
use crate::request::{Common, UsageWanted};
use crate::shape::Logprobs;
use crate::tokens::{self, Prompt};

/// The model that a request goes to, as far as planning must know it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The name that the request gave, or the first model's.
    pub(crate) name: String,
    pub(crate) adapter: Option<Arc<str>>,
    pub(crate) max_model_len: usize,
    pub(crate) block_size: usize,
    pub(crate) seed: u64,
}

impl Target {
    /// What keeps this request's cache blocks apart from others'.
    pub(crate) fn salt(&self, common: &Common) -> String {
        format!("{}\n{}", self.name, common.cache_salt.as_deref().unwrap_or_default())
    }

    /// Where the dice of an answer start.
    pub(crate) fn answer_seed(&self, prompt: &str, common: &Common) -> u64 {
        let own = common.seed.unwrap_or_default();
        tokens::digest(&[&self.seed.to_le_bytes(), &own.to_le_bytes(), self.name.as_bytes(), prompt.as_bytes()])
    }
}

/// A request understood.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) logprobs: Option<Logprobs>,
    pub(crate) stream: bool,
    pub(crate) usage: UsageWanted,
    pub(crate) directives: Directives,
    /// One for each choice, in order.
    pub(crate) members: Vec<Member>,
    /// Tokens of all prompts; several choices for one prompt count it once.
    pub(crate) prompt_tokens: usize,
}

/// One choice of the answer.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) prompt: Prompt,
    pub(crate) answer: Answer,
    /// The prompt, where the answer repeats it.
    pub(crate) before: String,
}

impl Job {
    /// A job out of prompts, each with its task and what is to be repeated before its answers.
    pub(crate) fn new(common: &Common, logprobs: Option<Logprobs>, parts: Vec<(Prompt, Task, String)>) -> Self {
        let choices = common.choices();
        let prompt_tokens = parts.iter().map(|(prompt, _, _)| prompt.tokens).sum();
        let directives = parts.last().map(|(_, task, _)| task.directives.clone()).unwrap_or_default();
        let mut members = Vec::new();
        for (prompt, task, before) in parts {
            for choice in 0..choices {
                members.push(Member {
                    prompt: prompt.clone(),
                    answer: Answer::make(&task, choice),
                    before: before.clone(),
                });
            }
        }
        let (stream, usage) = (common.stream(), common.usage_wanted());
        Self { logprobs, stream, usage, directives, members, prompt_tokens }
    }

    /// What the engine is asked for, and how each sequence will end.
    pub(crate) fn sequences(&self, adapter: Option<&Arc<str>>) -> Vec<(Sequence, Finish)> {
        let sequence = |member: &Member| Sequence {
            prompt: member.prompt.clone(),
            output_tokens: member.answer.pieces.len(),
            ttft: self.directives.ttft,
            tpot: self.directives.tpot,
            adapter: adapter.cloned(),
        };
        self.members.iter().map(|member| (sequence(member), member.answer.finish)).collect()
    }

    /// Tokens of all answers, should they come to their end.
    pub(crate) fn output_tokens(&self) -> usize {
        self.members.iter().map(|member| member.answer.pieces.len()).sum()
    }

    /// What goes wrong: what the message asked for, or else what chance has decided.
    pub(crate) fn fault(&self, chance: Option<Chance>) -> Option<Fault> {
        self.directives.fault.or(chance.map(|chance| match chance {
            Chance::Fail => Fault::Fail(http::StatusCode::INTERNAL_SERVER_ERROR),
            Chance::Cut => Fault::CutAfter(self.output_tokens() / 2),
            Chance::Hang => Fault::HangAfter(0),
        }))
    }
}

/// What `--fail-rate`, `--cut-rate` and `--hang-rate` may do to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chance {
    Fail,
    Cut,
    Hang,
}
