//! The cluster in which models are found.

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
    /// Whom to trust where a model server shows a certificate. `None`: those that this machine trusts.
    pub trust: Option<WorkloadTrust>,
}

/// Whom to trust for the certificates of a cluster's model servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkloadTrust {
    /// These authorities, as PEM.
    Authorities(Arc<[u8]>),
    /// Those in a config map of the cluster.
    ConfigMap {
        /// Its namespace; that of each model where there is none.
        namespace: Option<String>,
        /// Its name.
        name: String,
    },
}
