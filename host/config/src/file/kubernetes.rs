use schemars::JsonSchema;
use serde::Deserialize;

use crate::read::{At, Many, Maybe, Named};

/// The cluster whose models are found.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kubernetes {
    /// The namespaces that are looked into. Default: all, for which a `ClusterRole` is needed.
    #[serde(default)]
    pub(crate) namespaces: Maybe<At<Many<At<String>>>>,
    /// Which of KServe's objects are taken, as a label selector: `team=research,tier!=test`. Default: all.
    #[serde(default)]
    pub(crate) selector: Maybe<At<String>>,
    /// The file that says how the API server is reached, relative to this file. Default: the service account of the pod
    /// that this process runs in; elsewhere `$KUBECONFIG`, or `~/.kube/config`.
    #[serde(default)]
    pub(crate) kubeconfig: Maybe<At<String>>,
    /// Which context of that file counts. Default: its own current one.
    #[serde(default)]
    pub(crate) context: Maybe<At<String>>,
    /// The most calls that a model server gets at once. Default: 256.
    #[serde(default)]
    pub(crate) max_in_flight: Maybe<At<u32>>,
    /// The domain of the cluster's own names. Default: cluster.local.
    #[serde(default)]
    pub(crate) domain: Maybe<At<String>>,
    /// Whom to trust where a model server shows a certificate. Default: those that this machine trusts.
    #[serde(default)]
    pub(crate) tls: Maybe<At<WorkloadTls>>,
}

/// Whom to trust where a model server of the cluster shows a certificate. No secret is read for it: KServe keeps what an
/// `LLMInferenceService` shows beside its private key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkloadTls {
    /// The PEM file of the authorities that count for all, relative to this file; in a cluster, mounted from a config map.
    #[serde(default)]
    pub(crate) ca: Maybe<At<String>>,
    /// Those that count for one object in their place: a PEM file for each `namespace/name`.
    #[serde(default)]
    pub(crate) objects: Named<At<String>>,
}
