//! Where the document is taken, and its changes are counted.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::document::Fleet;

/// How old a document may be that is given to one more reader, and how often those who wait look again.
const FRESH: Duration = Duration::from_millis(100);

/// Takes the document where it is made. Cheap to clone; clones are the same.
///
/// Nothing is taken while nobody reads, and not more often than ten times a second, however many do.
#[derive(Clone)]
pub struct Board(Arc<Shared>);

struct Shared {
    source: Box<dyn Fn() -> Fleet + Send + Sync>,
    last: Mutex<Option<Last>>,
}

struct Last {
    taken: Instant,
    lasting: u64,
    fleet: Arc<Fleet>,
}

impl Board {
    /// A board that takes the document from `source`, whose version does not count.
    #[must_use]
    pub fn new(source: impl Fn() -> Fleet + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared { source: Box::new(source), last: Mutex::new(None) }))
    }

    /// The document, at most 100 ms old.
    #[must_use]
    pub fn now(&self) -> Arc<Fleet> {
        let mut last = self.0.last.lock();
        let now = Instant::now();
        if let Some(last) = last.as_ref().filter(|last| now.saturating_duration_since(last.taken) < FRESH) {
            return last.fleet.clone();
        }
        let mut fleet = (self.0.source)();
        let lasting = fleet.lasting();
        fleet.version = match last.as_ref() {
            None => 1,
            Some(last) if last.lasting == lasting => last.fleet.version,
            Some(last) => last.fleet.version + 1,
        };
        let fleet = Arc::new(fleet);
        *last = Some(Last { taken: now, lasting, fleet: fleet.clone() });
        fleet
    }

    /// The document as soon as its version is another than `version`, or as it is when `wait` is over. A version that is
    /// greater than the present one is that of a process before this one: it is answered at once.
    pub async fn after(&self, version: u64, wait: Duration) -> Arc<Fleet> {
        let changed = async {
            loop {
                let fleet = self.now();
                if fleet.version != version {
                    return fleet;
                }
                sleep(FRESH).await;
            }
        };
        match timeout(wait, changed).await {
            Ok(fleet) => fleet,
            Err(_) => self.now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    use weir_cluster::{ModelState, Snapshot, SourceState};
    use weir_core::UnixMillis;

    use super::*;

    /// A fleet with so many models, and how often it was taken.
    fn board() -> (Board, Arc<AtomicUsize>, Arc<AtomicU64>) {
        let (models, taken) = (Arc::new(AtomicUsize::new(1)), Arc::new(AtomicU64::new(0)));
        let (count, takes) = (models.clone(), taken.clone());
        let board = Board::new(move || {
            let at = UnixMillis(takes.fetch_add(1, Ordering::SeqCst));
            let model = ModelState {
                name: "m".into(),
                aliases: vec![],
                source: SourceState { kind: "file".into(), namespace: None, name: None },
                status: "ready".into(),
                text: None,
                protocols: vec![],
                waiting: 0,
                versions: vec![],
            };
            Fleet::new("t2", at, Snapshot { models: vec![model; count.load(Ordering::SeqCst)] })
        });
        (board, models, taken)
    }

    #[tokio::test(start_paused = true)]
    async fn a_version_is_a_change_and_reading_is_none() {
        let (board, models, _) = board();
        assert_eq!(board.now().version, 1);
        sleep(FRESH).await;
        assert_eq!(board.now().version, 1);
        models.store(2, Ordering::SeqCst);
        sleep(FRESH).await;
        assert_eq!(board.now().version, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_told_within_a_tenth_of_a_second() {
        let (board, models, _) = board();
        let version = board.now().version;
        let (begun, waiting) = (Instant::now(), board.clone());
        let told = tokio::spawn(async move { waiting.after(version, Duration::from_secs(30)).await });
        sleep(Duration::from_secs(5)).await;
        models.store(2, Ordering::SeqCst);
        assert_eq!(told.await.unwrap().version, version + 1);
        assert!(begun.elapsed() <= Duration::from_millis(5_101), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_in_vain_gets_fresh_figures() {
        let (board, _, _) = board();
        let first = board.now();
        let (begun, later) = (Instant::now(), board.after(first.version, Duration::from_secs(2)).await);
        assert_eq!(later.version, first.version);
        assert!(later.taken_at > first.taken_at);
        assert!(begun.elapsed() >= Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_version_of_a_process_before_is_answered_at_once() {
        let (board, _, _) = board();
        let begun = Instant::now();
        assert_eq!(board.after(900, Duration::from_secs(30)).await.version, 1);
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn many_readers_cost_no_more_than_one() {
        let (board, _, taken) = board();
        let readers: Vec<_> = (0..100)
            .map(|_| {
                let board = board.clone();
                tokio::spawn(async move { board.after(1, Duration::from_secs(1)).await })
            })
            .collect();
        for reader in readers {
            reader.await.unwrap();
        }
        assert!(taken.load(Ordering::SeqCst) <= 12, "{taken:?}");
    }
}
