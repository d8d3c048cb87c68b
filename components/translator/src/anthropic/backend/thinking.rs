//! How hard the model thinks: three generations of models, each to be asked in its own way.
//!
//! - The newest think as they see fit (`adaptive`), as hard as `output_config.effort` says.
//! - Those before them (up to 4.5) think with a budget of tokens, within `max_tokens`, and have no effort as a rule.
//! - The first do not think.
//!
//! What is not known by name is taken for one of the newest. Clients of other dialects say an effort alone; where the
//! model has budgets it becomes one.

use serde_json::{Map, Value, json};
use weir_core::Tokens;

use crate::canonical::{Effort, Field, Shown, Thinking, ThinkingMode};
use crate::unsupported::Unsupported;

/// How a model thinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinks {
    /// As it sees fit. `extra_high` says whether it knows that effort.
    Adaptively { extra_high: bool },
    /// Within a budget.
    Budgeted,
    /// It does not.
    Never,
}

/// What stands in the names of models that do not think.
const NEVER: [&str; 7] =
    ["claude-3-haiku", "claude-3-sonnet", "claude-3-opus", "claude-3-5", "claude-2", "claude-v2", "claude-instant"];

/// What stands in the names of models that think within a budget.
const BUDGETED: [&str; 9] = [
    "claude-3-7",
    "claude-sonnet-4-0",
    "claude-opus-4-0",
    "claude-sonnet-4-20250514",
    "claude-opus-4-20250514",
    "claude-opus-4-1",
    "claude-opus-4-5",
    "claude-sonnet-4-5",
    "claude-haiku-4-5",
];

/// What stands in the names of models that think as they see fit, but not that hard.
const NOT_EXTRA_HIGH: [&str; 2] = ["claude-opus-4-6", "claude-sonnet-4-6"];

impl Thinks {
    /// How the model of that name thinks. Resellers put words before and after the name, and some write its version
    /// with a dot.
    pub(super) fn named(model: &str) -> Self {
        let name = model.to_ascii_lowercase().replace(['.', '@'], "-");
        let is_one_of = |names: &[&str]| {
            names.iter().any(|known| {
                let rest = name.split_once(known).map(|(_, rest)| rest);
                // `-4-1` is not `-4-10`, but `-4-1-20250805`.
                rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
            })
        };
        if is_one_of(&NEVER) {
            Self::Never
        } else if is_one_of(&BUDGETED) {
            Self::Budgeted
        } else {
            Self::Adaptively { extra_high: !is_one_of(&NOT_EXTRA_HIGH) }
        }
    }
}

/// What else of the request matters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    /// How long the answer may be, its thoughts included.
    pub(super) max_tokens: Tokens,
    /// Whether the model must call a tool.
    pub(super) forced: bool,
    /// Whether the model is in the midst of using tools, and has sent no thoughts along with its calls.
    pub(super) thoughtless: bool,
}

/// The least budget that Anthropic takes.
const LEAST: u64 = 1_024;

/// Writes `thinking` and `output_config.effort`. Says whether the model thinks.
///
/// Thoughts within a budget are neither to be had where a tool is forced, nor in the midst of using tools without the
/// thoughts before, nor where the answer may hardly be longer than they: then the model answers without, and the client
/// is told.
pub(super) fn write(
    asked: Thinking,
    model: &str,
    around: Around,
    body: &mut Map<String, Value>,
    output: &mut Map<String, Value>,
    unsupported: &mut Unsupported,
) -> bool {
    let named = if asked.mode.is_some() { Field::ThinkingMode } else { Field::Effort };
    let off = asked.mode == Some(ThinkingMode::Off) || (asked.mode.is_none() && asked.effort == Some(Effort::None));
    let wanted =
        asked.mode.is_some() || asked.effort.is_some() || matches!(asked.shown, Some(shown) if shown != Shown::Omitted);
    if off {
        body.insert("thinking".into(), json!({"type": "disabled"}));
    }
    let thinks = Thinks::named(model);
    let written = match (asked.mode, thinks) {
        _ if off || !wanted => None,
        (_, Thinks::Never) => {
            unsupported.note(named.name(unsupported.client()));
            return false;
        }
        (Some(ThinkingMode::Budget(tokens)), _) => budget(tokens, around),
        (_, Thinks::Adaptively { .. }) => Some(json!({"type": "adaptive"})),
        // Nothing but to be shown was asked for: these do not think unless told to.
        (None, Thinks::Budgeted) if asked.effort.is_none() => None,
        (_, Thinks::Budgeted) => budget(budget_of(asked.effort.unwrap_or(Effort::High)), around),
    };
    if let (Thinks::Adaptively { extra_high }, Some(effort)) =
        (thinks, asked.effort.filter(|effort| *effort != Effort::None))
    {
        output.insert("effort".into(), word(effort, extra_high).into());
    }
    let Some(mut written) = written else {
        if wanted && !off && (asked.mode.is_some() || asked.effort.is_some()) {
            unsupported.note(named.name(unsupported.client()));
        }
        return false;
    };
    if let Some(shown) = asked.shown {
        written["display"] = if shown == Shown::Omitted { "omitted" } else { "summarized" }.into();
    }
    body.insert("thinking".into(), written);
    true
}

/// Thinking within a budget, which must leave room for the answer; `None` where it is not to be had.
fn budget(tokens: Tokens, around: Around) -> Option<Value> {
    let tokens = tokens.0.min(around.max_tokens.0.saturating_sub(1));
    let fits = tokens >= LEAST && !around.forced && !around.thoughtless;
    fits.then(|| json!({"type": "enabled", "budget_tokens": tokens}))
}

/// About what each effort comes to.
fn budget_of(effort: Effort) -> Tokens {
    Tokens(match effort {
        Effort::None | Effort::Minimal => LEAST,
        Effort::Low => 2_048,
        Effort::Medium => 8_192,
        Effort::High => 16_384,
        Effort::ExtraHigh | Effort::Max => 31_999,
    })
}

/// The next best word for an effort.
fn word(effort: Effort, extra_high: bool) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::ExtraHigh if !extra_high => "high",
        effort => effort.name(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_known_under_all_their_names() {
        let (newest, six) = (Thinks::Adaptively { extra_high: true }, Thinks::Adaptively { extra_high: false });
        for (name, thinks) in [
            ("claude-opus-5-5", newest),
            ("claude-opus-4-8", newest),
            ("claude-opus-4-10", newest),
            ("their-model", newest),
            ("claude-opus-4-6", six),
            ("anthropic/claude-sonnet-4.6", six),
            ("claude-sonnet-4-5-20250929", Thinks::Budgeted),
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", Thinks::Budgeted),
            ("claude-opus-4-1@20250805", Thinks::Budgeted),
            ("claude-sonnet-4@20250514", Thinks::Budgeted),
            ("anthropic/claude-3.7-sonnet", Thinks::Budgeted),
            ("claude-3-5-sonnet-latest", Thinks::Never),
            ("claude-3-haiku-20240307", Thinks::Never),
        ] {
            assert_eq!(Thinks::named(name), thinks, "{name}");
        }
    }
}
