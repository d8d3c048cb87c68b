//! gRPC's health protocol.

use tonic::Code;
use weir_cluster::Model;
use weir_core::Rpc;

use crate::common::within;
use crate::tier::{Edge, before, endpoint};
use weir_tests::grpc::{Does, Server};
use weir_tests::grpc::{Named, Said};

fn named(name: &str) -> Named {
    Named { name: name.into() }
}

#[tokio::test]
async fn a_check_tells_of_the_gateway_and_of_each_model() {
    let server = Server::start(Does::Echo).await;
    let tier = before(&[&server]);
    let edge = Edge::of(&tier).await;
    let check = async |name: &str| {
        edge.call::<_, Said>(Rpc::HealthCheck, named(name)).await.map(|said| said.into_inner().value)
    };
    for name in ["", "inference.GRPCInferenceService", "llama", "llama-latest"] {
        assert_eq!(check(name).await.unwrap(), 1, "{name}");
    }
    assert_eq!(check("other").await.unwrap_err().code(), Code::NotFound);
    tier.cluster.reload_in_part(&[Model::new("llama", vec![endpoint(&server)])]).unwrap();
    assert_eq!((check("llama").await.unwrap(), check("other").await.unwrap()), (1, 2), "it may yet be found");
    tier.cluster.reload(&[Model::new("llama", Vec::new())]).unwrap();
    assert_eq!(check("llama").await.unwrap(), 2);
    tier.cluster.drain();
    assert_eq!(check("").await.unwrap(), 2);
}

#[tokio::test]
async fn a_watch_tells_what_changes() {
    let server = Server::start(Does::Echo).await;
    let tier = before(&[&server]);
    let edge = Edge::of(&tier).await;
    let mut watch = edge.watch::<_, Said>(Rpc::HealthWatch, named("llama")).await.unwrap();
    let mut other = edge.watch::<_, Said>(Rpc::HealthWatch, named("other")).await.unwrap();
    let mut all = edge.watch::<_, Said>(Rpc::HealthWatch, named("")).await.unwrap();
    assert_eq!(within(watch.message()).await.unwrap().unwrap().value, 1);
    assert_eq!(within(other.message()).await.unwrap().unwrap().value, 3);
    assert_eq!(within(all.message()).await.unwrap().unwrap().value, 1);

    tier.cluster.reload(&[Model::new("llama", Vec::new()), Model::new("other", vec![endpoint(&server)])]).unwrap();
    assert_eq!(within(watch.message()).await.unwrap().unwrap().value, 2);
    assert_eq!(within(other.message()).await.unwrap().unwrap().value, 1);

    tier.cluster.drain();
    assert_eq!(within(all.message()).await.unwrap().unwrap().value, 2);
    assert_eq!(within(all.message()).await.unwrap_err().code(), Code::Unavailable);
}
