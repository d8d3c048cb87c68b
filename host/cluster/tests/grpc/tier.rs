//! Tier two before model servers that speak gRPC, and an edge that calls it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderValue};
use prost::Message;
use tonic::client::Grpc;
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use weir_cluster::{ClusterOptions, EndpointOptions, EndpointState, Health, Model, Watched};
use weir_core::grpc::framed;
use weir_core::{Rpc, header, signing};

use crate::common::{AUDIENCE, Tier, key, now, principal};
use weir_tests::grpc::Server;
use weir_tests::grpc::{InferRequest, InferResponse};

/// The defaults, with the model `llama` on these servers, and health checks out of the way.
pub(crate) fn options(servers: &[&Server]) -> ClusterOptions {
    let endpoints = servers.iter().map(|server| endpoint(server)).collect();
    let models = vec![Model { aliases: vec!["llama-latest".into()], ..Model::new("llama", endpoints) }];
    let health = Health { every: Duration::from_secs(3600), ..Health::default() };
    ClusterOptions { models, health, ..ClusterOptions::default() }
}

/// A server, as a place of a model.
pub(crate) fn endpoint(server: &Server) -> EndpointOptions {
    let endpoint = EndpointOptions::new(format!("http://{}", server.addr).parse().unwrap(), "/openai/v1");
    EndpointOptions { watched: Watched::Elsewhere, ..endpoint }
}

pub(crate) fn before(servers: &[&Server]) -> Tier {
    Tier::start(options(servers))
}

/// The endpoints of the one model.
pub(crate) fn endpoints(tier: &Tier) -> Vec<EndpointState> {
    tier.cluster.snapshot().models.remove(0).versions.remove(0).endpoints
}

/// An edge's connection to tier two.
pub(crate) struct Edge(Grpc<Channel>);

/// The headers of a call with this message, or that begins with it, signed.
pub(crate) fn signed(path: &str, message: &[u8], stream: bool, models: &[&str]) -> HeaderMap {
    signed_body(path, &framed(message), stream, models)
}

/// The same, for a body as it is.
pub(crate) fn signed_body(path: &str, body: &[u8], stream: bool, models: &[&str]) -> HeaderMap {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    let mut token = [1; 16];
    token[..8].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_le_bytes());
    let mut headers = HeaderMap::new();
    headers.insert(header::PRINCIPAL, header::json_value(&principal(models)));
    headers.insert(header::REQUEST, HeaderValue::from_static("01920000-0000-7000-8000-000000000001"));
    let call = signing::Call { method: "POST", path, headers: &headers, body };
    let sign = if stream { signing::sign_stream } else { signing::sign };
    let token = sign(&key(7), "edge", AUDIENCE, call, now(), token);
    headers.insert(header::TOKEN, token.parse().unwrap());
    headers
}

impl Edge {
    pub(crate) async fn of(tier: &Tier) -> Self {
        let channel = Channel::from_shared(format!("http://{}", tier.addr)).unwrap().connect().await.unwrap();
        Self(Grpc::new(channel).max_decoding_message_size(usize::MAX))
    }

    /// A call with one message and one answer, by a caller that may use all models.
    pub(crate) async fn call<Q, A>(&self, rpc: Rpc, message: Q) -> Result<Response<A>, Status>
    where
        Q: Message + Default + Clone + 'static,
        A: Message + Default + 'static,
    {
        let headers = signed(rpc.path(), &message.encode_to_vec(), false, &["*"]);
        self.send(rpc.path(), message, headers).await
    }

    pub(crate) async fn infer(&self, message: InferRequest) -> Result<Response<InferResponse>, Status> {
        self.call(Rpc::ModelInfer, message).await
    }

    pub(crate) async fn send<Q, A>(&self, path: &str, message: Q, headers: HeaderMap) -> Result<Response<A>, Status>
    where
        Q: Message + Default + Clone + 'static,
        A: Message + Default + 'static,
    {
        let request = Request::from_parts(MetadataMap::from_headers(headers), Default::default(), message);
        let mut grpc = self.0.clone();
        grpc.ready().await.unwrap();
        grpc.unary(request, path.parse().unwrap(), ProstCodec::<Q, A>::default()).await
    }

    /// A call that is answered with a stream.
    pub(crate) async fn watch<Q, A>(&self, rpc: Rpc, message: Q) -> Result<Streaming<A>, Status>
    where
        Q: Message + Default + Clone + 'static,
        A: Message + Default + 'static,
    {
        let headers = signed(rpc.path(), &message.encode_to_vec(), false, &["*"]);
        let request = Request::from_parts(MetadataMap::from_headers(headers), Default::default(), message);
        let mut grpc = self.0.clone();
        grpc.ready().await.unwrap();
        let codec = ProstCodec::<Q, A>::default();
        Ok(grpc.server_streaming(request, rpc.path().parse().unwrap(), codec).await?.into_inner())
    }

    /// A stream in both directions that begins with `first`.
    pub(crate) async fn stream(
        &self,
        first: InferRequest,
        rest: impl Stream<Item = InferRequest> + Send + 'static,
    ) -> Result<Streaming<InferResponse>, Status> {
        let path = Rpc::ModelStreamInfer.path();
        let headers = signed(path, &first.encode_to_vec(), true, &["*"]);
        let messages = futures::stream::iter([first]).chain(rest);
        let request = Request::from_parts(MetadataMap::from_headers(headers), Default::default(), messages);
        let mut grpc = self.0.clone();
        grpc.ready().await.unwrap();
        Ok(grpc.streaming(request, path.parse().unwrap(), ProstCodec::default()).await?.into_inner())
    }
}
