use schemars::JsonSchema;
use serde::Deserialize;

use crate::read::{At, Many, Maybe};

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
    /// Whom to trust where a model server shows a certificate.
    #[serde(default)]
    pub(crate) tls: Maybe<At<WorkloadTls>>,
}

/// Whom to trust where a model server of the cluster shows a certificate. Write one of the two.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkloadTls {
    /// The PEM file of the authorities, relative to this file.
    #[serde(default)]
    pub(crate) ca: Maybe<At<String>>,
    /// The config map that holds them, as `name` for one in each model's own namespace, or as `namespace/name`.
    #[serde(default)]
    pub(crate) ca_config_map: Maybe<At<String>>,
}
