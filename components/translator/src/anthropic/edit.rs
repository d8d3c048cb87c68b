//! A request that stays in its dialect: no more is changed than must be.

use indexmap::IndexMap;
use serde_json::value::{RawValue, to_raw_value};
use weir_core::Dialect;
use weir_core::json::Object;

use crate::canonical::Signature;

/// What every wrapped signature begins with, wherever it stands.
const WRAPPED: &str = "weir1.";

/// Takes the thoughts out of a request to Anthropic that another family's backends vouch for, or nobody: Anthropic
/// refuses a conversation with proofs that are not its own. Everything else stays as it was written. Gives the paths of
/// what was taken out.
pub fn edit(body: &mut Object) -> Vec<String> {
    let Some(raw) = body.raw("messages").filter(|raw| raw.get().contains(WRAPPED)) else {
        return Vec::new();
    };
    let Ok(messages) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
        return Vec::new();
    };
    let mut dropped = Vec::new();
    let mut kept: Vec<Box<RawValue>> = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        match edited(message, index, &mut dropped) {
            Edited::Same => kept.push(message.to_owned()),
            Edited::Changed(message) => kept.push(message),
            Edited::Empty => {}
        }
    }
    if !dropped.is_empty() {
        body.set("messages", &kept);
    }
    dropped
}

/// What became of a message.
enum Edited {
    Same,
    Changed(Box<RawValue>),
    /// Nothing is left of it.
    Empty,
}

fn edited(message: &RawValue, index: usize, dropped: &mut Vec<String>) -> Edited {
    let wrapped = |raw: &RawValue| raw.get().contains(WRAPPED);
    let Some(mut members) = Some(message)
        .filter(|raw| wrapped(raw))
        .and_then(|raw| serde_json::from_str::<IndexMap<String, &RawValue>>(raw.get()).ok())
    else {
        return Edited::Same;
    };
    let blocks = members.get("content").and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok());
    let Some(blocks) = blocks else {
        return Edited::Same;
    };
    let before = dropped.len();
    let mut kept = Vec::with_capacity(blocks.len());
    for (place, block) in blocks.iter().enumerate() {
        if wrapped(block) && is_anothers_thought(block) {
            dropped.push(format!("messages[{index}].content[{place}]"));
        } else {
            kept.push(*block);
        }
    }
    if dropped.len() == before {
        return Edited::Same;
    }
    if kept.is_empty() {
        return Edited::Empty;
    }
    let content = to_raw_value(&kept).expect("blocks that were read are written again");
    members.insert("content".to_owned(), &content);
    Edited::Changed(to_raw_value(&members).expect("a message that was read is written again"))
}

fn is_anothers_thought(block: &RawValue) -> bool {
    #[derive(serde::Deserialize)]
    struct Thought {
        r#type: String,
        #[serde(default)]
        signature: Option<String>,
        #[serde(default)]
        data: Option<String>,
    }
    let Ok(thought) = serde_json::from_str::<Thought>(block.get()) else {
        return false;
    };
    let proof = match thought.r#type.as_str() {
        "thinking" => thought.signature,
        "redacted_thinking" => thought.data,
        _ => None,
    };
    let signature = proof.and_then(|proof| Signature::unwrap(&proof));
    signature.is_some_and(|(signature, _)| signature.family != Dialect::AnthropicMessages)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn edited(body: &str) -> (String, Vec<String>) {
        let mut object = Object::parse(body.as_bytes(), 64).unwrap();
        let dropped = edit(&mut object);
        (String::from_utf8(object.to_bytes()).unwrap(), dropped)
    }

    #[test]
    fn what_others_vouch_for_is_taken_out_and_the_rest_stays_as_it_was_written() {
        let theirs = Signature::new(Dialect::OpenaiResponses, "rs_1:abc").wrap(false);
        let redacted = Signature::new(Dialect::Gemini, "x").wrap(true);
        let body = format!(
            r#"{{"model":"m","messages":[{{"role":"user","content":"weir1. is a prefix"}},{{"x":1.0, "role":"assistant","content":[{{"type":"thinking","thinking":"a","signature":"{theirs}"}},{{ "type":"text","text":"\u0062"}},{{"type":"redacted_thinking","data":"{redacted}"}}]}},{{"role":"assistant","content":[{{"type":"thinking","thinking":"","signature":"{theirs}"}}]}}]}}"#
        );
        let (out, dropped) = edited(&body);
        assert_eq!(
            out,
            r#"{"model":"m","messages":[{"role":"user","content":"weir1. is a prefix"},{"x":1.0,"role":"assistant","content":[{ "type":"text","text":"\u0062"}]}]}"#
        );
        assert_eq!(dropped, ["messages[1].content[0]", "messages[1].content[2]", "messages[2].content[0]"]);
    }

    #[test]
    fn anthropics_own_and_words_that_only_look_like_one_stay() {
        let own = Signature::new(Dialect::AnthropicMessages, "abc").wrap(false);
        for block in [
            json!({"type": "thinking", "thinking": "a", "signature": "EqQBCgIYAhIM"}),
            json!({"type": "thinking", "thinking": "weir1.openai-chat.cw", "signature": own}),
            json!({"type": "text", "text": "weir1.openai-chat.cw"}),
            json!({"type": "thinking", "thinking": "a", "signature": "weir1.nobody.cw"}),
        ] {
            let body: Value = json!({"messages":  [{"role": "assistant", "content": [block]}]});
            let (out, dropped) = edited(&body.to_string());
            assert_eq!((out, dropped.len()), (body.to_string(), 0));
        }
    }
}
