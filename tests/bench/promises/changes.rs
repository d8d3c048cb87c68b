//! How soon a change is in effect, what it costs, and whether callers notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep;
use weir_tests::raw::RawClient;

use super::cluster::{CALLED, Cluster, says};
use crate::process;

/// From the API server's having an event to the first call that goes where it says.
pub(crate) struct Effect {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) longest: Duration,
}

/// What callers met while the cluster changed.
pub(crate) struct Load {
    pub(crate) asked: usize,
    pub(crate) failed: usize,
    /// What 99 in 100 did not exceed.
    pub(crate) p99: Duration,
}

/// How many clients ask at once.
const CLIENTS: usize = 4;
/// From one change to the next where many follow each other.
const APART: Duration = Duration::from_millis(10);

/// Moves one model after the other, so many times, and asks it until another server answers. Between two changes are 10
/// to 100 ms, so that some meet a data plane that has rested, and some wait with the one before.
pub(crate) async fn one_by_one(cluster: &Cluster, changes: usize) -> Effect {
    let mut client = RawClient::connect(cluster.address()).await.expect("it listens");
    let mut taken = Vec::with_capacity(changes);
    for change in 0..changes {
        sleep(Duration::from_millis(10 + (change as u64 * 37) % 91)).await;
        let (model, server) = turn(change);
        let start = Instant::now();
        cluster.move_to(model, server);
        while !answered_by(&mut client, &cluster.request(model), server).await {
            assert!(start.elapsed() < Duration::from_secs(10), "the change is not in effect");
        }
        taken.push(start.elapsed());
    }
    taken.sort_unstable();
    let at = |share: usize| taken[(taken.len() * share / 100).min(taken.len() - 1)];
    Effect { p50: at(50), p99: at(99), longest: at(100) }
}

/// The processor time that tier two takes for a change, where each comes alone and nobody asks.
pub(crate) async fn processor_time(cluster: &Cluster, changes: usize) -> Duration {
    let before = process::processor_time(cluster.pid());
    for change in 0..changes {
        let (model, server) = turn(change);
        cluster.move_to(model, server);
        sleep(Duration::from_millis(60)).await;
    }
    let used = process::processor_time(cluster.pid()).saturating_sub(before);
    used / u32::try_from(changes).unwrap_or(u32::MAX)
}

/// Changes that follow each other closely, with clients that ask all the while.
pub(crate) async fn under_load(cluster: &Cluster, changes: usize) -> Load {
    let over = Arc::new(AtomicBool::new(false));
    let clients = futures::future::join_all((0..CLIENTS).map(|client| ask(cluster, client, over.clone())));
    let changing = async {
        for change in 0..changes {
            let (model, server) = turn(change);
            cluster.move_to(model, server);
            sleep(APART).await;
        }
        over.store(true, Ordering::Relaxed);
    };
    let (answered, ()) = tokio::join!(clients, changing);
    let mut all: Vec<Answered> = answered.into_iter().flatten().collect();
    all.sort_unstable_by_key(|one| one.within);
    let failed = all.iter().filter(|one| !one.well).count();
    Load { asked: all.len(), failed, p99: all[all.len() * 99 / 100].within }
}

/// One request.
struct Answered {
    well: bool,
    within: Duration,
}

/// Which model moves, and to which server: each round of models goes from one to the other.
fn turn(change: usize) -> (usize, usize) {
    (change % CALLED, (change / CALLED + 1) % 2)
}

async fn answered_by(client: &mut RawClient, request: &[u8], server: usize) -> bool {
    client.send(request).await.expect("the request is sent");
    let head = client.read_head().await.expect("an answer comes");
    let body = client.read_body(&head).await.expect("the answer is whole");
    assert_eq!(head.status, 200, "{}", String::from_utf8_lossy(&body));
    body.windows(says(server).len()).any(|window| window == says(server))
}

async fn ask(cluster: &Cluster, client: usize, over: Arc<AtomicBool>) -> Vec<Answered> {
    let mut answered = Vec::new();
    let mut connection = None;
    while !over.load(Ordering::Relaxed) {
        let request = cluster.request((client + answered.len()) % CALLED);
        let start = Instant::now();
        let result = exchange(connection.take(), cluster, &request).await;
        let within = start.elapsed();
        let well = matches!(result, Ok((200, _)));
        match result {
            Ok((status, kept)) => {
                if !well {
                    eprintln!("answered with {status}");
                }
                connection = Some(kept);
            }
            Err(error) => eprintln!("not answered: {error}"),
        }
        answered.push(Answered { well, within });
    }
    answered
}

async fn exchange(kept: Option<RawClient>, cluster: &Cluster, request: &[u8]) -> std::io::Result<(u16, RawClient)> {
    let mut client = match kept {
        Some(client) => client,
        None => RawClient::connect(cluster.address()).await?,
    };
    client.send(request).await?;
    let head = client.read_head().await?;
    client.read_body(&head).await?;
    Ok((head.status, client))
}
