//! Where calls may go, and what is spoken there.

use serde::{Deserialize, Serialize};

use super::{BodyPolicy, HeaderPolicy, Quirks};
use crate::secret::Scheme;
use crate::{Dialect, Millis, Origin, Pattern};

/// A place where calls may go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backend {
    /// What it speaks.
    pub kind: BackendKind,
    /// Where it is.
    pub origin: Origin,
    /// What its paths begin with, such as `/v1`; empty, or with a leading and no trailing `/`.
    pub base_path: String,
    /// The key that it wants, if it wants one.
    pub key: Option<KeyRef>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// What happens upstream when the client leaves.
    pub on_client_gone: OnClientGone,
    /// How it differs from OpenAI, for the kinds `openai` and `azure`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub quirks: Quirks,
    /// What it is spoken to in where it speaks several dialects and not the client's; chat completions when `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefer: Option<Dialect>,
    /// Which values of `anthropic-beta` that clients send may go to it, where messages are spoken on both sides.
    #[serde(default = "every_beta", skip_serializing_if = "is_every_beta")]
    pub betas: Vec<Pattern>,
    /// What is done to the headers of calls to it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub headers: HeaderPolicy,
    /// What is done to the bodies of calls to it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub body: BodyPolicy,
}

/// What a backend speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type", deny_unknown_fields)]
pub enum BackendKind {
    /// OpenAI, or a server that is compatible with it.
    Openai,
    /// Azure OpenAI (<https://learn.microsoft.com/en-us/azure/ai-services/openai/reference>). Its base path is that of
    /// the resource, mostly empty.
    Azure {
        /// With a version, the classic style: the deployment, which is the model's name there, stands in the path
        /// (`/openai/deployments/{deployment}/chat/completions?api-version=…`), and responses are at
        /// `/openai/responses?api-version=…`. Without one, the newer: `/openai/v1/…`, the model in the body.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        api_version: Option<String>,
    },
    /// Anthropic.
    Anthropic,
    /// A tier two: speaks every client dialect, takes signed calls only.
    Weir {
        /// Its name, for which calls are signed.
        audience: String,
    },
}

impl Backend {
    /// The dialect in which the backend takes a request that the client made in `client`: the client's own where the
    /// backend speaks it, else the one that it prefers.
    #[must_use]
    pub fn dialect_for(&self, client: Dialect) -> Dialect {
        match self.kind {
            BackendKind::Openai | BackendKind::Azure { .. } => self.openai_dialect_for(client),
            BackendKind::Anthropic => Dialect::AnthropicMessages,
            BackendKind::Weir { .. } => client,
        }
    }

    fn openai_dialect_for(&self, client: Dialect) -> Dialect {
        let wanted = match client {
            Dialect::OpenaiChat | Dialect::OpenaiResponses => client,
            _ => self.prefer.unwrap_or(Dialect::OpenaiChat),
        };
        match wanted {
            Dialect::OpenaiResponses if self.quirks.responses => wanted,
            _ if self.quirks.chat => Dialect::OpenaiChat,
            _ => Dialect::OpenaiResponses,
        }
    }

    /// Whether a client's value of `anthropic-beta` may go to the backend.
    #[must_use]
    pub fn takes_beta(&self, value: &str) -> bool {
        self.betas.iter().any(|pattern| pattern.matches(value))
    }
}

/// A key by reference: the secret's name, and how it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRef {
    /// The secret's name, as `weir:gateway/settings` knows it.
    pub secret: String,
    /// In which header it goes.
    pub scheme: Scheme,
}

/// How long a backend may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// To be connected to.
    pub connect: Millis,
    /// From the sending of the request to the first decoded event, or to the whole answer where it is no stream.
    pub first_event: Millis,
    /// From one event to the next.
    pub idle: Millis,
    /// After how long a silence the client is told that its stream is alive, where its dialect has a way to.
    #[serde(default = "heartbeat", skip_serializing_if = "is_heartbeat")]
    pub heartbeat: Millis,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Millis(3_000), first_event: Millis(120_000), idle: Millis(60_000), heartbeat: heartbeat() }
    }
}

fn heartbeat() -> Millis {
    Millis(15_000)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for; as small as a pointer or not")]
fn is_heartbeat(every: &Millis) -> bool {
    *every == heartbeat()
}

/// What happens upstream when the client leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnClientGone {
    /// The call is broken off.
    #[default]
    Cancel,
    /// The answer is read to its end, since the provider bills it anyway and only then says how much it was.
    Drain,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn every_beta() -> Vec<Pattern> {
    vec![Pattern::new("*")]
}

fn is_every_beta(betas: &[Pattern]) -> bool {
    matches!(betas, [one] if one.as_str() == "*")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn backend(more: &serde_json::Value) -> Backend {
        let mut whole = json!({
            "kind": {"type": "openai"},
            "origin": "https://api.example.com",
            "base_path": "/v1",
            "key": null,
            "timeouts": Timeouts::default(),
            "on_client_gone": "cancel",
        });
        whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let backend: Backend = serde_json::from_value(whole.clone()).unwrap();
        assert_eq!(serde_json::to_value(&backend).unwrap(), whole, "what is default is not written");
        backend
    }

    #[test]
    fn a_backend_is_spoken_to_in_what_it_speaks() {
        use Dialect::{AnthropicMessages as Messages, OpenaiChat as Chat, OpenaiResponses as Responses};
        let cases = [
            (json!({}), [Chat, Responses, Chat]),
            (json!({"prefer": "openai-responses"}), [Chat, Responses, Responses]),
            (json!({"prefer": "openai-responses", "quirks": {"responses": false}}), [Chat, Chat, Chat]),
            (json!({"quirks": {"chat": false}}), [Responses; 3]),
            (json!({"kind": {"type": "azure"}}), [Chat, Responses, Chat]),
            (
                json!({"kind": {"type": "azure", "api_version": "2024-10-21"}, "prefer": "openai-responses"}),
                [Chat, Responses, Responses],
            ),
            (json!({"kind": {"type": "anthropic"}}), [Messages; 3]),
            (json!({"kind": {"type": "weir", "audience": "host"}}), [Chat, Responses, Messages]),
        ];
        for (more, expected) in cases {
            let backend = backend(&more);
            assert_eq!([Chat, Responses, Messages].map(|client| backend.dialect_for(client)), expected, "{more}");
        }
    }

    #[test]
    fn betas_go_by_their_patterns() {
        let all = backend(&json!({"kind": {"type": "anthropic"}}));
        assert!(all.takes_beta("context-1m-2025-08-07"));
        let some = backend(&json!({"kind": {"type": "anthropic"}, "betas": ["context-*"]}));
        assert!(some.takes_beta("context-1m-2025-08-07") && !some.takes_beta("oauth-2025-04-20"));
        assert!(!backend(&json!({"kind": {"type": "anthropic"}, "betas": []})).takes_beta("context-1m-2025-08-07"));
    }
}
