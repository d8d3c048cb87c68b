//! Whether a client hears what the backend said.

use serde_json::Value;
use weir_core::Dialect;
use weir_translator::canonical::Signature;
use weir_translator::fuzz::{Answer, Call, Heard};

/// What differs between what a backend said in its dialect and what a client heard in its own, where it may not.
pub(crate) fn lost(said: &Heard, from: Dialect, heard: &Heard, to: Dialect) -> Vec<String> {
    let mut lost = Vec::new();
    let mut compare = |what: &str, said: &dyn std::fmt::Debug, heard: &dyn std::fmt::Debug, same: bool| {
        if !same {
            lost.push(format!("{what}: said {said:?}, heard {heard:?}"));
        }
    };
    let (one, other) = (said.first(), heard.first());
    let (words, heard_words) = (all_words(&one), all_words(&other));
    compare("words", &words, &heard_words, words == heard_words);
    compare("thoughts", &one.reasoning, &other.reasoning, letters(&one.reasoning) == letters(&other.reasoning));
    let (calls, heard_calls) = (calls(&one), calls(&other));
    compare("calls", &calls, &heard_calls, calls == heard_calls);
    let (proofs, heard_proofs) = (proofs(&one, from), proofs(&other, to));
    // Chat has a place for proofs in a call's id alone, and for one.
    let kept = to == Dialect::OpenaiChat || proofs == heard_proofs;
    compare("proofs", &proofs, &heard_proofs, kept || from == Dialect::OpenaiChat);
    let (urls, heard_urls) = (&one.urls, &other.urls);
    compare("citations", urls, heard_urls, urls == heard_urls || to == Dialect::AnthropicMessages);
    let finish = other.finish.as_deref().unwrap_or_default();
    let expected = finishes(from, &one, to);
    compare("end", &one.finish, &other.finish, expected.contains(&finish));
    if let (Some(said), Some(heard)) = (said.usage, heard.usage) {
        // Messages' figures add up, and so cannot say that more was cached than there was.
        let more = to == Dialect::AnthropicMessages && said.cache_read + said.cache_write > said.input;
        let same = (said.input, said.output, said.reasoning) == (heard.input, heard.output, heard.reasoning);
        compare("usage", &said, &heard, said == heard || more && same);
    }
    lost
}

/// Words and refusals: a dialect without a place for refusals has them among its words.
fn all_words(answer: &Answer) -> String {
    letters(&[answer.text.as_str(), &answer.refusal].concat())
}

