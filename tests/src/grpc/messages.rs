//! The messages of `grpc_predict_v2.proto` and of gRPC's health protocol, as far as the tests need them.

/// `ModelInferRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub struct InferRequest {
    /// The model.
    #[prost(string, tag = "1")]
    pub model_name: String,
    /// Its version; nearly always empty.
    #[prost(string, tag = "2")]
    pub model_version: String,
    /// The id of the request.
    #[prost(string, tag = "3")]
    pub id: String,
    /// The tensors' bytes.
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub raw_input_contents: Vec<Vec<u8>>,
}

/// `ModelInferResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub struct InferResponse {
    /// The model.
    #[prost(string, tag = "1")]
    pub model_name: String,
    /// The id of the request.
    #[prost(string, tag = "3")]
    pub id: String,
    /// The tensors' bytes.
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub raw_output_contents: Vec<Vec<u8>>,
}

/// `ModelReadyRequest`, `ModelMetadataRequest`, `HealthCheckRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub struct Named {
    /// The name.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// `ServerLiveResponse`, `ServerReadyResponse`, `ModelReadyResponse`, `HealthCheckResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub struct Said {
    /// A truth value or the value of an enumeration.
    #[prost(int32, tag = "1")]
    pub value: i32,
}

/// `ServerMetadataResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub struct ServerMetadata {
    /// The name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The version.
    #[prost(string, tag = "2")]
    pub version: String,
}

impl InferRequest {
    /// A message that names a model and an id, and nothing else.
    #[must_use]
    pub fn of(model: &str, id: &str) -> Self {
        Self { model_name: model.into(), id: id.into(), ..Self::default() }
    }
}
