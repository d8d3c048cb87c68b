//! Who gets in, what goes to a model server, and what comes back.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt as _;
use prost::Message as _;
use tonic::Code;
use weir_core::grpc::framed;
use weir_core::{Rpc, header};
use weir_serve::{Client, ClientOptions, full};

use crate::common::{Tier, within};
use crate::tier::{Edge, before, options, signed, signed_body};
use weir_tests::grpc::{Does, Server};
use weir_tests::grpc::{InferRequest, InferResponse, Named, Said, ServerMetadata};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

#[tokio::test]
async fn a_signed_call_reaches_a_server_with_nothing_that_is_not_for_it() {
    let server = Server::start(Does::Echo).await;
    let tier = before(&[&server]);
    let edge = Edge::of(&tier).await;
    let mut request = InferRequest::of("llama-latest", "7");
    request.raw_input_contents = vec![vec![9; 300_000], vec![]];
    let mut headers = signed(Rpc::ModelInfer.path(), &request.encode_to_vec(), false, &["*"]);
    for (name, value) in [
        ("authorization", "Bearer sk-caller"),
        ("cookie", "a=b"),
        ("x-own", "1"),
        ("traceparent", "00-1-2-01"),
        ("grpc-timeout", "10S"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    let response = edge.send::<_, InferResponse>(Rpc::ModelInfer.path(), request.clone(), headers).await.unwrap();
    assert_eq!(response.metadata().get("x-request-id").unwrap(), "01920000-0000-7000-8000-000000000001");
    assert!(response.metadata().get("x-weir-usage").is_none(), "a server cannot speak for Weir");
    let answer = response.into_inner();
    assert_eq!((answer.model_name.as_str(), answer.id.as_str()), ("llama", "7"));
    assert_eq!(answer.raw_output_contents, request.raw_input_contents);

    assert_eq!(server.seen.requests(), [InferRequest { model_name: "llama".into(), ..request }]);
    let (path, head) = server.seen.heads().remove(0);
    assert_eq!(path, "/inference.GRPCInferenceService/ModelInfer");
    let mut names: Vec<_> = head.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "grpc-timeout", "te", "traceparent", "x-request-id"]);

    let line = tier.log.lines(1).await.remove(0);
    assert_eq!((&line["status"], &line["grpc_status"]), (&200.into(), &0.into()));
    assert_eq!((&line["model"], &line["ending"]), (&"llama".into(), &"complete".into()));
}

#[tokio::test]
async fn unsigned_and_forged_calls_are_refused_and_learn_nothing() {
    let server = Server::start(Does::Echo).await;
    let tier = before(&[&server]);
    let edge = Edge::of(&tier).await;
    let path = Rpc::ModelInfer.path();
    let request = InferRequest::of("llama", "1");
    let body = request.encode_to_vec();
    let unsigned = {
        let mut headers = signed(path, &body, false, &["*"]);
        headers.remove(header::TOKEN);
        headers
    };
    let another_principal = {
        let mut headers = signed(path, &body, false, &["*"]);
        headers.insert("x-weir-plan", "{}".parse().unwrap());
        headers
    };
    for (what, headers) in [
        ("unsigned", unsigned),
        ("another body", signed(path, b"\x0a\x05llama", false, &["*"])),
        ("another path", signed(Rpc::ModelReady.path(), &body, false, &["*"])),
        ("a token for a stream", signed(path, &body, true, &["*"])),
        ("an added header", another_principal),
    ] {
        let refused = edge.send::<_, InferResponse>(path, request.clone(), headers).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{what}");
        assert_eq!(refused.message(), "tier two takes only calls that a registered edge has signed", "{what}");
    }
    assert!(server.seen.heads().is_empty(), "none of them reached a model server");
    tier.metric("weir_cluster_refused_calls_total 5").await;
}

#[tokio::test]
async fn models_are_those_that_the_caller_may_use() {
    let server = Server::start(Does::Echo).await;
    let tier = before(&[&server]);
    let edge = Edge::of(&tier).await;
    let path = Rpc::ModelInfer.path();
    let ask = async |model: &str, may: &[&str]| {
        let request = InferRequest::of(model, "1");
        let headers = signed(path, &request.encode_to_vec(), false, may);
        edge.send::<_, InferResponse>(path, request, headers).await.err().map(|status| status.code())
    };
    assert_eq!(ask("llama", &["llama"]).await, None);
    assert_eq!(ask("llama", &["other"]).await, Some(Code::PermissionDenied));
    assert_eq!(ask("other", &["*"]).await, Some(Code::NotFound));
    assert_eq!(ask("", &["*"]).await, Some(Code::InvalidArgument));
}

#[tokio::test]
async fn a_servers_own_error_comes_through_with_nothing_else() {
    let server = Server::start(Does::Fails(Code::FailedPrecondition)).await;
    let tier = before(&[&server]);
    let edge = Edge::of(&tier).await;
    let status = edge.infer(InferRequest::of("llama", "1")).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, "it does not, 100%\nno"));
    assert_eq!(status.details(), b"why");
    assert!(status.metadata().get("x-weir-usage").is_none() && status.metadata().get("x-own").is_none());
    let line = tier.log.lines(1).await.remove(0);
    assert_eq!(line["grpc_status"], 9);
    tier.metric("weir_cluster_requests_total{model=\"llama\",status=\"400\"} 1").await;
}

