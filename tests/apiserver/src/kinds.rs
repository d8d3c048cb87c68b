/// A kind of object that the server knows.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its API group; empty for the core group.
    pub group: &'static str,
    /// The versions in which it is served.
    pub versions: &'static [&'static str],
    /// Its name in paths.
    pub plural: &'static str,
    /// Its name in objects.
    pub kind: &'static str,
    /// Whether a custom resource definition makes it.
    pub custom: bool,
}

/// All of them. Each lives in namespaces.
pub const KINDS: &[Kind] = &[
    built_in("", "pods", "Pod"),
    built_in("", "services", "Service"),
    built_in("", "configmaps", "ConfigMap"),
    built_in("discovery.k8s.io", "endpointslices", "EndpointSlice"),
    custom("serving.kserve.io", &["v1beta1"], "inferenceservices", "InferenceService"),
    custom("serving.kserve.io", &["v1alpha2", "v1alpha1"], "llminferenceservices", "LLMInferenceService"),
    custom("serving.kserve.io", &["v1alpha1"], "inferencegraphs", "InferenceGraph"),
    custom("inference.networking.k8s.io", &["v1"], "inferencepools", "InferencePool"),
    custom("llm-d.ai", &["v1alpha2"], "inferenceobjectives", "InferenceObjective"),
    custom("llm-d.ai", &["v1alpha2"], "inferencemodelrewrites", "InferenceModelRewrite"),
    custom("inference.networking.x-k8s.io", &["v1alpha2"], "inferenceobjectives", "InferenceObjective"),
    custom("inference.networking.x-k8s.io", &["v1alpha2"], "inferencemodelrewrites", "InferenceModelRewrite"),
];

impl Kind {
    /// `apiVersion` of its objects in a version.
    pub(crate) fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }

    /// `inferenceservices.serving.kserve.io`.
    pub(crate) fn full_name(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }
}

const fn built_in(group: &'static str, plural: &'static str, kind: &'static str) -> Kind {
    Kind { group, versions: &["v1"], plural, kind, custom: false }
}

const fn custom(
    group: &'static str,
    versions: &'static [&'static str],
    plural: &'static str,
    kind: &'static str,
) -> Kind {
    Kind { group, versions, plural, kind, custom: true }
}
