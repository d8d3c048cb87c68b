//! What many open streams hold.

use std::time::Duration;

use futures::StreamExt as _;
use weir_tests::raw::RawClient;
use weir_tests::weir::Built;

use crate::process::Memory;
use crate::scene::{Scene, Way};

/// How many streams are asked for at once.
const TOGETHER: usize = 64;
/// For how long they stay open, with an event each two seconds in each.
const OPEN: Duration = Duration::from_secs(6);

/// Tier two's resident set before its first stream, and the most that it had with so many open, each a signed call.
pub(crate) async fn memory(built: &Built, streams: usize) -> (Memory, Memory) {
    let scene = Scene::start(built, Way::TierTwo).await;
    let idle = scene.memory();
    let asker = scene.asker;
    let open = move |_| async move {
        let mut client = RawClient::connect(asker.address).await.expect("it listens");
        client.send(asker.trickling_request()).await.expect("the request is sent");
        assert_eq!(client.read_head().await.expect("an answer comes").status, 200);
        client
    };
    let clients: Vec<RawClient> =
        futures::stream::iter(0..streams).map(open).buffer_unordered(TOGETHER).collect().await;
    tokio::time::sleep(OPEN).await;
    let most = Memory::most_of(scene.pid());
    drop(clients);
    (idle, most)
}