#[tokio::test]
async fn what_concerns_the_gateway_is_answered_by_it() {
    let server = Server::start(Does::Echo).await;
    let tier = before(&[&server]);
    let edge = Edge::of(&tier).await;
    let said = async |rpc| edge.call::<_, Said>(rpc, Named::default()).await.unwrap().into_inner().value;
    assert_eq!((said(Rpc::ServerLive).await, said(Rpc::ServerReady).await), (1, 1));
    let metadata = edge.call::<_, ServerMetadata>(Rpc::ServerMetadata, Named::default()).await.unwrap().into_inner();
    assert_eq!((metadata.name.as_str(), metadata.version.as_str()), ("weir", env!("CARGO_PKG_VERSION")));
    assert!(server.seen.heads().is_empty());

    tier.cluster.drain();
    assert_eq!((said(Rpc::ServerLive).await, said(Rpc::ServerReady).await), (1, 0));
}

#[tokio::test]
async fn what_concerns_a_model_is_asked_of_its_server() {
    let server = Server::start(Does::Echo).await;
    let tier = before(&[&server]);
    let edge = Edge::of(&tier).await;
    let named = |name: &str| Named { name: name.into() };
    for rpc in [Rpc::ModelReady, Rpc::ModelMetadata] {
        assert_eq!(edge.call::<_, Said>(rpc, named("llama-latest")).await.unwrap().into_inner().value, 1);
        assert_eq!(edge.call::<_, Said>(rpc, named("other")).await.unwrap_err().code(), Code::NotFound);
    }
    assert_eq!(server.seen.heads().len(), 2);

    tier.cluster.reload(&[weir_cluster::Model::new("llama", Vec::new())]).unwrap();
    assert_eq!(edge.call::<_, Said>(Rpc::ModelReady, named("llama")).await.unwrap().into_inner().value, 0);
    assert_eq!(edge.infer(InferRequest::of("llama", "1")).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn methods_that_are_not_served_are_refused_each_in_its_way() {
    let server = Server::start(Does::Echo).await;
    let tier = before(&[&server]);
    let edge = Edge::of(&tier).await;
    for (path, code) in [
        ("/inference.GRPCInferenceService/RepositoryModelLoad", Code::PermissionDenied),
        ("/inference.GRPCInferenceService/RepositoryModelUnload", Code::PermissionDenied),
        ("/inference.GRPCInferenceService/Other", Code::Unimplemented),
        ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Code::Unimplemented),
        ("/v1/chat/completions", Code::Unimplemented),
    ] {
        let headers = signed(path, b"", false, &["*"]);
        let refused = edge.send::<_, Said>(path, Named::default(), headers).await.unwrap_err();
        assert_eq!(refused.code(), code, "{path}");
    }
    assert!(server.seen.heads().is_empty());
}

/// Sends a body as it is, signed, and gives the status that the answer bears.
async fn raw(tier: &Tier, body: Vec<u8>) -> String {
    let headers = signed_body(Rpc::ModelInfer.path(), &body, false, &["*"]);
    sent(tier, headers, body).await.0
}

/// The same with these headers, and with the message as it stands there.
pub(crate) async fn sent(tier: &Tier, headers: HeaderMap, body: Vec<u8>) -> (String, String) {
    let path = Rpc::ModelInfer.path();
    let client = Client::new(ClientOptions { h2c: true, ..ClientOptions::default() }).unwrap();
    let mut request = http::Request::post(format!("http://{}{path}", tier.addr)).body(full(body)).unwrap();
    *request.headers_mut() = headers;
    request.headers_mut().insert(CONTENT_TYPE, "application/grpc+proto".parse().unwrap());
    let response = within(client.send(request)).await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()[CONTENT_TYPE]), (200, &GRPC));
    let head = response.headers().clone();
    let body = response.into_body().collect().await.unwrap();
    let end = body.trailers().cloned().unwrap_or(head);
    let text = |name: &str| end.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    (text("grpc-status"), text("grpc-message"))
}

#[tokio::test]
async fn j1_bodies_that_are_no_single_message_are_refused() {
    let server = Server::start(Does::Echo).await;
    let mut options = options(&[&server]);
    options.limits.body_bytes = 1000;
    let tier = Tier::start(options);
    let one = framed(&InferRequest::of("llama", "1").encode_to_vec());
    for (what, body, status) in [
        ("as it should be", one.clone(), "0"),
        ("empty", Vec::new(), "3"),
        ("cut", one[..one.len() - 1].to_vec(), "3"),
        ("two messages", [one.clone(), one.clone()].concat(), "3"),
        ("a length beyond the body", b"\0\0\0\x01\0a".to_vec(), "3"),
        ("a length beyond the limit", b"\0\xff\xff\xff\xffa".to_vec(), "8"),
        ("too long", framed(&[0; 1001]), "8"),
        ("compressed", [&b"\x01"[..], &one[1..]].concat(), "12"),
        ("an unknown flag", [&b"\x07"[..], &one[1..]].concat(), "3"),
        ("two names", framed(b"\x0a\x05llama\x0a\x05other"), "3"),
        ("no protobuf", framed(b"\xff\xff"), "3"),
    ] {
        assert_eq!(raw(&tier, body).await, status, "{what}");
    }
    assert_eq!(server.seen.requests().len(), 1);
}

#[tokio::test]
async fn grpc_over_http_1_is_refused() {
    let server = Server::start(Does::Echo).await;
    let tier = before(&[&server]);
    let path = Rpc::ModelInfer.path();
    let message = InferRequest::of("llama", "1").encode_to_vec();
    let client = Client::new(ClientOptions::default()).unwrap();
    let mut request = http::Request::post(format!("http://{}{path}", tier.addr)).body(full(framed(&message))).unwrap();
    *request.headers_mut() = signed(path, &message, false, &["*"]);
    request.headers_mut().insert(CONTENT_TYPE, "application/grpc".parse().unwrap());
    let response = client.send(request).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "3");
    assert_eq!(response.headers()["grpc-message"], "gRPC needs HTTP/2");
}
