//! The kinds of the Gateway API inference extension: `InferencePool` (`inference.networking.k8s.io/v1`), and
//! `InferenceObjective` and `InferenceModelRewrite`, which moved from its experimental group to `llm-d.ai`.

use serde::{Deserialize, Deserializer};

use super::lenient::{lenient, lenient_structs};
use super::{Labels, Metadata, Resource, resource};

/// Pods that serve the same models.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct InferencePool {
    /// Its name and what all objects have.
    pub metadata: Metadata,
    /// Which pods, and how they are called.
    #[serde(default, deserialize_with = "lenient")]
    pub spec: PoolSpec,
}

resource!(InferencePool, "inference.networking.k8s.io", ["v1"], "inferencepools", "InferencePool");

/// Which pods are in a pool, and how they are called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PoolSpec {
    /// The labels that its pods have.
    #[serde(deserialize_with = "lenient")]
    pub selector: Selector,
    /// The ports on which each pod serves.
    #[serde(deserialize_with = "lenient")]
    pub target_ports: Box<[TargetPort]>,
    /// `http` or `kubernetes.io/h2c`.
    #[serde(deserialize_with = "lenient")]
    pub app_protocol: Box<str>,
}

/// The labels that a pool's pods have. None at all selects nothing: a pool is never every pod of its namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Selector {
    /// The labels.
    #[serde(deserialize_with = "lenient")]
    pub match_labels: Labels,
}

/// A port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TargetPort {
    /// Its number.
    #[serde(deserialize_with = "lenient")]
    pub number: u16,
}

/// How urgent calls are that name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct InferenceObjective {
    /// Its name and what all objects have.
    pub metadata: Metadata,
    /// How urgent, and where.
    #[serde(default, deserialize_with = "lenient")]
    pub spec: ObjectiveSpec,
}

resource!(InferenceObjective, "llm-d.ai", ["v1alpha2"], "inferenceobjectives", "InferenceObjective");

/// How urgent calls are, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ObjectiveSpec {
    /// The pool.
    #[serde(deserialize_with = "lenient")]
    pub pool_ref: PoolRef,
    /// How urgent; below 0 may be dropped first.
    #[serde(deserialize_with = "lenient")]
    pub priority: i64,
}

/// A pool of the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PoolRef {
    /// Its name.
    #[serde(deserialize_with = "lenient")]
    pub name: Box<str>,
}

/// Names of models that stand for others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct InferenceModelRewrite {
    /// Its name and what all objects have.
    pub metadata: Metadata,
    /// The rules, and where they hold.
    #[serde(default, deserialize_with = "lenient")]
    pub spec: RewriteSpec,
}

resource!(InferenceModelRewrite, "llm-d.ai", ["v1alpha2"], "inferencemodelrewrites", "InferenceModelRewrite");

/// The rules, and where they hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RewriteSpec {
    /// The pool.
    #[serde(deserialize_with = "lenient")]
    pub pool_ref: PoolRef,
    /// The rules; the first that matches holds.
    #[serde(deserialize_with = "lenient")]
    pub rules: Box<[RewriteRule]>,
}

/// A rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RewriteRule {
    /// The names that it holds for; none: all.
    #[serde(deserialize_with = "lenient")]
    pub matches: Box<[RewriteMatch]>,
    /// What they stand for.
    #[serde(deserialize_with = "lenient")]
    pub targets: Box<[RewriteTarget]>,
}

/// A name that a rule holds for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RewriteMatch {
    /// The name and how it is compared.
    #[serde(deserialize_with = "lenient")]
    pub model: ModelMatch,
}

/// A name and how it is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ModelMatch {
    /// `Exact`, which is also what is meant where nothing is said.
    #[serde(rename = "type", deserialize_with = "lenient")]
    pub kind: Option<Box<str>>,
    /// The name.
    #[serde(deserialize_with = "lenient")]
    pub value: Box<str>,
}

/// What a name stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RewriteTarget {
    /// The model's name on the pool's servers.
    #[serde(deserialize_with = "lenient")]
    pub model_rewrite: Box<str>,
    /// Its share of the calls, in proportion to the others'; 1 where nothing is said.
    #[serde(deserialize_with = "lenient")]
    pub weight: Option<i64>,
}

/// A kind in the group that it stood in before (`inference.networking.x-k8s.io`), where older clusters have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InExtensionGroup<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for InExtensionGroup<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

impl<T: Resource> Resource for InExtensionGroup<T> {
    const GROUP: &'static str = "inference.networking.x-k8s.io";
    const VERSIONS: &'static [&'static str] = T::VERSIONS;
    const PLURAL: &'static str = T::PLURAL;
    const KIND: &'static str = T::KIND;

    fn metadata(&self) -> &Metadata {
        self.0.metadata()
    }
}

lenient_structs!(
    PoolSpec,
    Selector,
    TargetPort,
    ObjectiveSpec,
    PoolRef,
    RewriteSpec,
    RewriteRule,
    RewriteMatch,
    ModelMatch,
    RewriteTarget,
);
