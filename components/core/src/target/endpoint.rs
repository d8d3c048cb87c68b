//! What a path can name.

use std::borrow::Cow;

use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Rpc;

/// What is escaped of a name in a path: all but RFC 3986's unreserved characters, and the `/` that names may hold.
const NAME: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// What a path names. Azure's paths (`/openai/v1/…`, `/openai/deployments/{model}/…`) and those of a service in the cluster
/// (`/{namespace}/{name}/v1/…`) name the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/responses/input_tokens`
    InputTokens,
    /// `POST /v1/messages`
    Messages,
    /// `POST /v1/messages/count_tokens`
    CountTokens,
    /// `GET /v1/models`
    Models,
    /// `GET /v1/models/{model}`: OpenAI's description of a model, and KServe V1's question whether it is ready.
    Model(String),
    /// `POST /tokenize`, as vLLM and SGLang have it.
    Tokenize,
    /// `POST /detokenize`
    Detokenize,
    /// `GET /`: whether a server of KServe V1 is alive.
    Alive,
    /// `POST /v1/models/{model}:predict`
    Predict,
    /// `POST /v1/models/{model}:explain`
    Explain,
    /// `GET /v2`
    ServerMetadata,
    /// `GET /v2/health/live`
    ServerLive,
    /// `GET /v2/health/ready`
    ServerReady,
    /// `GET /v2/models`
    ModelNames,
    /// `POST /v2/repository/index`, as Triton and MLServer have it.
    RepositoryIndex,
    /// `GET /v2/models/{model}`
    ModelMetadata,
    /// `GET /v2/models/{model}/ready`
    ModelReady,
    /// `POST /v2/models/{model}/infer`
    Infer,
    /// `POST /v2/models/{model}/generate`, Triton's extension for text.
    Generate,
    /// `POST /v2/models/{model}/generate_stream`
    GenerateStream,
    /// A method of the Open Inference Protocol over gRPC, or of gRPC's health checks. A model stands in the message.
    Grpc(Rpc),
}

impl Endpoint {
    /// The path by which it is known, however the caller wrote it. `{model}` stands for a model that has its own place,
    /// [`RequestView::model`](super::RequestView::model).
    #[must_use]
    pub fn path(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Embeddings => "/v1/embeddings",
            Self::Responses => "/v1/responses",
            Self::InputTokens => "/v1/responses/input_tokens",
            Self::Messages => "/v1/messages",
            Self::CountTokens => "/v1/messages/count_tokens",
            Self::Models => "/v1/models",
            Self::Model(name) => return Cow::Owned(format!("/v1/models/{name}")),
            Self::Tokenize => "/tokenize",
            Self::Detokenize => "/detokenize",
            Self::Alive => "/",
            Self::Predict => "/v1/models/{model}:predict",
            Self::Explain => "/v1/models/{model}:explain",
            Self::ServerMetadata => "/v2",
            Self::ServerLive => "/v2/health/live",
            Self::ServerReady => "/v2/health/ready",
            Self::ModelNames => "/v2/models",
            Self::RepositoryIndex => "/v2/repository/index",
            Self::ModelMetadata => "/v2/models/{model}",
            Self::ModelReady => "/v2/models/{model}/ready",
            Self::Infer => "/v2/models/{model}/infer",
            Self::Generate => "/v2/models/{model}/generate",
            Self::GenerateStream => "/v2/models/{model}/generate_stream",
            Self::Grpc(rpc) => rpc.path(),
        })
    }

    /// The path at which a server has it for this model, and this version of it, as far as the path names them.
    #[must_use]
    pub fn path_for(&self, model: &str, version: Option<&str>) -> String {
        let name = utf8_percent_encode(model, &NAME);
        if let Self::Model(_) = self {
            return format!("/v1/models/{name}");
        }
        let version = version.map(|version| format!("/versions/{}", utf8_percent_encode(version, &NAME)));
        self.path().replace("{model}", &format!("{name}{}", version.unwrap_or_default()))
    }

    /// The method that it takes.
    #[must_use]
    pub fn method(&self) -> Method {
        match self {
            Self::Models | Self::Model(_) | Self::Alive => Method::GET,
            Self::ServerMetadata | Self::ServerLive | Self::ServerReady => Method::GET,
            Self::ModelNames | Self::ModelMetadata | Self::ModelReady => Method::GET,
            _ => Method::POST,
        }
    }

    /// Whether a prompt's tokens are counted there and nothing is answered, which costs nothing.
    #[must_use]
    pub fn counts(&self) -> bool {
        matches!(self, Self::InputTokens | Self::CountTokens)
    }

    /// Whether no model answers there: what is asked about costs no tokens.
    #[must_use]
    pub fn is_free(&self) -> bool {
        match self {
            Self::Tokenize | Self::Detokenize | Self::RepositoryIndex => true,
            Self::Grpc(rpc) => !rpc.infers(),
            _ => self.counts() || self.method() == Method::GET,
        }
    }

    /// Whether the question is about the server, and no model is named.
    #[must_use]
    pub fn is_about_the_server(&self) -> bool {
        match self {
            Self::Models | Self::Alive | Self::ModelNames | Self::RepositoryIndex => true,
            Self::ServerMetadata | Self::ServerLive | Self::ServerReady => true,
            Self::Grpc(rpc) => rpc.is_about_the_server(),
            _ => false,
        }
    }
}
