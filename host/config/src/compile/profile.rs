//! How a backend differs from OpenAI: what is known of the server, and what the file says otherwise.

use weir_core::config::{self, Quirks};
use weir_core::{Dialect, Pattern};

use super::Compiler;
use super::place::Place;
use crate::file::{self, BackendType};
use crate::profiles::{self, Profile};
use crate::read::At;
use crate::report::Mistake;

/// What a backend speaks, beside its type.
pub(super) struct Speech {
    pub(super) quirks: Quirks,
    pub(super) prefer: Option<Dialect>,
    pub(super) betas: Vec<Pattern>,
}

/// Which profile a backend has: the one that is written, or the one of its host.
pub(super) fn profile_of(backend: &file::Backend, place: &Place) -> &'static Profile {
    match (backend.profile.as_ref(), *backend.r#type) {
        (Some(name), _) => profiles::by_name(name.value),
        (None, BackendType::Azure) => profiles::by_name(file::ProfileName::Azure),
        (None, _) => profiles::by_host(place.origin.host()),
    }
}

impl Compiler<'_> {
    pub(super) fn speech(&mut self, backend: &file::Backend, profile: &Profile) -> Speech {
        if speaks_openai(backend) {
            self.no_betas(backend);
            let mut quirks = profile.quirks.clone();
            if let Some(version) = backend.api_version.as_ref() {
                quirks = profiles::at_version(&quirks, version);
            }
            if let Some(written) = backend.quirks.as_ref() {
                self.override_with(&mut quirks, written);
            }
            let prefer = self.prefer(backend, profile, &quirks);
            return Speech { quirks, prefer, betas: vec![Pattern::new("*")] };
        }
        self.openai_only(backend);
        let betas = backend.betas.as_ref().map(|list| list.iter().map(|at| self.beta(at)).collect());
        Speech { quirks: Quirks::OPENAI, prefer: None, betas: betas.unwrap_or_else(|| vec![Pattern::new("*")]) }
    }

    /// The version of Azure's older API, for which a date and `-preview` stand.
    pub(super) fn api_version(&mut self, backend: &file::Backend) -> Option<String> {
        let at = backend.api_version.as_ref()?;
        let date = at.strip_suffix("-preview").unwrap_or(at);
        let is_date = date.len() == 10
            && date.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
        if !is_date {
            let message = format!("`{}` is no version of Azure's older API", at.value);
            self.tell(
                Mistake::new("wrong-value", at.span.clone(), message)
                    .label("not a version")
                    .help("write it as `2024-10-21`, or leave it out for the newer API, which has no versions"),
            );
        }
        Some(at.value.clone())
    }

    fn prefer(&mut self, backend: &file::Backend, profile: &Profile, quirks: &Quirks) -> Option<Dialect> {
        let Some(at) = backend.prefer.as_ref() else {
            return profile.prefer.filter(|_| quirks.responses);
        };
        let (word, served) = match at.value {
            file::Prefer::Chat => ("chat", quirks.chat),
            file::Prefer::Responses => ("responses", quirks.responses),
        };
        if !served {
            let message = format!("it is said to be spoken to in {word}, which it does not serve");
            let help = format!("write `quirks: {{ {word}: true }}` if it does, or delete `prefer`");
            self.tell(Mistake::new("misplaced", at.span.clone(), message).help(help));
        }
        Some(match at.value {
            file::Prefer::Chat => Dialect::OpenaiChat,
            file::Prefer::Responses => Dialect::OpenaiResponses,
        })
    }

    fn override_with(&mut self, quirks: &mut Quirks, written: &At<file::Quirks>) {
        let differs = apply(quirks, written);
        if !differs {
            let message = "these are what the profile says: nothing here changes anything";
            let help = "delete `quirks`, or what is as it was";
            self.tell(Mistake::new("no-effect", written.span.clone(), message).warning().help(help));
        }
        if !quirks.chat && !quirks.responses {
            let message = "it serves neither chat completions nor responses: nothing can be said to it";
            let help = "set `chat: true` or `responses: true`";
            self.tell(Mistake::new("misplaced", written.span.clone(), message).help(help));
        }
        if let Some(at) = written.max_temperature.as_ref()
            && !(at.value > 0.0 && at.value.is_finite())
        {
            let message = format!("{} is out of range", at.value);
            self.tell(Mistake::new("wrong-value", at.span.clone(), message).label("more than 0"));
        }
    }

    /// A value of `anthropic-beta`, or a pattern for such values.
    fn beta(&mut self, at: &At<String>) -> Pattern {
        if at.is_empty() || at.chars().any(|c| !c.is_ascii_graphic() || c == ',') {
            let message = "not the name of one feature, nor a pattern for such names";
            let help = "write it as `context-1m-2025-08-07` or `context-*`; several go in a list";
            self.tell(Mistake::new("pattern", at.span.clone(), message).label("not a pattern").help(help));
        }
        Pattern::new(at.value.clone())
    }

    fn no_betas(&mut self, backend: &file::Backend) {
        if let Some(at) = backend.betas.as_ref() {
            let message = "only backends of the types anthropic and weir are asked for Anthropic's features";
            self.tell(Mistake::new("misplaced", at.span.clone(), message).help("delete `betas`"));
        }
        if let Some(at) = backend.api_version.as_ref().filter(|_| *backend.r#type != BackendType::Azure) {
            let message = "only Azure's API has such versions";
            self.tell(Mistake::new("misplaced", at.span.clone(), message).help("write `type: azure`, or delete it"));
        }
    }

    /// Tells of keys that say something of a server that is compatible with OpenAI, where it is none.
    fn openai_only(&mut self, backend: &file::Backend) {
        let keys = [
            ("api_version", backend.api_version.as_ref().map(|at| &at.span)),
            ("profile", backend.profile.as_ref().map(|at| &at.span)),
            ("quirks", backend.quirks.as_ref().map(|at| &at.span)),
            ("prefer", backend.prefer.as_ref().map(|at| &at.span)),
        ];
        for (key, span) in keys {
            if let Some(span) = span {
                let message = format!("`{key}` says something of a server that speaks OpenAI's API, and this is none");
                self.tell(Mistake::new("misplaced", span.clone(), message).help(format!("delete `{key}`")));
            }
        }
    }
}

