//! YAML as a tree that knows where each node stands.

use std::fmt;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, Location, Spanned};

use crate::report::Mistake;

/// A node and its place, in bytes of the source. A mapping's and a list's place is where it begins.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) value: Node,
}

impl Node {
    /// Where to point when the node as a whole is meant: a mapping is pointed at by its first key.
    pub(super) fn pointer(&self) -> Range<usize> {
        match &self.kind {
            Kind::Map(entries) => entries.first().map_or(self.span.clone(), |entry| entry.key_span.clone()),
            Kind::List(nodes) => nodes.first().map_or(self.span.clone(), Self::pointer),
            _ => self.span.clone(),
        }
    }

    /// What it is, in words.
    pub(super) fn what(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "true or false",
            Kind::Unsigned(_) | Kind::Signed(_) => "a number",
            Kind::Float(_) => "a fraction",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }
}

/// Reads YAML 1.2 with bounds on everything that a small file can blow up.
pub(super) fn parse(text: &str) -> Result<Node, Mistake> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        budget: serde_saphyr::budget! {
            max_depth: 32,
            max_nodes: 200_000,
            max_events: 500_000,
            max_aliases: 1_000,
            max_anchors: 1_000,

        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 50_000,
            max_replay_stack_depth: 8,
        },
        with_snippet: false,
    };
    if blank(text) {
        return Err(Mistake::new("empty", 0..0, "the file is empty")
            .help("begin with `tenants:`, `models:` and `backends:`; examples/quickstart/weir.yaml shows them"));
    }
    serde_saphyr::from_str_with_options::<Spanned<Kind>>(text, options)
        .map(Node::from)
        .map_err(|error| syntax(text, &error))
}

/// Whether nothing but white space and comments is in it.
fn blank(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').lines().map(str::trim).all(|line| line.is_empty() || line.starts_with('#'))
}

fn syntax(text: &str, error: &Error) -> Mistake {
    let span = error.location().map_or(0..0, |location| error_span(text, location));
    let message = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
    let message = message.split(" at line ").next().unwrap_or_default();
    if let Some(tab) = first_tab(text).filter(|_| message.contains("tab")) {
        return Mistake::new("tab", tab..tab + 1, "YAML does not allow a tab in the indentation")
            .label("this tab")
            .help("indent with spaces");
    }
    match origin(error) {
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("…");
            Mistake::new("duplicate-key", span, format!("`{key}` stands here a second time"))
                .help("keep one of the two: which of them counts would be anybody's guess")
        }
        Error::MultipleDocuments { .. } => Mistake::new("yaml", span, "the file holds more than one YAML document")
            .help("delete the second `---` and what follows it"),
        Error::Budget { .. } | Error::AliasReplayLimitExceeded { .. } | Error::AliasReplayStackDepthExceeded { .. } => {
            Mistake::new(
                "yaml-budget",
                span,
                "the file is larger or deeper than any configuration, once its aliases are written out",
            )
            .label("too much")
            .help("32 levels and 200000 values are allowed, 50000 of them by way of aliases (`*name`)")
        }
        _ => Mistake::new("yaml", span, format!("not YAML: {message}")),
    }
}

/// What went wrong, whatever alias it came through.
fn origin(error: &Error) -> &Error {
    match error {
        Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => origin(error),
        _ => error,
    }
}

/// The first tab that stands in the indentation of a line.
fn first_tab(text: &str) -> Option<usize> {
    let mut start = 0;
    text.split_inclusive('\n').find_map(|line| {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let tab = line[..indent].find('\t').map(|at| start + at);
        start += line.len();
        tab
    })
}

/// Where an error is. The scanner's errors have a line and a column only, both counted from 1, in characters.
fn error_span(text: &str, location: Location) -> Range<usize> {
    if location.span().byte_offset().is_some() {
        return span_of(location);
    }
    let line = usize::try_from(location.line().saturating_sub(1)).unwrap_or(usize::MAX);
    let column = usize::try_from(location.column().saturating_sub(1)).unwrap_or(usize::MAX);
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let at = start
        + text[start..].split('\n').next().unwrap_or_default().chars().take(column).map(char::len_utf8).sum::<usize>();
    at..at
}

fn span_of(location: Location) -> Range<usize> {
    let start = location.span().byte_offset().unwrap_or(0);
    let length = location.span().byte_len().unwrap_or(0);
    let start = usize::try_from(start).unwrap_or(0);
    start..start + usize::try_from(length).unwrap_or(0)
}

impl From<Spanned<Kind>> for Node {
    fn from(spanned: Spanned<Kind>) -> Self {
        Self { span: span_of(spanned.referenced), kind: spanned.value }
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(u64::try_from(value).map_or(Kind::Signed(value), Kind::Unsigned))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Kind, E> {
        Ok(Kind::Text(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Kind, E> {
        Ok(Kind::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Kind, E> {
        Ok(Kind::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        Kind::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Kind, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element::<Spanned<Kind>>()? {
            nodes.push(node.into());
        }
        Ok(Kind::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let key_span = span_of(key.referenced);
            let mut value: Node = map.next_value::<Spanned<Kind>>()?.into();
            if value.span.is_empty() && matches!(value.kind, Kind::Null) {
                // Nothing is written there: the key is what can be pointed at.
                value.span = key_span.clone();
            }
            entries.push(Entry { key: key.value, key_span, value });
        }
        Ok(Kind::Map(entries))
    }
}
