//! The cluster in which models are found.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The cluster in which models are found, and which of its objects are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesSettings {
    /// The namespaces that are looked into, each once; all where there are none.
    pub namespaces: Vec<String>,
    /// The label selector that KServe's objects must match.
    pub selector: Option<String>,
    /// The file that says how the API server is reached. `None`: the pod's service account, or as `kubectl` finds it.
    pub kubeconfig: Option<PathBuf>,
    /// Which context of that file counts. `None`: its current one.
    pub context: Option<String>,
    /// The most calls that a model server gets at once. 256.
    pub max_in_flight: u32,
    /// The domain of the cluster's own names. `cluster.local`.
    pub domain: String,
    /// Whom to trust where a model server shows a certificate; those that this machine trusts where nothing is said.
    pub trust: WorkloadTrust,
}

/// Whom to trust for the certificates of a cluster's model servers, as PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkloadTrust {
    /// For all that have none of their own.
    pub all: Option<Arc<[u8]>>,
    /// For single objects, by namespace and name.
    pub objects: BTreeMap<(String, String), Arc<[u8]>>,
}
