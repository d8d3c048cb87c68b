//! `stop_reason`: why an answer ended.

use std::borrow::Cow;

use crate::canonical::Finish;

/// What a stop reason means.
pub(super) fn read(reason: &str, sequence: Option<Cow<'_, str>>) -> Finish {
    match reason {
        "end_turn" => Finish::Stop,
        "stop_sequence" => Finish::StopSequence(sequence.map(Cow::into_owned)),
        "max_tokens" => Finish::Length,
        "model_context_window_exceeded" => Finish::ContextFull,
        "tool_use" => Finish::ToolCalls,
        "refusal" => Finish::ContentFilter,
        "pause_turn" => Finish::Paused,
        other => Finish::Other(other.to_owned()),
    }
}

/// What an answer holds that its stop reason must agree with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Whether it calls tools.
    pub(super) calls: bool,
    /// Whether it declines.
    pub(super) refusal: bool,
}

/// The word for it, and the stop sequence that came. A reason that no Anthropic model has goes on as it is rather than
/// as one that it is not.
///
/// Some backends end in `stop` all the same when their answer calls tools or declines; Anthropic has words for both,
/// and agents act on them.
pub(super) fn written(finish: &Finish, held: Held) -> (&str, Option<&str>) {
    let word = match finish {
        Finish::Stop if held.refusal => "refusal",
        Finish::Stop if held.calls => "tool_use",
        Finish::Stop => "end_turn",
        Finish::StopSequence(_) => "stop_sequence",
        Finish::Length => "max_tokens",
        Finish::ContextFull => "model_context_window_exceeded",
        Finish::ToolCalls => "tool_use",
        Finish::ContentFilter => "refusal",
        Finish::Paused => "pause_turn",
        Finish::Other(reason) => reason,
    };
    let sequence = match finish {
        Finish::StopSequence(sequence) => sequence.as_deref(),
        _ => None,
    };
    (word, sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_comes_back_as_it_went() {
        for finish in [
            Finish::Stop,
            Finish::StopSequence(Some("END".to_owned())),
            Finish::StopSequence(None),
            Finish::Length,
            Finish::ContextFull,
            Finish::ToolCalls,
            Finish::ContentFilter,
            Finish::Paused,
            Finish::Other("compaction".to_owned()),
        ] {
            let (word, sequence) = written(&finish, Held::default());
            assert_eq!(read(word, sequence.map(Cow::Borrowed)), finish);
        }
    }

    #[test]
    fn a_plain_stop_agrees_with_what_the_answer_holds() {
        for (calls, refusal, word) in
            [(false, false, "end_turn"), (true, false, "tool_use"), (false, true, "refusal"), (true, true, "refusal")]
        {
            assert_eq!(written(&Finish::Stop, Held { calls, refusal }), (word, None));
            assert_eq!(written(&Finish::Length, Held { calls, refusal }).0, "max_tokens");
        }
    }
}
