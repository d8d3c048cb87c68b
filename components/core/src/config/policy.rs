//! What is done to the headers and bodies of calls to a backend, beside what its dialect asks for.

use http::{HeaderMap, HeaderName, HeaderValue};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json::Object;
use crate::{Pattern, header};

/// What is done to the headers of a call. Names are in lower case.
///
/// Whatever it says, a header that frames a message, that holds a key, that names a caller's address or that is Weir's
/// own is neither forwarded nor set nor removed: see [`HeaderPolicy::may_name`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderPolicy {
    /// The client's headers that go on, by patterns of their names. They take the place of what the call has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forward: Vec<Pattern>,
    /// Headers that the call gets, whether the client sent them or not.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub set: IndexMap<String, String>,
    /// Headers that the call does not get.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

/// What is done to the body of a call: to its top level only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BodyPolicy {
    /// Members that the body gets, whether the client sent them or not.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub set: Map<String, Value>,
    /// Members that the body does not get.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

impl HeaderPolicy {
    /// Whether a policy may say anything of the header of this name, which is in lower case.
    #[must_use]
    pub fn may_name(name: &str) -> bool {
        !(header::is_forbidden_from_outside(name)
            || header::KEYS.contains(&name)
            || matches!(name, "content-length" | "content-type" | "content-encoding" | "accept-encoding" | "expect"))
    }

    /// Does it to the headers of a call, before its credential is added. `client` are the headers that the client
    /// sent.
    pub fn apply(&self, client: &HeaderMap, call: &mut HeaderMap) {
        for name in client.keys().filter(|name| self.forwards(name.as_str())) {
            call.remove(name);
            for value in client.get_all(name) {
                call.append(name.clone(), value.clone());
            }
        }
        for name in self.remove.iter().filter(|name| Self::may_name(name)) {
            call.remove(name.as_str());
        }
        for (name, value) in self.set.iter().filter(|(name, _)| Self::may_name(name)) {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
                call.insert(name, value);
            }
        }
    }

    fn forwards(&self, name: &str) -> bool {
        // Which of these go on is the dialect's to say, and the backend's list of betas.
        let is_of_dialect = matches!(name, "anthropic-version" | "anthropic-beta");
        !is_of_dialect && Self::may_name(name) && self.forward.iter().any(|pattern| pattern.matches(name))
    }
}

impl BodyPolicy {
    /// The members that no policy may name: where the call goes, what it says and how it is answered has been decided
    /// and counted by then.
    pub const FIXED: [&str; 6] = ["model", "stream", "stream_options", "messages", "input", "prompt"];

    /// Does it to the body of a call.
    pub fn apply(&self, body: &mut Object) {
        let may_name = |key: &&String| !Self::FIXED.contains(&key.as_str());
        for key in self.remove.iter().filter(may_name) {
            body.remove(key);
        }
        for (key, value) in self.set.iter().filter(|(key, _)| may_name(key)) {
            body.set(key, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), value.parse().unwrap());
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn headers_are_forwarded_set_and_removed() {
        let policy: HeaderPolicy = serde_json::from_value(serde_json::json!({
            "forward": ["x-team", "openai-*", "user-agent"],
            "set": {"openai-project": "proj_1", "x-source": "weir"},
            "remove": ["traceparent"],
        }))
        .unwrap();
        let client =
            headers(&[("x-team", "a"), ("openai-project", "mine"), ("user-agent", "theirs"), ("x-other", "c")]);
        let mut call = headers(&[("traceparent", "00"), ("user-agent", "ours"), ("accept", "*/*")]);
        policy.apply(&client, &mut call);
        let expected = [
            ("user-agent", "theirs"),
            ("accept", "*/*"),
            ("x-team", "a"),
            ("openai-project", "proj_1"),
            ("x-source", "weir"),
        ];
        assert_eq!(call, headers(&expected));
    }

    #[test]
    fn what_is_not_for_a_policy_it_cannot_touch() {
        let names = ["authorization", "x-api-key", "host", "content-length", "x-weir-principal", "connection", "te"];
        let policy = HeaderPolicy {
            forward: vec![Pattern::new("*")],
            set: names.iter().map(|&name| (name.to_owned(), "evil".to_owned())).collect(),
            remove: vec!["x-weir-token".to_owned(), "content-type".to_owned()],
        };
        let client = names.iter().map(|&name| (name, "theirs")).chain([("x-plain", "theirs")]).collect::<Vec<_>>();
        let mut call = headers(&[("x-weir-token", "t"), ("content-type", "application/json")]);
        policy.apply(&headers(&client), &mut call);
        let expected = [("x-weir-token", "t"), ("content-type", "application/json"), ("x-plain", "theirs")];
        assert_eq!(call, headers(&expected));
    }

    #[test]
    fn bodies_are_edited_at_their_top_level() {
        let policy: BodyPolicy = serde_json::from_value(serde_json::json!({
            "set": {"provider": {"sort": "price"}, "store": false, "model": "another"},
            "remove": ["user", "messages"],
        }))
        .unwrap();
        let mut body = Object::parse(br#"{"model":"m","user":"u","messages":[ ],"store":true}"#, 8).unwrap();
        policy.apply(&mut body);
        let expected = br#"{"model":"m","messages":[ ],"store":false,"provider":{"sort":"price"}}"#;
        assert_eq!(body.to_bytes(), expected);
    }
}
