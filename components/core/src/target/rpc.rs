//! The methods of the Open Inference Protocol over gRPC (<https://github.com/kserve/open-inference-protocol>), and of
//! gRPC's health checks (<https://github.com/grpc/grpc/blob/master/doc/health-checking.md>).

/// A method of gRPC that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rpc {
    /// `ServerLive`
    ServerLive,
    /// `ServerReady`
    ServerReady,
    /// `ServerMetadata`
    ServerMetadata,
    /// `ModelReady`
    ModelReady,
    /// `ModelMetadata`
    ModelMetadata,
    /// `ModelInfer`
    ModelInfer,
    /// `ModelStreamInfer`, Triton's extension: messages in both directions.
    ModelStreamInfer,
    /// `Check` of gRPC's health service.
    HealthCheck,
    /// `Watch` of gRPC's health service.
    HealthWatch,
}

impl Rpc {
    /// Every method.
    pub const ALL: [Self; 9] = [
        Self::ServerLive,
        Self::ServerReady,
        Self::ServerMetadata,
        Self::ModelReady,
        Self::ModelMetadata,
        Self::ModelInfer,
        Self::ModelStreamInfer,
        Self::HealthCheck,
        Self::HealthWatch,
    ];

    /// The service of the Open Inference Protocol: by this name its health is asked, too.
    pub const SERVICE: &str = "inference.GRPCInferenceService";

    /// The path under which gRPC calls it: service and method.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::ServerLive => "/inference.GRPCInferenceService/ServerLive",
            Self::ServerReady => "/inference.GRPCInferenceService/ServerReady",
            Self::ServerMetadata => "/inference.GRPCInferenceService/ServerMetadata",
            Self::ModelReady => "/inference.GRPCInferenceService/ModelReady",
            Self::ModelMetadata => "/inference.GRPCInferenceService/ModelMetadata",
            Self::ModelInfer => "/inference.GRPCInferenceService/ModelInfer",
            Self::ModelStreamInfer => "/inference.GRPCInferenceService/ModelStreamInfer",
            Self::HealthCheck => "/grpc.health.v1.Health/Check",
            Self::HealthWatch => "/grpc.health.v1.Health/Watch",
        }
    }

    /// Whether a model answers.
    #[must_use]
    pub fn infers(self) -> bool {
        matches!(self, Self::ModelInfer | Self::ModelStreamInfer)
    }

    /// Whether callers go on to send messages while they are answered.
    #[must_use]
    pub fn goes_on(self) -> bool {
        self == Self::ModelStreamInfer
    }

    /// Whether the question is about the server, and its message names no model.
    #[must_use]
    pub fn is_about_the_server(self) -> bool {
        !matches!(self, Self::ModelReady | Self::ModelMetadata | Self::ModelInfer | Self::ModelStreamInfer)
    }

    /// The method at this path.
    pub(super) fn read(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rpc| rpc.path() == path)
    }
}

/// Whether a path is one of gRPC's, whether or not there is such a method.
pub(super) fn is_grpc(path: &str) -> bool {
    ["/inference.GRPCInferenceService/", "/grpc.health.v1.Health/"].iter().any(|service| path.starts_with(service))
}

/// Whether a path is for loading or unloading a model.
pub(super) fn loads(path: &str) -> bool {
    matches!(
        path,
        "/inference.GRPCInferenceService/RepositoryModelLoad" | "/inference.GRPCInferenceService/RepositoryModelUnload"
    )
}
