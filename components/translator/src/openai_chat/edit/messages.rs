//! The messages of a conversation, as a server takes them. One in which nothing is to be changed stays as it was
//! written.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use weir_core::GatewayError;
use weir_core::config::{CallId, Quirks, ReasoningField};
use weir_core::json::Object;

use crate::openai_chat::backend::call_id;
use crate::openai_chat::proof;
use crate::unsupported::Unsupported;

type Members<'a> = IndexMap<String, Cow<'a, RawValue>>;

pub(super) fn fit(body: &mut Object, quirks: &Quirks, unsupported: &mut Unsupported) -> Result<(), GatewayError> {
    let fitter = Fitter { quirks };
    let Some(raw) = body.raw("messages").filter(|raw| fitter.concerns(raw.get())) else {
        return Ok(());
    };
    // What is no list of messages is for the server to refuse.
    let Ok(messages) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
        return Ok(());
    };
    let mut changed = false;
    let mut kept: Vec<Cow<'_, RawValue>> = Vec::with_capacity(messages.len());
    for (index, message) in messages.into_iter().enumerate() {
        let new = if fitter.concerns(message.get()) { fitter.message(message, index, unsupported)? } else { None };
        changed |= new.is_some();
        kept.push(new.map_or(Cow::Borrowed(message), Cow::Owned));
    }
    if changed {
        let kept = to_raw_value(&kept).expect("what was written serializes again");
        body.set("messages", &kept);
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Fitter<'a> {
    quirks: &'a Quirks,
}

impl Fitter<'_> {
    /// Whether something in a text may have to be changed: searched for before anything is taken apart.
    fn concerns(self, text: &str) -> bool {
        let quirks = self.quirks;
        let lacks = |known: bool, word: &str| !known && text.contains(word);
        text.contains(proof::WRAPPED)
            || lacks(quirks.developer_role, "\"developer\"")
            || lacks(quirks.call_id == CallId::Any, "\"tool_call")
            || self.places().is_some_and(|(_, place)| text.contains(place))
            || self.parts().iter().any(|(kind, known, _)| lacks(*known, kind))
    }

    /// Where other servers say thoughts than this one, as a word and in quotes. Where it has no place for them, they stay
    /// as they are: it may well pass over them.
    fn places(self) -> Option<(&'static str, &'static str)> {
        match self.quirks.reasoning {
            ReasoningField::None => None,
            ReasoningField::ReasoningContent => Some(("reasoning", "\"reasoning\"")),
            ReasoningField::Reasoning => Some(("reasoning_content", "\"reasoning_content\"")),
        }
    }

    /// The kinds of parts that not every server takes.
    fn parts(self) -> [(&'static str, bool, &'static str); 3] {
        [
            ("\"image_url\"", self.quirks.images, "the backend takes no images"),
            ("\"input_audio\"", self.quirks.audio, "the backend takes no sound"),
            ("\"file\"", self.quirks.files, "the backend takes no files: send its text"),
        ]
    }

    /// The message as the server takes it; `None` where it does as it is.
    fn message(
        self,
        raw: &RawValue,
        index: usize,
        unsupported: &mut Unsupported,
    ) -> Result<Option<Box<RawValue>>, GatewayError> {
        let Ok(mut members) = serde_json::from_str::<Members<'_>>(raw.get()) else {
            return Ok(None);
        };
        let mut changed = false;
        let role = |members: &Members<'_>, name: &str| members.get("role").is_some_and(|role| role.get() == name);
        if !self.quirks.developer_role && role(&members, "\"developer\"") {
            members.insert("role".to_owned(), Cow::Owned(to_raw("system")));
            changed = true;
        }
        if role(&members, "\"assistant\"") {
            changed |= self.thoughts(&mut members);
        }
        if let Some(new) = members.get("tool_call_id").and_then(|id| self.id(id)) {
            members.insert("tool_call_id".to_owned(), Cow::Owned(new.0));
            changed = true;
        }
        if let Some(new) = members.get("tool_calls").and_then(|calls| self.calls(calls, index, unsupported)) {
            members.insert("tool_calls".to_owned(), Cow::Owned(new));
            changed = true;
        }
        let content = members.get("content").filter(|content| content.get().starts_with('['));
        if let Some(new) = content.map(|content| self.content(content, index, unsupported)).transpose()?.flatten() {
            members.insert("content".to_owned(), Cow::Owned(new));
            changed = true;
        }
        Ok(changed.then(|| to_raw_value(&members).expect("what was written serializes again")))
    }

    /// Thoughts that an answer had, under the name that this server has for them.
    fn thoughts(self, members: &mut Members<'_>) -> bool {
        let (Some((place, _)), Some(known)) = (self.places(), self.quirks.reasoning.name()) else {
            return false;
        };
        let Some(thoughts) = members.shift_remove(place) else {
            return false;
        };
        // Some say the same twice.
        members.entry(known.to_owned()).or_insert(thoughts);
        true
    }

    /// The id as the server takes it, and whether a proof was cut off; `None` where it does as it is.
    fn id(self, raw: &RawValue) -> Option<(Box<RawValue>, bool)> {
        let id: Cow<'_, str> = serde_json::from_str::<String>(raw.get()).ok()?.into();
        let own = proof::own(&id);
        let new = match self.quirks.call_id {
            CallId::Any => Cow::Borrowed(own),
            CallId::Nine => call_id(own, CallId::Nine),
        };
        (new != id).then(|| (to_raw(&new), own.len() < id.len()))
    }

    fn calls(self, raw: &RawValue, index: usize, unsupported: &mut Unsupported) -> Option<Box<RawValue>> {
        let mut calls: Vec<Members<'_>> = serde_json::from_str(raw.get()).ok()?;
        let mut changed = false;
        for (number, call) in calls.iter_mut().enumerate() {
            if let Some((new, cut)) = call.get("id").and_then(|id| self.id(id)) {
                call.insert("id".to_owned(), Cow::Owned(new));
                changed = true;
                if cut {
                    unsupported.note(&format!("messages[{index}].tool_calls[{number}].id"));
                }
            }
        }
        changed.then(|| to_raw_value(&calls).expect("what was written serializes again"))
    }

    /// The parts without those that the server does not take; `None` where it takes all of them.
    fn content(
        self,
        raw: &RawValue,
        index: usize,
        unsupported: &mut Unsupported,
    ) -> Result<Option<Box<RawValue>>, GatewayError> {
        #[derive(Deserialize)]
        struct Part<'a> {
            #[serde(borrow, default)]
            r#type: Option<&'a RawValue>,
        }
        let refused = self.parts().into_iter().filter(|(_, known, _)| !known).collect::<Vec<_>>();
        let Some(parts) = serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok().filter(|_| !refused.is_empty()) else {
            return Ok(None);
        };
        let all = parts.len();
        let mut kept = Vec::with_capacity(all);
        for (number, raw) in parts.into_iter().enumerate() {
            let kind = serde_json::from_str::<Part<'_>>(raw.get()).ok().and_then(|part| part.r#type);
            match refused.iter().find(|(refused, ..)| kind.is_some_and(|kind| kind.get() == *refused)) {
                Some((_, _, mend)) => unsupported.field(&format!("messages[{index}].content[{number}]"), mend)?,
                None => kept.push(raw),
            }
        }
        Ok((kept.len() < all).then(|| to_raw_value(&kept).expect("what was written serializes again")))
    }
}

fn to_raw(text: &str) -> Box<RawValue> {
    to_raw_value(text).expect("a string serializes")
}
