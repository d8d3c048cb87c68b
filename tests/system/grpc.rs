//! The Open Inference Protocol over gRPC through both tiers, with a gRPC library of others on both sides: rows S1, S2, S6
//! and S9 where messages go both ways.
#![allow(missing_docs, clippy::unwrap_used)]
#![allow(clippy::result_large_err, reason = "tonic's status is what it is")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::stream::{self, BoxStream, Stream, StreamExt as _};
use http::Request;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use tonic_prost::ProstCodec;
use weir_core::Rpc;
use weir_core::grpc::framed;
use weir_serve::{Body, BoxError, Client, ClientOptions, full};
use weir_tests::chat::records;
use weir_tests::grpc::{Does, InferRequest, InferResponse, Server};
use weir_tests::weir::{Built, KEY, OTHER_KEY, Setup, Weir};

/// How soon a server is told that its caller has left (DESIGN.md, section 3).
const CANCEL: Duration = Duration::from_millis(250);

/// The model as callers know it; its server knows it as `llama`.
const MODEL: &str = "house-llama";

/// Both tiers before this server.
fn before(server: &Server) -> Weir {
    before_what_is_at(server.addr)
}

fn before_what_is_at(address: SocketAddr) -> Weir {
    let origin = format!("http://{address}");
    let setup = Setup {
        models: json!([{"name": MODEL, "targets": [{"backend": "cluster", "model": "llama"}]}]),
        host_models: json!([{"name": "llama", "endpoints": [{"url": origin, "grpc": origin}]}]),
        host: json!({"health": "off"}),
        ..Setup::default()
    };
    Weir::start(&Built::at(env!("CARGO_BIN_EXE_weir")), &setup)
}

fn of(id: &str) -> InferRequest {
    InferRequest::of(MODEL, id)
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), work).await.expect("not within ten seconds")
}

/// A call in which both sides send messages, with tonic's client.
async fn streamed(
    weir: &Weir,
    key: &str,
    messages: impl Stream<Item = InferRequest> + Send + 'static,
) -> Result<Streaming<InferResponse>, Status> {
    let channel = Channel::from_shared(format!("http://{}", weir.edge)).unwrap().connect().await.unwrap();
    let mut grpc = Grpc::new(channel).max_decoding_message_size(usize::MAX);
    let mut request = tonic::Request::new(messages);
    request.metadata_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    grpc.ready().await.unwrap();
    let path = Rpc::ModelStreamInfer.path().parse().unwrap();
    let codec = ProstCodec::<InferRequest, InferResponse>::default();
    Ok(within(grpc.streaming(request, path, codec)).await?.into_inner())
}

