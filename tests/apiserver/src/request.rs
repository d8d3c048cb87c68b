//! What is asked for.

use std::borrow::Cow;

use http::Uri;
use serde::Serialize;

use crate::faults::Verb;
use crate::kinds::{KINDS, Kind};

/// One request, as it was noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The path, without the query.
    pub path: String,
    /// The query.
    pub query: String,
    /// `User-Agent`.
    pub agent: String,
    /// The status of the answer; 0: it was never answered.
    pub status: u16,
}

/// Objects of one kind.
#[derive(Debug)]
pub(crate) struct Objects {
    pub(crate) kind: &'static Kind,
    pub(crate) version: &'static str,
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) query: Query,
}

/// The parameters that are understood.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) watch: bool,
    pub(crate) bookmarks: bool,
    pub(crate) seconds: Option<u64>,
    pub(crate) resource_version: Option<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) r#continue: Option<String>,
    pub(crate) selector: Option<String>,
}

impl Objects {
    /// The objects that a path names; `None`: it names none.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let mut segments = uri.path().trim_matches('/').split('/');
        let group = match segments.next()? {
            "api" => "",
            "apis" => segments.next()?,
            _ => return None,
        };
        let version = segments.next()?;
        let rest: Vec<&str> = segments.collect();
        let (namespace, plural, name) = match *rest {
            [plural] => (None, plural, None),
            ["namespaces", namespace, plural] => (Some(namespace), plural, None),
            ["namespaces", namespace, plural, name] => (Some(namespace), plural, Some(name)),
            _ => return None,
        };
        let kind = KINDS.iter().find(|kind| kind.group == group && kind.plural == plural)?;
        Some(Self {
            kind,
            version: kind.versions.iter().find(|known| **known == version)?,
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            query: Query::of(uri.query().unwrap_or_default()),
        })
    }

    pub(crate) fn verb(&self) -> Verb {
        match (&self.name, self.query.watch) {
            (Some(_), _) => Verb::Get,
            (None, true) => Verb::Watch,
            (None, false) => Verb::List,
        }
    }
}

impl Query {
    fn of(query: &str) -> Self {
        let mut found = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let given = |value: Cow<'_, str>| Some(value.into_owned()).filter(|value| !value.is_empty());
            match &*name {
                "watch" => found.watch = matches!(&*value, "true" | "1"),
                "allowWatchBookmarks" => found.bookmarks = matches!(&*value, "true" | "1"),
                "timeoutSeconds" => found.seconds = value.parse().ok(),
                "limit" => found.limit = value.parse().ok().filter(|limit| *limit > 0),
                "resourceVersion" => found.resource_version = given(value),
                "continue" => found.r#continue = given(value),
                "labelSelector" => found.selector = given(value),
                _ => {}
            }
        }
        found
    }
}
