//! Streams in both directions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::stream::{self, BoxStream, StreamExt as _};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Code;
use weir_cluster::{EndpointOptions, Grpc};
use weir_core::Rpc;
use weir_core::grpc::framed;
use weir_serve::{Body, BoxError, Client, ClientOptions};

use crate::common::{CANCEL, Tier, within};
use crate::tier::{Edge, before, endpoints, options, signed};
use weir_tests::grpc::InferRequest;
use weir_tests::grpc::{Does, Server};

fn of(id: &str) -> InferRequest {
    InferRequest::of("llama-latest", id)
}

#[tokio::test]
async fn messages_go_through_one_by_one_in_both_directions() {
    let server = Server::start(Does::Echo).await;
    let tier = before(&[&server]);
    let edge = Edge::of(&tier).await;
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut answers = within(edge.stream(of("0"), UnboundedReceiverStream::new(receiver))).await.unwrap();
    for id in 1..=5 {
        let answer = within(answers.message()).await.unwrap().unwrap();
        assert_eq!((answer.model_name.as_str(), answer.id), ("llama", (id - 1).to_string()));
        let mut next = of(&id.to_string());
        next.raw_input_contents = vec![vec![7; 100_000 * id]];
        sender.send(next).unwrap();
    }
    drop(sender);
    assert_eq!(within(answers.message()).await.unwrap().unwrap().id, "5");
    assert!(within(answers.message()).await.unwrap().is_none());
    let line = tier.log.lines(1).await.remove(0);
    assert_eq!((&line["grpc_status"], &line["ending"]), (&0.into(), &"complete".into()));
}

#[tokio::test]
async fn a_stream_is_signed_by_its_first_message() {
    let server = Server::start(Does::Echo).await;
    let tier = before(&[&server]);
    let edge = Edge::of(&tier).await;
    let path = Rpc::ModelStreamInfer.path();
    for (what, message, stream) in [("another message", of("2"), true), ("a token for a whole body", of("1"), false)] {
        let headers = signed(path, &message.encode_to_vec(), stream, &["*"]);
        let refused = edge.send::<_, InferRequest>(path, of("1"), headers).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{what}");
    }
    let headers = signed(path, &of("1").encode_to_vec(), true, &["other"]);
    let refused = edge.send::<_, InferRequest>(path, of("1"), headers).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(server.seen.heads().is_empty());
}

#[tokio::test]
async fn all_messages_of_a_stream_name_the_same_model() {
    for other in ["llama", "other", ""] {
        let server = Server::start(Does::Echo).await;
        let tier = before(&[&server]);
        let edge = Edge::of(&tier).await;
        let rest = stream::iter([of("1"), InferRequest::of(other, "2")]).chain(stream::pending());
        let status = match edge.stream(of("0"), rest).await {
            // It may come before the server's head.
            Err(status) => status,
            Ok(mut answers) => loop {
                match within(answers.message()).await {
                    Ok(answer) => assert!(answer.is_some()),
                    Err(status) => break status,
                }
            },
        };
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains("`llama-latest`"), "{}", status.message());
        assert!(server.seen.requests().iter().all(|request| request.id != "2"));
        assert!(endpoints(&tier)[0].standing.is_well());
        let line = tier.log.lines(1).await.remove(0);
        assert_eq!((&line["grpc_status"], &line["ending"]), (&3.into(), &"refused".into()));
    }
}

