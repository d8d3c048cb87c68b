//! A request that stays in its dialect: no more is changed than must be.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use weir_core::json::Object;

use crate::canonical::Signature;

/// What every wrapped proof begins with, wherever it stands.
const WRAPPED: &str = "weir1.";

/// Takes the thoughts out of a request that another family's backends vouch for: OpenAI refuses a conversation with
/// proofs that it did not make. Everything else stays as it was written. Gives the paths of what was taken out.
pub fn edit(body: &mut Object) -> Vec<String> {
    let Some(raw) = body.raw("input").filter(|raw| raw.get().contains(WRAPPED)) else {
        return Vec::new();
    };
    let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
        return Vec::new();
    };
    let mut dropped = Vec::new();
    let mut kept: Vec<Box<RawValue>> = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        if is_foreign(item) {
            dropped.push(format!("input[{index}]"));
        } else {
            kept.push(item.to_owned());
        }
    }
    if !dropped.is_empty() {
        body.set("input", &kept);
    }
    dropped
}

/// Whether an item holds a proof that was wrapped, which is done with those of other families alone.
fn is_foreign(item: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Proven<'a> {
        #[serde(borrow, default)]
        encrypted_content: Option<Cow<'a, str>>,
    }
    let proof = Some(item)
        .filter(|item| item.get().contains(WRAPPED))
        .and_then(|item| serde_json::from_str::<Proven<'_>>(item.get()).ok())
        .and_then(|item| item.encrypted_content);
    proof.is_some_and(|proof| Signature::unwrap(&proof).is_some())
}

#[cfg(test)]
mod tests {
    use weir_core::Dialect;

    use super::*;

    fn edited(body: &str) -> (String, Vec<String>) {
        let mut object = Object::parse(body.as_bytes(), 64).unwrap();
        let dropped = edit(&mut object);
        (String::from_utf8(object.to_bytes()).unwrap(), dropped)
    }

    #[test]
    fn thoughts_of_other_families_are_taken_out_and_nothing_else_is_touched() {
        let wrapped = Signature::new(Dialect::AnthropicMessages, "s").wrap(false);
        let own = r#"{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"}"#;
        let foreign = format!(r#"{{"type":"reasoning", "summary":[],"encrypted_content":"{wrapped}"}}"#);
        let body = format!(
            r#"{{"input":[{own}, {foreign},{{"role":"user","content":"weir1.x \u0041","n":1.0}},{{"encrypted_content":"weir1.x"}}],"x":1e0}}"#
        );
        let left = format!(
            r#"{{"input":[{own},{{"role":"user","content":"weir1.x \u0041","n":1.0}},{{"encrypted_content":"weir1.x"}}],"x":1e0}}"#
        );
        assert_eq!(edited(&body), (left, vec!["input[1]".to_owned()]));
    }

    #[test]
    fn a_request_without_any_stays_byte_for_byte() {
        for body in [
            r#"{"input":"weir1.anthropic-messages.c3M","x":1.0}"#,
            r#"{"input":[{"role":"user", "content":"weir1.x"}]}"#,
            r#"{"model":"m"}"#,
        ] {
            assert_eq!(edited(body), (body.to_owned(), vec![]));
        }
    }
}
