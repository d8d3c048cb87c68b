//! The messages of `grpc_predict_v2.proto` and of gRPC's health protocol, as far as the tests need them.

/// `ModelInferRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct InferRequest {
    #[prost(string, tag = "1")]
    pub(crate) model_name: String,
    #[prost(string, tag = "2")]
    pub(crate) model_version: String,
    #[prost(string, tag = "3")]
    pub(crate) id: String,
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub(crate) raw_input_contents: Vec<Vec<u8>>,
}

/// `ModelInferResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct InferResponse {
    #[prost(string, tag = "1")]
    pub(crate) model_name: String,
    #[prost(string, tag = "3")]
    pub(crate) id: String,
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub(crate) raw_output_contents: Vec<Vec<u8>>,
}

/// `ModelReadyRequest`, `ModelMetadataRequest`, `HealthCheckRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Named {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
}

/// `ServerLiveResponse`, `ServerReadyResponse`, `ModelReadyResponse`, `HealthCheckResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Said {
    #[prost(int32, tag = "1")]
    pub(crate) value: i32,
}

/// `ServerMetadataResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ServerMetadata {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) version: String,
}

impl InferRequest {
    pub(crate) fn of(model: &str, id: &str) -> Self {
        Self { model_name: model.into(), id: id.into(), ..Self::default() }
    }
}
