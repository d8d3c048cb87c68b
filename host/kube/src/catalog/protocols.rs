//! What the servers of an `InferenceService` speak, by its runtime, its format and the protocol that its owner asked for.

use weir_cluster::Protocols;

use super::endpoints::Manner;
use crate::objects::{InferenceService, Pod};

/// What servers speak, and where.
#[derive(Clone, Copy)]
pub(super) struct Spoken {
    pub(super) protocols: Protocols,
    pub(super) manner: Manner,
}

/// Where KServe's own servers speak gRPC; their services do not say so.
const KSERVE_GRPC: u16 = 8081;

/// A kind of model server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Runtime {
    /// KServe's own, in Python.
    KServe,
    /// KServe's own for language models.
    HuggingFace,
    MlServer,
    Triton,
    TorchServe,
    TensorFlow,
    OpenVino,
    /// vLLM, SGLang: OpenAI's paths at `/v1`.
    Engine,
    /// Whoever's.
    Unknown,
}

/// What a runtime's name, or a format's, has in it. The first that fits counts.
const RUNTIMES: [(&str, Runtime); 20] = [
    ("huggingface", Runtime::HuggingFace),
    ("mlserver", Runtime::MlServer),
    ("triton", Runtime::Triton),
    ("torchserve", Runtime::TorchServe),
    ("tensorflow", Runtime::TensorFlow),
    ("ovms", Runtime::OpenVino),
    ("openvino", Runtime::OpenVino),
    ("vllm", Runtime::Engine),
    ("sglang", Runtime::Engine),
    ("sklearnserver", Runtime::KServe),
    ("xgbserver", Runtime::KServe),
    ("lgbserver", Runtime::KServe),
    ("pmmlserver", Runtime::KServe),
    ("paddleserver", Runtime::KServe),
    ("predictiveserver", Runtime::KServe),
    // Formats that KServe runs on its own servers.
    ("sklearn", Runtime::KServe),
    ("xgboost", Runtime::KServe),
    ("lightgbm", Runtime::KServe),
    ("pmml", Runtime::KServe),
    ("paddle", Runtime::KServe),
];

impl Runtime {
    fn of(service: &InferenceService, pod: Option<&Pod>) -> Self {
        let by_name = |name: &str| {
            let name = name.to_ascii_lowercase();
            RUNTIMES.iter().find(|(part, _)| name.contains(part)).map(|(_, server)| *server)
        };
        let Some((model, format)) = service.spec.predictor.model() else {
            let mut containers = service.spec.predictor.containers.iter();
            let engine = containers.any(|container| container.is_engine())
                || pod.is_some_and(|pod| pod.containers().any(|container| container.is_engine()));
            return if engine { Self::Engine } else { Self::Unknown };
        };
        let status = &service.status;
        let runtimes = [&status.serving_runtime_name, &status.cluster_serving_runtime_name, &model.runtime];
        let runtime = runtimes.into_iter().find(|name| !name.is_empty()).and_then(|name| by_name(name));
        runtime.or_else(|| by_name(format)).unwrap_or(match format {
            "pytorch" => Self::TorchServe,
            "onnx" => Self::Triton,
            _ => Self::Unknown,
        })
    }

    fn spoken(self) -> Spoken {
        let rest = Protocols { v1: true, v2: true, ..Protocols::NONE };
        let v2 = Protocols { v2: true, grpc: true, ..Protocols::NONE };
        let (protocols, base_path, grpc_port) = match self {
            Self::KServe => (Protocols { grpc: true, ..rest }, "/openai/v1", Some(KSERVE_GRPC)),
            Self::HuggingFace => (Protocols { openai: true, grpc: true, ..rest }, "/openai/v1", Some(KSERVE_GRPC)),
            Self::MlServer | Self::Triton => (v2, "/v1", None),
            Self::TorchServe => (Protocols { grpc: true, ..rest }, "/v1", None),
            Self::TensorFlow => (Protocols { v1: true, ..Protocols::NONE }, "/v1", None),
            Self::OpenVino => (Protocols { openai: true, grpc: true, ..rest }, "/v3", None),
            Self::Engine => (Protocols { openai: true, ..Protocols::NONE }, "/v1", None),
            // It knows itself what it has; KServe's own library has OpenAI's paths there.
            Self::Unknown => (Protocols::ANY, "/openai/v1", None),
        };
        Spoken { protocols, manner: Manner { base_path, grpc_port } }
    }
}

/// What an `InferenceService` speaks, with one of its pods where it is known.
pub(super) fn spoken(service: &InferenceService, pod: Option<&Pod>) -> Spoken {
    let mut spoken = Runtime::of(service, pod).spoken();
    if let Some((model, _)) = service.spec.predictor.model() {
        match &*model.protocol_version {
            "v1" => spoken.protocols.v1 = true,
            "v2" => spoken.protocols.v2 = true,
            "grpc-v2" => spoken.protocols.grpc = true,
            _ => {}
        }
    }
    spoken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_says_more_than_a_format_and_both_more_than_nothing() {
        let read = |predictor: &str, status: &str| {
            let json =
                format!(r#"{{"metadata": {{"name": "a"}}, "spec": {{"predictor": {predictor}}}, "status": {status}}}"#);
            Runtime::of(&serde_json::from_str(&json).unwrap(), None)
        };
        let sklearn = r#"{"model": {"modelFormat": {"name": "sklearn"}}}"#;
        assert_eq!(read(sklearn, "{}"), Runtime::KServe);
        assert_eq!(read(sklearn, r#"{"clusterServingRuntimeName": "kserve-mlserver"}"#), Runtime::MlServer);
        assert_eq!(read(sklearn, r#"{"servingRuntimeName": "ours"}"#), Runtime::KServe);
        assert_eq!(read(r#"{"sklearn": {}}"#, "{}"), Runtime::KServe);
        assert_eq!(read(r#"{"model": {"modelFormat": {"name": "vLLM"}}}"#, "{}"), Runtime::Engine);
        assert_eq!(read(r#"{"model": {"modelFormat": {"name": "onnx"}}}"#, "{}"), Runtime::Triton);
        assert_eq!(read(r#"{"containers": [{"args": ["serve", "--served-model-name=a"]}]}"#, "{}"), Runtime::Engine);
        assert_eq!(read(r#"{"containers": [{"image": "x"}]}"#, "{}"), Runtime::Unknown);
        assert_eq!(read("{}", "{}"), Runtime::Unknown);
    }
}
