//! How hard the model shall think, in the one word that chat completions have for it.

use serde_json::{Map, Value};
use weir_core::config::Quirks;
use weir_core::{GatewayError, Tokens};

use crate::canonical::{Effort, Field, Shown, Thinking, ThinkingMode};
use crate::unsupported::Unsupported;

/// Writes `reasoning_effort`.
pub(super) fn thinking(
    asked: Thinking,
    quirks: &Quirks,
    body: &mut Map<String, Value>,
    unsupported: &mut Unsupported,
) -> Result<(), GatewayError> {
    // `Auto` is what every backend does; of the others the client learns that nobody heeds them.
    if let Some(Shown::Omitted | Shown::Concise | Shown::Detailed) = asked.shown {
        unsupported.note(Field::ThinkingShown.name(unsupported.client()));
    }
    let effort = match (asked.mode, asked.effort) {
        (Some(ThinkingMode::Off), _) => Effort::None,
        (_, Some(effort)) => effort,
        (Some(ThinkingMode::Budget(tokens)), None) => effort_of(tokens),
        // As the model sees fit, which is what it does without a word.
        (Some(ThinkingMode::Adaptive) | None, None) => return Ok(()),
    };
    if quirks.reasoning_effort {
        body.insert("reasoning_effort".into(), effort.name().into());
        return Ok(());
    }
    let field = if asked.effort.is_some() { Field::Effort } else { Field::ThinkingMode };
    unsupported.member(field, "the backend does not let it be chosen")
}

/// The effort that comes closest to a budget of so many tokens: about what OpenAI's models spend at each.
fn effort_of(budget: Tokens) -> Effort {
    match budget.0 {
        0 => Effort::None,
        1..4_096 => Effort::Low,
        4_096..16_384 => Effort::Medium,
        _ => Effort::High,
    }
}
