//! A model server that does as it is told.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use http::HeaderMap;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::server::Grpc;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use super::messages::{InferRequest, InferResponse, Named, Said};

/// What a server does with an inference.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    /// Says it again.
    Echo,
    /// Says that it fails.
    Fails(Code),
    /// Never answers.
    Hangs,
    /// Of a stream: answers one message and then reads no more.
    StopsReading,
    /// Of a stream: begins its answer, head and all, with the second message alone.
    WaitsForTwo,
    /// Of a stream: answers the first message and fails with the second.
    FailsLater(Code),
}

/// A model server on loopback. Dropping it closes its connections.
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What it has seen.
    pub seen: Arc<Seen>,
    task: JoinHandle<()>,
}

/// What a server has seen.
#[derive(Default)]
pub struct Seen {
    heads: Mutex<Vec<(String, HeaderMap)>>,
    requests: Mutex<Vec<InferRequest>>,
    left: Mutex<Option<Instant>>,
}

impl Seen {
    /// The path and the headers of each call.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn heads(&self) -> Vec<(String, HeaderMap)> {
        self.heads.lock().expect("nobody panics with it").clone()
    }

    /// Each message of an inference.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn requests(&self) -> Vec<InferRequest> {
        self.requests.lock().expect("nobody panics with it").clone()
    }

    /// When a call was given up by its caller, or a stream had ended.
    ///
    /// # Panics
    /// Never.
    pub async fn left(&self) -> Instant {
        loop {
            if let Some(at) = *self.left.lock().expect("nobody panics with it") {
                return at;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Notes when it is dropped before its time.
struct Leaving(Arc<Seen>);

impl Drop for Leaving {
    fn drop(&mut self) {
        *self.0.left.lock().expect("nobody panics with it") = Some(Instant::now());
    }
}

impl Server {
    /// Starts one.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start(does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("it is bound");
        let seen = Arc::new(Seen::default());
        let noting = seen.clone();
        let service = tower::service_fn(move |request| handle(does, noting.clone(), request).map(Ok::<_, Infallible>));
        let serving =
            tonic::transport::Server::builder().serve_with_incoming(service, TcpListenerStream::new(listener));
        let task = tokio::spawn(async move { serving.await.expect("it serves") });
        Self { addr, seen, task }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn handle(does: Does, seen: Arc<Seen>, request: http::Request<Body>) -> http::Response<Body> {
    let path = request.uri().path().to_owned();
    seen.heads.lock().expect("nobody panics with it").push((path.clone(), request.headers().clone()));
    match path.rsplit('/').next().unwrap_or_default() {
        "ModelInfer" => {
            let service = tower::service_fn(move |request| infer(does, seen.clone(), request));
            Grpc::new(ProstCodec::default()).max_decoding_message_size(usize::MAX).unary(service, request).await
        }
        "ModelStreamInfer" => {
            let service = tower::service_fn(move |request| stream(does, seen.clone(), request));
            Grpc::new(ProstCodec::default()).max_decoding_message_size(usize::MAX).streaming(service, request).await
        }
        _ => {
            let service = tower::service_fn(|request: Request<Named>| async move {
                let value = i32::from(request.into_inner().name == "llama");
                Ok::<_, Status>(Response::new(Said { value }))
            });
            Grpc::new(ProstCodec::default()).unary(service, request).await
        }
    }
}

async fn infer(does: Does, seen: Arc<Seen>, request: Request<InferRequest>) -> Result<Response<InferResponse>, Status> {
    let request = request.into_inner();
    seen.requests.lock().expect("nobody panics with it").push(request.clone());
    match does {
        Does::Fails(code) => Err(failure(code)),
        Does::Hangs => {
            let _leaving = Leaving(seen);
            std::future::pending().await
        }
        _ => {
            let mut response = Response::new(echo(request));
            response.metadata_mut().insert("x-weir-usage", MetadataValue::from_static("forged"));
            Ok(response)
        }
    }
}

type Answers = BoxStream<'static, Result<InferResponse, Status>>;

async fn stream(
    does: Does,
    seen: Arc<Seen>,
    request: Request<Streaming<InferRequest>>,
) -> Result<Response<Answers>, Status> {
    let mut messages = request.into_inner();
    let mut early = Vec::new();
    match does {
        Does::Fails(code) => return Err(failure(code)),
        Does::WaitsForTwo => {
            for _ in 0..2 {
                early.extend(messages.next().await);
            }
        }
        _ => {}
    }
    let messages = futures::stream::iter(early).chain(messages);
    let leaving = Leaving(seen.clone());
    let answers = futures::stream::unfold((messages, leaving, 0), move |(mut messages, leaving, count)| {
        let seen = seen.clone();
        async move {
            match does {
                Does::FailsLater(_) if count == 2 => return None,
                Does::StopsReading if count == 1 => std::future::pending().await,
                _ => {}
            }
            match messages.next().await {
                Some(Ok(request)) => {
                    seen.requests.lock().expect("nobody panics with it").push(request.clone());
                    let answer = match does {
                        Does::FailsLater(code) if count == 1 => Err(failure(code)),
                        _ => Ok(echo(request)),
                    };
                    Some((answer, (messages, leaving, count + 1)))
                }
                Some(Err(_)) | None => None,
            }
        }
    });
    Ok(Response::new(answers.boxed()))
}

fn echo(request: InferRequest) -> InferResponse {
    let InferRequest { model_name, id, raw_input_contents, .. } = request;
    InferResponse { model_name, id, raw_output_contents: raw_input_contents }
}

fn failure(code: Code) -> Status {
    let mut trailers = MetadataMap::new();
    trailers.insert("x-weir-usage", MetadataValue::from_static("forged"));
    trailers.insert("x-own", MetadataValue::from_static("1"));
    Status::with_details_and_metadata(code, "it does not, 100%\nno", bytes::Bytes::from_static(b"why"), trailers)
}
