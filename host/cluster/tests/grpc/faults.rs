//! Servers that fail, are slow or are not there.

use std::time::{Duration, Instant};

use prost::Message as _;
use tonic::Code;
use weir_cluster::{EndpointOptions, Health, Timeouts};
use weir_core::Rpc;
use weir_core::grpc::framed;

use crate::calls::sent;
use crate::common::{CANCEL, Tier, within};
use crate::tier::{Edge, before, endpoints, options, signed};
use weir_tests::grpc::InferRequest;
use weir_tests::grpc::{Does, Server};

#[tokio::test]
async fn r1_another_server_is_asked_where_one_is_unavailable() {
    let (bad, good) = (Server::start(Does::Fails(Code::Unavailable)).await, Server::start(Does::Echo).await);
    let mut options = options(&[&bad, &good]);
    options.health.eject_for = Duration::from_secs(60);
    options.health.eject_for_max = Duration::from_secs(60);
    let tier = Tier::start(options);
    let edge = Edge::of(&tier).await;
    for id in 0..20 {
        let answer = edge.infer(InferRequest::of("llama", &id.to_string())).await.unwrap().into_inner();
        assert_eq!(answer.id, id.to_string());
    }
    assert_eq!(bad.seen.requests().len(), 3, "it is put aside after three failures");
    assert!(tier.metrics().contains("weir_cluster_retries_total{model=\"llama\",reason=\"unavailable\"} 3"));
}

#[tokio::test]
async fn r5_another_server_is_asked_where_one_cannot_be_reached() {
    let good = Server::start(Does::Echo).await;
    let nobody = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let mut options = options(&[&good]);
    let gone = EndpointOptions::new(format!("http://{nobody}").parse().unwrap(), "");
    options.models[0].versions[0].endpoints.push(gone);
    let tier = Tier::start(options);
    let edge = Edge::of(&tier).await;
    for _ in 0..10 {
        edge.infer(InferRequest::of("llama", "1")).await.unwrap();
    }
    tier.cluster
        .reload(&[weir_cluster::Model::new(
            "llama",
            vec![EndpointOptions::new(format!("http://{nobody}").parse().unwrap(), "")],
        )])
        .unwrap();
    let status = edge.infer(InferRequest::of("llama", "1")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn errors_about_the_request_are_not_tried_again() {
    let (one, two) = (
        Server::start(Does::Fails(Code::InvalidArgument)).await,
        Server::start(Does::Fails(Code::InvalidArgument)).await,
    );
    let tier = before(&[&one, &two]);
    let edge = Edge::of(&tier).await;
    for _ in 0..10 {
        assert_eq!(edge.infer(InferRequest::of("llama", "1")).await.unwrap_err().code(), Code::InvalidArgument);
    }
    assert_eq!(one.seen.requests().len() + two.seen.requests().len(), 10);
    assert!(endpoints(&tier).iter().all(|endpoint| endpoint.standing.is_well()));
}

#[tokio::test]
async fn r1_internal_errors_put_a_server_aside() {
    let (bad, good) = (Server::start(Does::Fails(Code::Internal)).await, Server::start(Does::Echo).await);
    let mut options = options(&[&bad, &good]);
    options.health.eject_for = Duration::from_secs(60);
    options.health.eject_for_max = Duration::from_secs(60);
    let tier = Tier::start(options);
    let edge = Edge::of(&tier).await;
    let mut failed = 0;
    for _ in 0..30 {
        failed += usize::from(edge.infer(InferRequest::of("llama", "1")).await.is_err());
    }
    assert_eq!(failed, 3);
}

#[tokio::test]
async fn the_callers_own_deadline_holds_and_reaches_the_server() {
    let server = Server::start(Does::Hangs).await;
    let tier = before(&[&server]);
    let request = InferRequest::of("llama", "1");
    let mut headers = signed(Rpc::ModelInfer.path(), &request.encode_to_vec(), false, &["*"]);
    headers.insert("grpc-timeout", "200m".parse().unwrap());
    let begun = Instant::now();
    // Not by tonic's client, which gives up by itself.
    let (status, message) = sent(&tier, headers, framed(&request.encode_to_vec())).await;
    assert_eq!((status.as_str(), message.as_str()), ("4", "the call's own deadline passed"));
    assert!(begun.elapsed() < Duration::from_millis(600));
    let told = server.seen.heads().remove(0).1["grpc-timeout"].to_str().unwrap().to_owned();
    assert!(told.strip_suffix('m').unwrap().parse::<u64>().unwrap() <= 200, "{told}");
    within(server.seen.left()).await;
}

#[tokio::test]
async fn s2_a_server_that_never_answers_is_given_up() {
    let server = Server::start(Does::Hangs).await;
    let mut options = options(&[&server]);
    options.timeouts = Timeouts { first_byte: Duration::from_millis(200), ..Timeouts::default() };
    let tier = Tier::start(options);
    let edge = Edge::of(&tier).await;
    let late = within(edge.infer(InferRequest::of("llama", "1"))).await.unwrap_err();
    assert_eq!((late.code(), late.message()), (Code::DeadlineExceeded, "the model server did not answer in time"));
    within(server.seen.left()).await;
}

#[tokio::test]
async fn s6_when_the_caller_leaves_the_server_is_told_at_once() {
    let server = Server::start(Does::Hangs).await;
    let tier = before(&[&server]);
    let edge = Edge::of(&tier).await;
    let call = edge.infer(InferRequest::of("llama", "1"));
    let left = tokio::time::timeout(Duration::from_millis(200), call).await;
    assert!(left.is_err());
    let at = Instant::now();
    let noticed = within(server.seen.left()).await;
    assert!(noticed.saturating_duration_since(at) < CANCEL);
    let line = tier.log.lines(1).await.remove(0);
    assert_eq!(line["ending"], "client-gone");
}

#[tokio::test]
async fn what_answers_without_grpc_is_an_error_of_grpc() {
    use weir_tests::upstream::{Script, Upstream};
    // It speaks HTTP/1.1 alone: to a client of HTTP/2 that is no HTTP at all.
    let upstream = Upstream::start(|_| Script::json(200, "{}")).await;
    let mut options = crate::common::options(&[&upstream]);
    options.health = Health { every: Duration::from_secs(3600), ..Health::default() };
    let tier = Tier::start(options);
    let edge = Edge::of(&tier).await;
    let status = within(edge.infer(InferRequest::of("llama", "1"))).await.unwrap_err();
    assert!(matches!(status.code(), Code::Unavailable | Code::Internal), "{status:?}");
}
