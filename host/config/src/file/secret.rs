//! Secrets by reference.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::read::{At, Maybe};

/// A secret, as the file refers to it.
#[derive(Clone, Debug)]
pub(crate) enum Secret {
    /// By reference, as it should be.
    Reference(Reference),
    /// Written into the file. What was written is not kept.
    Inline {
        /// Whether it is a word that everybody tries first.
        well_known: bool,
    },
}

/// Where a secret is: exactly one of `env` and `file`; for the key of a tenant, `sha256` will do as well.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Secret", extend("minProperties" = 1))]
pub(crate) struct Reference {
    /// The name of the environment variable that holds it.
    #[serde(default)]
    pub(crate) env: Maybe<At<String>>,
    /// The file that holds it, relative to this file. White space around the secret does not count.
    #[serde(default)]
    pub(crate) file: Maybe<At<String>>,
    /// Whether `weir up` makes the file, with a new secret in it, where there is none. Default: false.
    #[serde(default)]
    pub(crate) create: Maybe<At<bool>>,
    /// The SHA-256 of the secret, 64 hexadecimal digits. Only for what is compared and never sent: keys of tenants, and
    /// the key of the console.
    #[serde(default)]
    pub(crate) sha256: Maybe<At<String>>,
}

/// Words that stand for a secret in examples, and which somebody will leave there.
const WELL_KNOWN: [&str; 16] = [
    "changeme",
    "change-me",
    "change_me",
    "secret",
    "password",
    "admin",
    "test",
    "default",
    "example",
    "token",
    "key",
    "weir",
    "your-api-key",
    "sk-1234",
    "sk-123456",
    "xxx",
];

pub(crate) fn is_well_known(secret: &str) -> bool {
    let secret = secret.trim().to_lowercase();
    WELL_KNOWN.contains(&secret.as_str()) || secret.starts_with("sk-xxx") || secret.starts_with("your_")
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("Secret", &["env", "file", "create", "sha256"], SecretVisitor)
    }
}

struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`{ env: NAME }` or `{ file: PATH }`")
    }

    fn visit_str<E>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::Inline { well_known: is_well_known(text) })
    }

    fn visit_u64<E>(self, _: u64) -> Result<Secret, E> {
        Ok(Secret::Inline { well_known: false })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Secret, A::Error> {
        Reference::deserialize(MapAccessDeserializer::new(map)).map(Secret::Reference)
    }
}

/// Only the right form is in the schema, so that an editor underlines the other.
impl JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        Reference::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        Reference::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Reference::json_schema(generator)
    }
}