pub(super) fn speaks_openai(backend: &file::Backend) -> bool {
    matches!(*backend.r#type, BackendType::Openai | BackendType::Azure)
}

/// Takes over what is written; says whether that changed anything.
fn apply(quirks: &mut Quirks, written: &file::Quirks) -> bool {
    let before = quirks.clone();
    macro_rules! take {
        ($($field:ident)*) => { $(if let Some(value) = *written.$field { quirks.$field = value; })* };
        ($($field:ident by $to:path;)*) => { $(if let Some(word) = *written.$field { quirks.$field = $to(word); })* };
    }
    take!(chat responses input_tokens developer_role stream_options reasoning_effort custom_tools json_schema json_object
        parallel_tool_calls tool_choice_any top_k n logprobs penalties user metadata service_tier prompt_cache_key
        verbosity web_search strict images audio files);
    take! {
        max_tokens by max_tokens;
        reasoning by reasoning;
        seed by seed;
        call_id by call_id;
    }
    if let Some(at) = written.max_stop.as_ref() {
        quirks.max_stop = at.value;
    }
    if let Some(at) = written.max_temperature.as_ref() {
        quirks.max_temperature = at.value;
    }
    *quirks != before
}

fn max_tokens(word: file::MaxTokens) -> config::MaxTokens {
    match word {
        file::MaxTokens::MaxTokens => config::MaxTokens::MaxTokens,
        file::MaxTokens::MaxCompletionTokens => config::MaxTokens::MaxCompletionTokens,
    }
}

fn reasoning(word: file::Reasoning) -> config::ReasoningField {
    match word {
        file::Reasoning::None => config::ReasoningField::None,
        file::Reasoning::ReasoningContent => config::ReasoningField::ReasoningContent,
        file::Reasoning::Reasoning => config::ReasoningField::Reasoning,
    }
}

fn seed(word: file::Seed) -> config::SeedField {
    match word {
        file::Seed::None => config::SeedField::None,
        file::Seed::Seed => config::SeedField::Seed,
        file::Seed::RandomSeed => config::SeedField::RandomSeed,
    }
}

fn call_id(word: file::CallId) -> config::CallId {
    match word {
        file::CallId::Any => config::CallId::Any,
        file::CallId::Nine => config::CallId::Nine,
    }
}