/// How a call was settled.
async fn settled(weir: &Weir) -> Value {
    records(weir.control, 1).await.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_is_answered_before_the_next_is_sent() {
    let server = Server::start(Does::Echo).await;
    let weir = before(&server);
    let (sender, receiver) = mpsc::unbounded_channel();
    sender.send(of("0")).unwrap();
    let mut answers = streamed(&weir, KEY, UnboundedReceiverStream::new(receiver)).await.unwrap();
    // More than an instance may hold of bodies, and than a body may have: a stream has no length.
    let sizes = [0, 1, 100_000, 7_900_000, 7_900_000, 7_900_000, 7_900_000, 7_900_000, 3];
    for (id, size) in sizes.into_iter().enumerate() {
        let answer = within(answers.message()).await.unwrap().unwrap();
        assert_eq!((answer.model_name.as_str(), answer.id), ("llama", id.to_string()));
        let mut next = of(&(id + 1).to_string());
        next.raw_input_contents = vec![vec![7; size]];
        sender.send(next).unwrap();
    }
    drop(sender);
    let last = within(answers.message()).await.unwrap().unwrap();
    assert_eq!((last.id.as_str(), last.raw_output_contents[0].len()), ("9", 3));
    assert!(within(answers.message()).await.unwrap().is_none(), "the client's end is passed on");
    let record = settled(&weir).await;
    assert_eq!((&record["ending"], &record["attempt"]), (&"complete".into(), &1.into()), "{record:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_may_wait_for_more_before_it_begins_its_answer() {
    let server = Server::start(Does::WaitsForTwo).await;
    let weir = before(&server);
    let more = stream::iter([of("0"), of("1")]).chain(stream::pending());
    let mut answers = streamed(&weir, KEY, more).await.unwrap();
    for id in ["0", "1"] {
        assert_eq!(within(answers.message()).await.unwrap().unwrap().id, id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_is_for_the_model_of_the_first() {
    let server = Server::start(Does::Echo).await;
    let weir = before(&server);
    for wrong in [InferRequest::of("llama", "1"), InferRequest::default()] {
        let (sender, receiver) = mpsc::unbounded_channel();
        sender.send(of("0")).unwrap();
        let mut answers = streamed(&weir, KEY, UnboundedReceiverStream::new(receiver)).await.unwrap();
        assert_eq!(within(answers.message()).await.unwrap().unwrap().id, "0");
        sender.send(wrong).unwrap();
        let status = within(answers.message()).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert!(status.message().contains("began with the model `house-llama`"), "{status}");
    }
    let refused = async |key, first| streamed(&weir, key, stream::iter([first])).await.err().unwrap();
    assert_eq!(refused(KEY, InferRequest::of("nobody", "0")).await.code(), Code::NotFound);
    assert_eq!(refused(KEY, InferRequest::default()).await.code(), Code::InvalidArgument);
    assert_eq!(refused(OTHER_KEY, of("0")).await.code(), Code::PermissionDenied);
    assert_eq!(refused("nobody's", of("0")).await.code(), Code::Unauthenticated);
    let none = streamed(&weir, KEY, stream::empty()).await.err().unwrap();
    assert_eq!((none.code(), none.message()), (Code::InvalidArgument, "the call holds no message"));
    assert!(server.seen.requests().iter().all(|request| request.model_name == "llama" && request.id == "0"));
    for record in records(weir.control, 2).await {
        assert_eq!(record["ending"], "refused", "{record:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s1_a_server_that_fails_in_mid_stream_ends_it_with_its_status() {
    let server = Server::start(Does::FailsLater(Code::DataLoss)).await;
    let weir = before(&server);
    let messages = stream::iter([of("0"), of("1")]).chain(stream::pending());
    let mut answers = streamed(&weir, KEY, messages).await.unwrap();
    assert_eq!(within(answers.message()).await.unwrap().unwrap().id, "0");
    let status = within(answers.message()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::DataLoss, "it does not, 100%\nno"));
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let weir = before_what_is_at(nobody);
    let unreachable = streamed(&weir, KEY, stream::iter([of("0")])).await.err().unwrap();
    assert_eq!(unreachable.code(), Code::Unavailable, "{unreachable}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s2_when_the_caller_leaves_in_mid_stream_the_server_is_told_at_once() {
    for does in [Does::Echo, Does::StopsReading] {
        let server = Server::start(does).await;
        let weir = before(&server);
        let more = InferRequest { raw_input_contents: vec![vec![0; 100_000]], ..of("1") };
        // Where the server reads no more, what is sent fills all that lies between.
        let rest = match does {
            Does::StopsReading => stream::repeat(more).boxed(),
            _ => stream::pending().boxed(),
        };
        let mut answer = within(send(&weir, Rpc::ModelStreamInfer, stream::iter([of("0")]).chain(rest).boxed())).await;
        assert!(within(answer.frame()).await.unwrap().unwrap().is_data());
        tokio::time::sleep(Duration::from_millis(500)).await;
        let at = Instant::now();
        drop(answer);
        let noticed = within(server.seen.left()).await;
        assert!(noticed.saturating_duration_since(at) < CANCEL, "{does:?}: {:?}", noticed - at);
        let record = settled(&weir).await;
        assert_eq!(record["ending"], "client-gone", "{does:?}: {record:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s1_when_the_caller_of_one_message_leaves_the_server_is_told_at_once() {
    let server = Server::start(Does::Hangs).await;
    let weir = before(&server);
    let calling = send(&weir, Rpc::ModelInfer, stream::iter([of("0")]).boxed());
    let left = tokio::time::timeout(Duration::from_secs(1), calling).await;
    let at = Instant::now();
    assert!(left.is_err(), "the server does not answer");
    let noticed = within(server.seen.left()).await;
    assert!(noticed.saturating_duration_since(at) < CANCEL, "{:?}", noticed - at);
    assert_eq!(settled(&weir).await["ending"], "client-gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn s9_a_server_that_reads_no_more_holds_its_caller_back() {
    let server = Server::start(Does::StopsReading).await;
    let weir = before(&server);
    let sent = Arc::new(AtomicUsize::new(0));
    let counting = sent.clone();
    let rest = stream::repeat_with(move || {
        counting.fetch_add(100_000, Ordering::Relaxed);
        InferRequest { raw_input_contents: vec![vec![0; 100_000]], ..of("1") }
    });
    let mut answers = streamed(&weir, KEY, stream::iter([of("0")]).chain(rest)).await.unwrap();
    assert_eq!(within(answers.message()).await.unwrap().unwrap().id, "0");
    let mut before = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = sent.load(Ordering::Relaxed);
        if now == before {
            break;
        }
        before = now;
    }
    assert!(before < 8_000_000, "{before} bytes were taken that nobody reads");
}

/// Makes a call with Weir's own client: tonic's does not tell the other side when it drops an answer while it has more to
/// send.
async fn send(weir: &Weir, rpc: Rpc, messages: BoxStream<'static, InferRequest>) -> Body {
    let body = match rpc {
        Rpc::ModelInfer => full(framed(&messages.collect::<Vec<_>>().await[0].encode_to_vec())),
        _ => {
            let frame = |message: InferRequest| Ok::<_, BoxError>(Frame::data(framed(&message.encode_to_vec()).into()));
            StreamBody::new(messages.map(frame)).boxed_unsync()
        }
    };
    let request = Request::post(format!("http://{}{}", weir.edge, rpc.path()))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {KEY}"));
    let client = Client::new(ClientOptions { h2c: true, ..ClientOptions::default() }).unwrap();
    client.send(request.body(body).unwrap()).await.unwrap().into_body()
}