#[tokio::test]
async fn j1_a_message_of_a_stream_that_is_too_long_ends_it() {
    let server = Server::start(Does::Echo).await;
    let tier = Tier::start(weir_cluster::ClusterOptions { grpc: Grpc { message_bytes: 1000 }, ..options(&[&server]) });
    let edge = Edge::of(&tier).await;
    let long = InferRequest { raw_input_contents: vec![vec![0; 1000]], ..of("1") };
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut answers = edge.stream(of("0"), UnboundedReceiverStream::new(receiver)).await.unwrap();
    assert_eq!(within(answers.message()).await.unwrap().unwrap().id, "0");
    sender.send(long.clone()).unwrap();
    assert_eq!(within(answers.message()).await.unwrap_err().code(), Code::ResourceExhausted);
    let refused = within(edge.stream(long, stream::pending())).await.err().unwrap();
    assert_eq!(refused.code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn s6_when_the_caller_leaves_in_mid_stream_the_server_is_told_at_once() {
    for does in [Does::Echo, Does::StopsReading] {
        let server = Server::start(does).await;
        let tier = before(&[&server]);
        let more = InferRequest { raw_input_contents: vec![vec![0; 100_000]], ..of("1") };
        // Where the server reads no more, what is sent fills all that lies between.
        let rest = match does {
            Does::StopsReading => stream::repeat(more).boxed(),
            _ => stream::pending().boxed(),
        };
        let mut answer = open(&tier, of("0"), rest).await;
        assert!(within(answer.frame()).await.unwrap().unwrap().is_data());
        tokio::time::sleep(Duration::from_millis(300)).await;
        let at = Instant::now();
        drop(answer);
        let noticed = within(server.seen.left()).await;
        assert!(noticed.saturating_duration_since(at) < CANCEL, "{does:?}: {:?}", noticed - at);
        let line = tier.log.lines(1).await.remove(0);
        assert_eq!(line["ending"], "client-gone");
        assert_eq!(endpoints(&tier)[0].in_flight, 0);
    }
}

/// Begins a stream with Weir's own client: tonic's does not tell the other side when it drops an answer while it has more to
/// send.
async fn open(tier: &Tier, first: InferRequest, rest: BoxStream<'static, InferRequest>) -> Body {
    let path = Rpc::ModelStreamInfer.path();
    let frame = |message: InferRequest| Ok::<_, BoxError>(Frame::data(framed(&message.encode_to_vec()).into()));
    let frames = stream::iter([first.clone()]).chain(rest).map(frame);
    let body = StreamBody::new(frames).boxed_unsync();
    let mut request = http::Request::post(format!("http://{}{path}", tier.addr)).body(body).unwrap();
    *request.headers_mut() = signed(path, &first.encode_to_vec(), true, &["*"]);
    request.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    let client = Client::new(ClientOptions { h2c: true, ..ClientOptions::default() }).unwrap();
    within(client.send(request)).await.unwrap().into_body()
}

#[tokio::test]
async fn s9_a_server_that_reads_no_more_holds_its_caller_back() {
    let server = Server::start(Does::StopsReading).await;
    let tier = before(&[&server]);
    let edge = Edge::of(&tier).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let counting = sent.clone();
    let rest = stream::repeat_with(move || {
        counting.fetch_add(100_000, Ordering::Relaxed);
        InferRequest { raw_input_contents: vec![vec![0; 100_000]], ..of("1") }
    });
    let mut answers = edge.stream(of("0"), rest).await.unwrap();
    assert_eq!(within(answers.message()).await.unwrap().unwrap().id, "0");
    let mut before = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = sent.load(Ordering::Relaxed);
        if now == before {
            break;
        }
        before = now;
    }
    assert!(before < 4_000_000, "{before} bytes were taken that nobody reads");
}

#[tokio::test]
async fn s1_a_server_that_fails_or_dies_in_mid_stream_ends_it_with_a_status() {
    let server = Server::start(Does::FailsLater(Code::DataLoss)).await;
    let tier = before(&[&server]);
    let edge = Edge::of(&tier).await;
    let mut answers = edge.stream(of("0"), stream::iter([of("1")]).chain(stream::pending())).await.unwrap();
    assert_eq!(within(answers.message()).await.unwrap().unwrap().id, "0");
    let status = within(answers.message()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::DataLoss, "it does not, 100%\nno"));

    let proxy = Cut::before(server_of(Does::Echo).await).await;
    let mut options = options(&[]);
    options.models[0].versions[0].endpoints = vec![EndpointOptions::new(proxy.origin.parse().unwrap(), "")];
    let tier = Tier::start(options);
    let edge = Edge::of(&tier).await;
    let mut answers = edge.stream(of("0"), stream::pending()).await.unwrap();
    assert_eq!(within(answers.message()).await.unwrap().unwrap().id, "0");
    proxy.cut();
    let status = within(answers.message()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "the model server broke off"));
    let line = tier.log.lines(1).await.remove(0);
    assert_eq!((&line["grpc_status"], &line["ending"]), (&14.into(), &"truncated".into()));
}

#[tokio::test]
async fn another_server_is_asked_for_a_stream_only_where_none_was_reached() {
    let good = Server::start(Does::Echo).await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut options = options(&[&good]);
    options.models[0].versions[0].endpoints.push(EndpointOptions::new(format!("http://{nobody}").parse().unwrap(), ""));
    let tier = Tier::start(options);
    let edge = Edge::of(&tier).await;
    for _ in 0..10 {
        let mut answers = edge.stream(of("0"), stream::iter([of("1"), of("2")])).await.unwrap();
        for id in ["0", "1", "2"] {
            assert_eq!(within(answers.message()).await.unwrap().unwrap().id, id);
        }
        assert!(within(answers.message()).await.unwrap().is_none());
    }
}

async fn server_of(does: Does) -> Server {
    Server::start(does).await
}

/// What stands between tier two and a server, and can be cut.
struct Cut {
    origin: String,
    cut: tokio::sync::watch::Sender<bool>,
    _server: Server,
}

impl Cut {
    async fn before(server: Server) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let (cut, watch) = tokio::sync::watch::channel(false);
        let to = server.addr;
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut watch = watch.clone();
                tokio::spawn(async move {
                    let mut far = tokio::net::TcpStream::connect(to).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = watch.wait_for(|cut| *cut) => {}
                    }
                });
            }
        });
        Self { origin, cut, _server: server }
    }

    fn cut(&self) {
        self.cut.send(true).unwrap();
    }
}
