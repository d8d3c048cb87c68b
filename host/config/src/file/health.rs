//! How model servers are watched.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::DurationText;
use crate::read::{At, Maybe};

/// One word, `off`, or how they are watched.
#[derive(Clone, Debug)]
pub(crate) enum Watching {
    /// One word.
    Word(String),
    /// A mapping.
    Health(Box<Health>),
}

/// How model servers are watched.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Health {
    /// How often each is asked. Default: 2s.
    #[serde(default)]
    pub(crate) every: Maybe<At<DurationText>>,
    /// The path that answers 200 when it is well. Default: /health.
    #[serde(default)]
    pub(crate) path: Maybe<At<String>>,
    /// How long it may take to answer. Default: 1s.
    #[serde(default)]
    pub(crate) timeout: Maybe<At<DurationText>>,
}

const KEYS: &[&str] = &["every", "path", "timeout"];

impl<'de> Deserialize<'de> for Watching {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_struct("Health", KEYS, WatchingVisitor)
    }
}

struct WatchingVisitor;

impl<'de> Visitor<'de> for WatchingVisitor {
    type Value = Watching;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`off`, or a mapping")
    }

    fn visit_str<E>(self, text: &str) -> Result<Watching, E> {
        Ok(Watching::Word(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Watching, A::Error> {
        Health::deserialize(MapAccessDeserializer::new(map)).map(|health| Watching::Health(Box::new(health)))
    }
}

impl JsonSchema for Watching {
    fn schema_name() -> Cow<'static, str> {
        "Watching".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let health = generator.subschema_for::<Health>();
        schemars::json_schema!({ "anyOf": [{ "type": "string", "enum": ["off"] }, health] })
    }
}
