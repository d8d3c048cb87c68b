//! The objects of one kind, and all that happened to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::kinds::Kind;
use crate::selector::Selector;

/// Namespace and name.
pub(crate) type Key = (String, String);

/// The objects of one kind.
#[derive(Debug, Default)]
pub(crate) struct History {
    objects: BTreeMap<Key, Arc<Value>>,
    changes: Vec<Change>,
    /// Of what came up to here, nothing is kept.
    compacted: u64,
    /// The versions in which the kind is served just now.
    pub(crate) served: Vec<&'static str>,
}

/// One change of one object.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) version: u64,
    key: Key,
    before: Option<Arc<Value>>,
    after: Option<Arc<Value>>,
}

/// What a watch is told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) r#type: &'static str,
    pub(crate) object: Arc<Value>,
}

/// What a client asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub(crate) namespace: Option<String>,
    pub(crate) selector: Selector,
}

/// A resource version of which nothing is kept any more.
#[derive(Debug)]
pub(crate) struct TooOld {
    pub(crate) oldest: u64,
}

impl History {
    /// Nothing yet, served in all versions.
    pub(crate) fn of(kind: &Kind) -> Self {
        Self { served: kind.versions.to_vec(), ..Self::default() }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.objects.keys()
    }

    /// Puts or removes an object.
    pub(crate) fn change(&mut self, version: u64, key: Key, object: Option<Value>) {
        let after = object.map(Arc::new);
        let before = match &after {
            Some(object) => self.objects.insert(key.clone(), Arc::clone(object)),
            None => self.objects.remove(&key),
        };
        self.changes.push(Change { version, key, before, after });
    }

    /// Forgets what has happened so far.
    pub(crate) fn compact(&mut self, version: u64) {
        self.changes.clear();
        self.compacted = version;
    }

    /// The objects as they were at a version, in order.
    pub(crate) fn at(&self, version: u64, filter: &Filter) -> Result<Vec<(Key, Arc<Value>)>, TooOld> {
        self.check(version)?;
        let mut objects = self.objects.clone();
        for change in self.changes.iter().rev().take_while(|change| change.version > version) {
            match &change.before {
                Some(before) => objects.insert(change.key.clone(), Arc::clone(before)),
                None => objects.remove(&change.key),
            };
        }
        Ok(objects.into_iter().filter(|(_, object)| filter.takes(object)).collect())
    }

    /// What has happened since a version.
    pub(crate) fn since(&self, version: u64, filter: &Filter) -> Result<Vec<(u64, Told)>, TooOld> {
        self.check(version)?;
        let first = self.changes.partition_point(|change| change.version <= version);
        Ok(self.changes[first..].iter().filter_map(|change| Some((change.version, change.told(filter)?))).collect())
    }

    fn check(&self, version: u64) -> Result<(), TooOld> {
        if version < self.compacted { Err(TooOld { oldest: self.compacted }) } else { Ok(()) }
    }
}

impl Change {
    /// As the API server tells it: what comes to be selected is added, what is no more selected is deleted.
    fn told(&self, filter: &Filter) -> Option<Told> {
        let before = self.before.as_ref().filter(|object| filter.takes(object));
        let after = self.after.as_ref().filter(|object| filter.takes(object));
        let (r#type, object) = match (before, after) {
            (None, None) => return None,
            (None, Some(object)) => ("ADDED", Arc::clone(object)),
            (Some(_), Some(object)) => ("MODIFIED", Arc::clone(object)),
            (Some(object), None) => {
                let mut last = Value::clone(self.after.as_ref().unwrap_or(object));
                last["metadata"]["resourceVersion"] = self.version.to_string().into();
                ("DELETED", Arc::new(last))
            }
        };
        Some(Told { r#type, object })
    }
}

impl Filter {
    fn takes(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        self.namespace.as_deref().is_none_or(|namespace| metadata["namespace"] == namespace)
            && self.selector.selects(&metadata["labels"])
    }
}
