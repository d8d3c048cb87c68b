//! The objects of one kind, as they were last heard of.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::changes::Bell;
use crate::objects::Resource;

/// The objects of one kind, as they were last heard of. A clone is the same store.
pub struct Store<T> {
    objects: Arc<RwLock<BTreeMap<Key, Arc<T>>>>,
    bell: Bell,
}

/// Namespace and name.
type Key = (Box<str>, Box<str>);

impl<T> Store<T> {
    /// The objects, in order of namespace and name. One that has not changed is the same one as before.
    #[must_use]
    pub fn objects(&self) -> Vec<Arc<T>> {
        self.objects.read().values().cloned().collect()
    }

    /// One object.
    #[must_use]
    pub fn object(&self, namespace: &str, name: &str) -> Option<Arc<T>> {
        self.objects.read().get(&(namespace.into(), name.into())).cloned()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.read().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.read().is_empty()
    }

    /// How many there are in a namespace, or in all.
    pub(crate) fn count(&self, namespace: Option<&str>) -> usize {
        match namespace {
            None => self.len(),
            Some(namespace) => keys_in(&self.objects.read(), namespace).count(),
        }
    }
}

impl<T: Resource> Store<T> {
    pub(crate) fn new(bell: Bell) -> Self {
        Self { objects: Arc::default(), bell }
    }

    /// An object is there, or is another. What is older than what is known changes nothing.
    pub(crate) fn put(&self, raw: &RawValue, floor: Version) -> Result<(), Unreadable> {
        let identity = Identity::of(raw)?;
        let mut objects = self.objects.write();
        let known = objects.get(&identity.key()).map(|known| known.metadata());
        let stale = match known {
            Some(known) => identity.is(known) || identity.version().is_before(Version::of(&known.resource_version)),
            None => identity.version().is_before(floor),
        };
        if !stale {
            objects.insert(identity.key(), identity.read(raw)?);
            drop(objects);
            self.bell.ring();
        }
        Ok(())
    }

    /// An object is gone; gives the version at which it was. Something older that bore the name is gone already.
    pub(crate) fn delete(&self, raw: &RawValue) -> Result<Version, Unreadable> {
        let identity = Identity::of(raw)?;
        let gone = identity.version();
        let mut objects = self.objects.write();
        let known = objects.get(&identity.key());
        if known.is_some_and(|known| !gone.is_before(Version::of(&known.metadata().resource_version))) {
            objects.remove(&identity.key());
            drop(objects);
            self.bell.ring();
        }
        Ok(gone)
    }

    /// Begins to gather what a list says. `afresh`: what is known was read in another version of the kind.
    pub(crate) fn listing(&self, afresh: bool) -> Listing<T> {
        Listing { store: self.clone(), afresh, objects: BTreeMap::new() }
    }

    /// Removes the objects of a namespace, or all.
    pub(crate) fn clear(&self, namespace: Option<&str>) {
        self.listing(true).replace(namespace);
    }
}

impl<T> Clone for Store<T> {
    fn clone(&self) -> Self {
        Self { objects: Arc::clone(&self.objects), bell: self.bell.clone() }
    }
}

/// What a list says, before it is whole.
pub(crate) struct Listing<T> {
    store: Store<T>,
    afresh: bool,
    objects: BTreeMap<Key, Arc<T>>,
}

impl<T: Resource> Listing<T> {
    /// Takes an object. Of one that cannot be read, what was known before stays.
    pub(crate) fn add(&mut self, raw: &RawValue) -> Result<(), Unreadable> {
        let identity = Identity::of(raw)?;
        let key = identity.key();
        let known = self.store.objects.read().get(&key).cloned();
        let (object, result) = match known {
            Some(known) if !self.afresh && identity.is(known.metadata()) => (Some(known), Ok(())),
            known => match identity.read(raw) {
                Ok(object) => (Some(object), Ok(())),
                Err(unreadable) => (known, Err(unreadable)),
            },
        };
        self.objects.extend(object.map(|object| (key, object)));
        result
    }

    /// Puts all of it in the place of what is known of a namespace, or of all, in one step.
    pub(crate) fn replace(self, namespace: Option<&str>) {
        let mut objects = self.store.objects.write();
        let before: Vec<Key> = match namespace {
            None => objects.keys().cloned().collect(),
            Some(namespace) => keys_in(&objects, namespace).cloned().collect(),
        };
        let mut changed = false;
        for key in before.iter().filter(|key| !self.objects.contains_key(*key)) {
            changed |= objects.remove(key).is_some();
        }
        for (key, object) in self.objects {
            let known = objects.insert(key, Arc::clone(&object));
            changed |= known.is_none_or(|known| !Arc::ptr_eq(&known, &object));
        }
        drop(objects);
        if changed {
            self.store.bell.ring();
        }
    }
}

fn keys_in<'a, T>(objects: &'a BTreeMap<Key, T>, namespace: &'a str) -> impl Iterator<Item = &'a Key> {
    let from = (Box::from(namespace), Box::from(""));
    objects.range(from..).map(|(key, _)| key).take_while(move |(other, _)| **other == *namespace)
}

/// A resource version. The API server's are numbers that grow, across all objects of a kind; one that is no number is
/// neither before nor after another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version(Option<u64>);

impl Version {
    pub(crate) fn of(resource_version: &str) -> Self {
        Self(resource_version.parse().ok())
    }

    fn is_before(self, other: Self) -> bool {
        matches!((self.0, other.0), (Some(this), Some(other)) if this < other)
    }

    /// The later of two.
    pub(crate) fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }
}

/// An object that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {reason}")]
pub(crate) struct Unreadable {
    name: String,
    reason: String,
}

/// What an object must have to be one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identity<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    namespace: Option<Cow<'a, str>>,
    #[serde(borrow)]
    uid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    resource_version: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Identified<'a> {
    #[serde(borrow)]
    metadata: Identity<'a>,
}

impl<'a> Identity<'a> {
    pub(crate) fn of(raw: &'a RawValue) -> Result<Self, Unreadable> {
        serde_json::from_str::<Identified<'a>>(raw.get())
            .map(|identified| identified.metadata)
            .map_err(|error| Unreadable { name: "an object without a name".into(), reason: error.to_string() })
    }

    /// Its resource version as it stands there.
    pub(crate) fn resource_version(&self) -> &str {
        self.resource_version.as_deref().unwrap_or_default()
    }

    fn version(&self) -> Version {
        Version::of(self.resource_version())
    }

    fn key(&self) -> Key {
        (self.namespace.as_deref().unwrap_or_default().into(), self.name.as_ref().into())
    }

    /// Whether this is an object that is known, unchanged.
    fn is(&self, known: &crate::objects::Metadata) -> bool {
        !self.resource_version().is_empty()
            && *self.resource_version() == *known.resource_version
            && self.uid.as_deref() == Some(&*known.uid)
    }

    fn read<T: Resource>(&self, raw: &RawValue) -> Result<Arc<T>, Unreadable> {
        serde_json::from_str(raw.get()).map(Arc::new).map_err(|error| Unreadable {
            name: format!("{}/{}", self.namespace.as_deref().unwrap_or_default(), self.name),
            reason: error.to_string(),
        })
    }
}
