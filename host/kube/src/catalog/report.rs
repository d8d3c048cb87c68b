//! What people in the cluster are to know: collisions of names, and objects that cannot be what they want.

use std::fmt;

use weir_cluster::Source;

use crate::objects::{Metadata, ObjectRef, Resource};

/// Two objects wanted one name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Collision {
    /// The name.
    pub name: String,
    /// Who has it.
    pub winner: Claimant,
    /// Who has not.
    pub loser: Claimant,
    /// The name under which the loser is listed instead; `None` where it has another as wanted, and lost an alias only.
    pub listed_as: Option<String>,
}

impl fmt::Display for Collision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, winner, loser, listed_as } = self;
        write!(f, "the model name `{name}` is wanted by {winner} and by {loser}: the first has it")?;
        match listed_as {
            Some(other) => write!(f, ", the second is `{other}`"),
            None => Ok(()),
        }
    }
}

/// Who wants a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claimant(pub Source);

impl fmt::Display for Claimant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::File => f.write_str("weir.yaml"),
            Source::Object { kind, namespace, name } => write!(f, "{kind} {namespace}/{name}"),
        }
    }
}

/// An object, or a part of it, that cannot be what it wants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The object's kind.
    pub kind: &'static str,
    /// The object.
    pub object: ObjectRef,
    /// What is wrong.
    pub fault: Fault,
}

impl Problem {
    /// A fault of this object.
    pub(super) fn of<T: Resource>(object: &T, fault: Fault) -> Self {
        Self { kind: T::KIND, object: object.metadata().object_ref(), fault }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind, self.object, self.fault)
    }
}

/// What is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Fault {
    /// A name that could be read in more than one way, or not be written in a path.
    #[error("`{0}` cannot be a model's name: no `..`, `%`, `\\`, `;`, `?`, `#`, control or blank characters, and at most {max} bytes", max = super::name::LONGEST)]
    UnsafeName(String),
    /// A name that belongs to the objects of another namespace.
    #[error("`{0}` cannot be a model's name here: names under `publishers/` belong to the namespace that they name")]
    ReservedName(String),
    /// An address that is none.
    #[error("`{0}` is not an address that can be called")]
    BadAddress(String),
    /// A reference to a pool that is not there.
    #[error("there is no InferencePool `{0}` in its namespace")]
    NoPool(String),
    /// A pool that would be every pod of its namespace, or have no port.
    #[error("it selects no pods: a selector with labels and a port are wanted")]
    SelectsNothing,
    /// A way of comparing names that is not known.
    #[error("`{0}` is not a known way of comparing names; only Exact is")]
    UnknownMatch(String),
    /// A rule that leads nowhere.
    #[error("rule {0} has no target that can get calls")]
    NoTarget(usize),
    /// Members of one group that are different models.
    #[error(
        "it is of the group `{group}`, whose model is `{model}`, and not of another name; it is called as `{model}`, too"
    )]
    OtherModel {
        /// The group.
        group: String,
        /// The group's model.
        model: String,
    },
    /// A server with TLS, and nobody to trust for it.
    #[error("its servers have a certificate that nobody vouches for: give their authority in the configuration")]
    NoAuthority,
    /// An adapter without a name.
    #[error("adapter {0} has no name")]
    NamelessAdapter(usize),
    /// No name is left for it.
    #[error("all names that it could have are taken")]
    NoName,
}

/// How urgent calls are that name an objective.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Objective {
    /// The objective.
    pub object: ObjectRef,
    /// The pool for which it holds.
    pub pool: ObjectRef,
    /// How urgent; below 0 may be dropped first.
    pub priority: i64,
}

/// The object as the data plane names it.
pub(super) fn source<T: Resource>(object: &T) -> Source {
    let Metadata { namespace, name, .. } = object.metadata();
    Source::Object { kind: T::KIND, namespace: namespace.to_string(), name: name.to_string() }
}
