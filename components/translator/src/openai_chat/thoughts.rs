//! Thoughts, where backends show them: under `reasoning_content`, under `reasoning`, or, with what proves them, under
//! `reasoning_details` (<https://openrouter.ai/docs/use-cases/reasoning-tokens>).

use serde_json::{Map, Value};
use weir_core::Dialect;

use crate::canonical::{Reasoning, Signature};

/// The member of an entry of `reasoning_details` that holds its words.
const WORDS: [&str; 2] = ["text", "summary"];

/// Reads an entry of `reasoning_details`. What proves it is the entry itself without its words; one that proves nothing
/// has none.
pub(super) fn detail(mut entry: Map<String, Value>) -> Reasoning {
    let mut text = String::new();
    for member in WORDS {
        if let Some(Value::String(words)) = entry.remove(member) {
            text.push_str(&words);
        }
    }
    let says = |member: &str| entry.get(member).and_then(Value::as_str).is_some_and(|value| !value.is_empty());
    let redacted = says("data");
    let proof = (redacted || says("signature")).then(|| Value::Object(entry).to_string());
    let signature = proof.map(|value| Signature::new(Dialect::OpenaiChat, value));
    Reasoning { text, signature, redacted, ..Reasoning::default() }
}

/// The entry that [`detail`] read; `None` for a proof of other backends.
pub(super) fn detail_of(reasoning: &Reasoning) -> Option<Value> {
    let signature = reasoning.signature.as_ref().filter(|signature| signature.family == Dialect::OpenaiChat)?;
    let mut entry: Map<String, Value> = serde_json::from_str(&signature.value).ok()?;
    let summary = entry.get("type").is_some_and(|kind| kind == "reasoning.summary");
    if !reasoning.text.is_empty() {
        entry.insert(WORDS[usize::from(summary)].to_owned(), reasoning.text.as_str().into());
    }
    Some(Value::Object(entry))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_entry_comes_back_as_it_was() {
        for entry in [
            json!({"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0, "signature": "abc", "text": "Hm."}),
            json!({"type": "reasoning.encrypted", "format": "openai-responses-v1", "data": "xyz", "id": "rs_1", "index": 1}),
        ] {
            let read = detail(entry.as_object().unwrap().clone());
            assert_eq!(detail_of(&read), Some(entry));
        }
        let shown = detail(json!({"type": "reasoning.summary", "summary": "Hm."}).as_object().unwrap().clone());
        assert_eq!((shown.text.as_str(), shown.signature), ("Hm.", None));
        let other = Signature::new(Dialect::AnthropicMessages, "{}");
        assert_eq!(detail_of(&Reasoning { signature: Some(other), ..Reasoning::default() }), None);
    }
}
