//! A request that stays in its dialect: no more is changed than must be.

use indexmap::IndexMap;
use serde_json::value::{RawValue, to_raw_value};
use weir_core::Dialect;
use weir_core::json::Object;

use crate::canonical::Signature;

/// What every wrapped signature begins with, wherever it stands.
const WRAPPED: &str = "weir1.";

/// Takes out of a request to Anthropic what another family's backends vouch for, or nobody: thoughts and citations with
/// proofs that are not its own, for which it would refuse the conversation. Everything else stays as it was written.
/// Gives the paths of what was taken out.
pub fn edit(body: &mut Object) -> Vec<String> {
    let Some(raw) = body.raw("messages").filter(|raw| is_wrapping(raw)) else {
        return Vec::new();
    };
    let Some(messages) = list(raw) else {
        return Vec::new();
    };
    let mut dropped = Vec::new();
    let mut kept: Vec<Box<RawValue>> = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        match message_edited(message, &format!("messages[{index}]"), &mut dropped) {
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

fn is_wrapping(raw: &RawValue) -> bool {
    raw.get().contains(WRAPPED)
}

fn list(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

fn members(raw: &RawValue) -> Option<IndexMap<String, Box<RawValue>>> {
    serde_json::from_str(raw.get()).ok()
}

/// What became of a message or a block.
enum Edited {
    Same,
    Changed(Box<RawValue>),
    /// Nothing is left of it.
    Empty,
}

impl Edited {
    /// An object of which one member has become this list.
    fn with(mut members: IndexMap<String, Box<RawValue>>, key: &str, kept: &[Box<RawValue>]) -> Self {
        let kept = to_raw_value(kept).expect("what was read is written again");
        members.insert(key.to_owned(), kept);
        Self::Changed(to_raw_value(&members).expect("what was read is written again"))
    }
}

fn message_edited(message: &RawValue, at: &str, dropped: &mut Vec<String>) -> Edited {
    let Some(members) = Some(message).filter(|raw| is_wrapping(raw)).and_then(members) else {
        return Edited::Same;
    };
    let Some(blocks) = members.get("content").and_then(|raw| list(raw)) else {
        return Edited::Same;
    };
    let before = dropped.len();
    let mut kept = Vec::with_capacity(blocks.len());
    for (place, block) in blocks.into_iter().enumerate() {
        match block_edited(block, &format!("{at}.content[{place}]"), dropped) {
            Edited::Same => kept.push(block.to_owned()),
            Edited::Changed(block) => kept.push(block),
            Edited::Empty => {}
        }
    }
    match kept.as_slice() {
        _ if dropped.len() == before => Edited::Same,
        [] => Edited::Empty,
        kept => Edited::with(members, "content", kept),
    }
}

fn block_edited(block: &RawValue, at: &str, dropped: &mut Vec<String>) -> Edited {
    let Some(members) = Some(block).filter(|raw| is_wrapping(raw)).and_then(members) else {
        return Edited::Same;
    };
    let text = |key: &str| members.get(key).and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    let proof = match text("type").as_deref() {
        Some("thinking") => text("signature"),
        Some("redacted_thinking") => text("data"),
        Some("text") => return citations_edited(members, at, dropped),
        _ => None,
    };
    if proof.is_some_and(|proof| is_anothers(&proof)) {
        dropped.push(at.to_owned());
        return Edited::Empty;
    }
    Edited::Same
}

fn citations_edited(members: IndexMap<String, Box<RawValue>>, at: &str, dropped: &mut Vec<String>) -> Edited {
    #[derive(serde::Deserialize)]
    struct Citation {
        encrypted_index: String,
    }
    let Some(citations) = members.get("citations").and_then(|raw| list(raw)) else {
        return Edited::Same;
    };
    let is_anothers = |raw: &RawValue| {
        serde_json::from_str::<Citation>(raw.get()).is_ok_and(|citation| is_anothers(&citation.encrypted_index))
    };
    let all = citations.len();
    let kept: Vec<Box<RawValue>> =
        citations.into_iter().filter(|raw| !is_anothers(raw)).map(ToOwned::to_owned).collect();
    if kept.len() == all {
        return Edited::Same;
    }
    dropped.push(format!("{at}.citations"));
    Edited::with(members, "citations", &kept)
}

/// Whether a proof is a wrapped one of another family's.
fn is_anothers(proof: &str) -> bool {
    Signature::unwrap(proof).is_some_and(|(signature, _)| signature.family != Dialect::AnthropicMessages)
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
    fn citations_that_nobody_vouches_for_are_taken_out_alone() {
        let cited = |proof: &str| json!({"type": "web_search_result_location", "url": "u", "encrypted_index": proof});
        let body = |citations: Value| {
            let block = json!({"type": "text", "text": "a", "citations": citations});
            json!({"messages": [{"role": "assistant", "content": [block]}]}).to_string()
        };
        let (out, dropped) = edited(&body(json!([cited("Eo8B"), cited("weir1.openai-chat.cw")])));
        assert_eq!((out, dropped), (body(json!([cited("Eo8B")])), vec!["messages[0].content[0].citations".to_owned()]));
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