/// Parts of thoughts are joined with white space of each dialect's own.
fn letters(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

fn calls(answer: &Answer) -> Vec<(String, String, Value)> {
    let read = |call: &Call| {
        let id = Signature::from_id(&call.id).0.to_owned();
        let text = if call.arguments.is_empty() { "{}" } else { &call.arguments };
        let parsed = serde_json::from_str(text).ok().filter(|_| !call.custom);
        // Tools in a namespace come under both names where the dialect has none.
        let name = call.name.rsplit("::").next().unwrap_or_default().to_owned();
        (id, name, parsed.unwrap_or_else(|| Value::from(call.arguments.as_str())))
    };
    answer.calls.iter().map(read).collect()
}

/// Proofs as their makers know them, whatever they travel in.
fn proofs(answer: &Answer, dialect: Dialect) -> Vec<String> {
    let own = |proof: &String| {
        let Signature { family, value } = Signature::read(proof.clone(), dialect).0;
        // Responses' goes with the id of its item, which another dialect has no other place for. Messages cannot be
        // without one, and wrap nothing where there was none.
        match value.split_once(':') {
            Some((_, own)) if family == Dialect::OpenaiResponses => own.to_owned(),
            _ if family == Dialect::OpenaiChat => String::new(),
            _ => value,
        }
    };
    answer.proofs.iter().map(own).filter(|proof| !proof.is_empty()).collect()
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    Done,
    Stopped,
    Length,
    Full,
    Tools,
    Filtered,
    Paused,
    Other,
}

/// The dialects' words for why an answer ended, and what they mean.
const WORDS: [(Dialect, &str, Why); 15] = [
    (Dialect::OpenaiChat, "stop", Why::Done),
    (Dialect::OpenaiChat, "length", Why::Length),
    (Dialect::OpenaiChat, "tool_calls", Why::Tools),
    (Dialect::OpenaiChat, "function_call", Why::Tools),
    (Dialect::OpenaiChat, "content_filter", Why::Filtered),
    (Dialect::OpenaiResponses, "completed", Why::Done),
    (Dialect::OpenaiResponses, "max_output_tokens", Why::Length),
    (Dialect::OpenaiResponses, "content_filter", Why::Filtered),
    (Dialect::AnthropicMessages, "end_turn", Why::Done),
    (Dialect::AnthropicMessages, "stop_sequence", Why::Stopped),
    (Dialect::AnthropicMessages, "max_tokens", Why::Length),
    (Dialect::AnthropicMessages, "model_context_window_exceeded", Why::Full),
    (Dialect::AnthropicMessages, "tool_use", Why::Tools),
    (Dialect::AnthropicMessages, "refusal", Why::Filtered),
    (Dialect::AnthropicMessages, "pause_turn", Why::Paused),
];

/// The words that a client of `to` may hear for the end of an answer.
fn finishes(from: Dialect, answer: &Answer, to: Dialect) -> Vec<&'static str> {
    let word = answer.finish.as_deref().unwrap_or_default();
    let why = WORDS.iter().find(|(dialect, known, _)| *dialect == from && *known == word);
    let why = match why.map_or(Why::Other, |(_, _, why)| *why) {
        // Responses say that an answer is complete, whether it calls tools or not.
        Why::Done if !answer.calls.is_empty() && from == Dialect::OpenaiResponses => Why::Tools,
        why => why,
    };
    let declined = !answer.refusal.is_empty() || why == Why::Filtered;
    match (to, why) {
        (Dialect::AnthropicMessages, Why::Done) if declined => vec!["refusal", "end_turn"],
        // So do some servers of chat, and Anthropic where its own code called the tools.
        (Dialect::OpenaiChat, Why::Done) if !answer.calls.is_empty() => vec!["stop", "tool_calls"],
        (Dialect::AnthropicMessages, Why::Done) if !answer.calls.is_empty() => vec!["end_turn", "tool_use"],
        (Dialect::OpenaiChat, Why::Done | Why::Stopped) => vec!["stop"],
        (Dialect::OpenaiChat, Why::Length | Why::Full | Why::Paused) => vec!["length"],
        (Dialect::OpenaiChat, Why::Tools) => vec!["tool_calls"],
        (Dialect::OpenaiChat, Why::Filtered) => vec!["content_filter"],
        (Dialect::OpenaiResponses, Why::Done | Why::Stopped | Why::Tools) => vec!["completed"],
        (Dialect::OpenaiResponses, Why::Length | Why::Full | Why::Paused) => vec!["max_output_tokens"],
        (Dialect::OpenaiResponses, Why::Filtered) => vec!["content_filter", "completed"],
        (Dialect::AnthropicMessages, Why::Done) => vec!["end_turn"],
        (Dialect::AnthropicMessages, Why::Stopped) => vec!["stop_sequence", "end_turn"],
        (Dialect::AnthropicMessages, Why::Length) => vec!["max_tokens"],
        (Dialect::AnthropicMessages, Why::Full) => vec!["model_context_window_exceeded", "max_tokens"],
        (Dialect::AnthropicMessages, Why::Tools) => vec!["tool_use"],
        (Dialect::AnthropicMessages, Why::Filtered) => vec!["refusal"],
        (Dialect::AnthropicMessages, Why::Paused) => vec!["pause_turn"],
        // A word of the backend's own, or none.
        _ => vec!["stop", "length", "tool_calls", "end_turn", "tool_use", "completed", "max_output_tokens"],
    }
}
