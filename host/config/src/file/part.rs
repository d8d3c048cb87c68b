//! An entry of a chain.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::Secret;
use crate::read::{At, Many, Maybe, Named};

/// An entry of a chain: the name of a part of Weir's own, or somebody else's part.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// One word: `auth`.
    Word(String),
    /// A mapping.
    Part(Box<Part>),
}

/// A part that is not Weir's own. It sees what is granted to it here, and nothing else.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// Its name, unique in its chain. Default: that of the file, without its ending.
    #[serde(default)]
    pub(crate) name: Maybe<At<String>>,
    /// The component, relative to this file. Write this or `oci`.
    #[serde(default)]
    pub(crate) file: Maybe<At<String>>,
    /// The reference of an OCI artifact that holds the component, such as `ghcr.io/acme/opa:1.2`. It must be in `layout`
    /// already: nothing is pulled.
    #[serde(default)]
    pub(crate) oci: Maybe<At<String>>,
    /// The folder with the OCI image layout that holds the artifact, relative to this file.
    #[serde(default)]
    pub(crate) layout: Maybe<At<String>>,
    /// The SHA-256 of the component, 64 hexadecimal digits. Needed: what is found under another digest is not run.
    #[serde(default)]
    pub(crate) sha256: Maybe<At<String>>,
    /// What it gets as its configuration, as compact JSON. Default: none.
    #[serde(default)]
    pub(crate) settings: Maybe<At<Value>>,
    /// The secrets that it may ask for, by the name that it uses, each by reference. Default: none.
    #[serde(default)]
    pub(crate) secrets: Named<At<Secret>>,
    /// The origins that it may call, such as `https://opa.example.com`. Default: none; a part that can call must say so,
    /// with `[]` if it shall not.
    #[serde(default)]
    pub(crate) network: Maybe<At<Many<At<String>>>>,
    /// All the environment variables that it sees. Default: none.
    #[serde(default)]
    pub(crate) environment: Named<At<String>>,
}

const KEYS: &[&str] = &["name", "file", "oci", "layout", "sha256", "settings", "secrets", "network", "environment"];

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("Part", KEYS, EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a part, or a mapping")
    }

    fn visit_str<E>(self, text: &str) -> Result<Entry, E> {
        Ok(Entry::Word(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
        Part::deserialize(MapAccessDeserializer::new(map)).map(|part| Entry::Part(Box::new(part)))
    }
}

/// A word of Weir's own, or a mapping.
impl JsonSchema for Entry {
    fn schema_name() -> Cow<'static, str> {
        "Entry".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let part = generator.subschema_for::<Part>();
        schemars::json_schema!({
            "anyOf": [{ "type": "string", "enum": ["auth", "router", "limiter", "translator", "gateway"] }, part]
        })
    }
}
