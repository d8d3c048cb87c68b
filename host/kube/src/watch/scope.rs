//! The task that keeps one kind in one namespace, or in all, up to date.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use super::address::Address;
use super::backoff::Backoff;
use super::failure::{Failure, FailureKind};
use super::list::list;
use super::served::Served;
use super::server::Server;
use super::status::Progress;
use super::store::{Identity, Store, Unreadable, Version};
use super::stream::{Event, Heard, Stream};
use super::watches::Settled;
use crate::objects::Resource;

/// Watches in a row that bring nothing before the resource version itself is doubted.
const FRUITLESS: u32 = 3;
/// Refusals of a kind that is merely welcome before the picture counts as complete without it. A server that starts
/// refuses for a moment what it allows later.
const REFUSALS: u64 = 3;

/// One kind in one namespace, or in all.
pub(crate) struct Scope<T> {
    pub(crate) server: Server,
    pub(crate) served: Arc<Served>,
    pub(crate) store: Store<T>,
    pub(crate) selector: Option<String>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) settled: Settled,
}

/// What changes while it runs.
struct Course {
    /// Where the store is, once it was listed.
    position: Option<Position>,
    /// The version in which the store's objects were read.
    version: Option<&'static str>,
    backoff: Backoff,
    rng: SmallRng,
    /// When the watch was opened that has just ended.
    opened: Option<Instant>,
    /// Whether it brought the position on.
    fruitful: bool,
    /// Watches in a row that did not.
    fruitless: u32,
    refusals: u64,
    absent_since: Option<Instant>,
}

/// Up to where the store is.
struct Position {
    version: &'static str,
    resource_version: Box<str>,
    /// What is not in the store was not there at this version.
    floor: Version,
}

/// How a step ended that did not fail.
enum Step {
    /// The next one can follow at once.
    Done,
    /// The watch ended.
    Ended,
}

impl<T: Resource> Scope<T> {
    /// Runs until it is aborted.
    pub(crate) async fn run(self) {
        let mut course = Course {
            position: None,
            version: None,
            backoff: Backoff::default(),
            rng: SmallRng::from_rng(&mut rand::rng()),
            opened: None,
            fruitful: false,
            fruitless: 0,
            refusals: 0,
            absent_since: None,
        };
        loop {
            (course.opened, course.fruitful) = (None, false);
            let result = match course.position {
                None => self.list(&mut course).await,
                Some(_) => self.watch(&mut course).await,
            };
            let lived = course.opened.map(|opened| opened.elapsed()).unwrap_or_default();
            let pause = match result {
                Ok(Step::Done) => Duration::ZERO,
                Ok(Step::Ended) => {
                    course.doubt();
                    course.after_end(lived, &self.server)
                }
                Err(failure) => self.after(&failure, lived, &mut course),
            };
            sleep(pause).await;
        }
    }

    /// Reads all there is.
    async fn list(&self, course: &mut Course) -> Result<Step, Failure> {
        self.progress.listing(course.version);
        let Some(version) = self.served.version(self.progress.kind()).await? else {
            return Err(Failure::new(FailureKind::Absent, "no version of it is served"));
        };
        self.progress.listing(Some(version));
        let mut listing = self.store.listing(course.version != Some(version));
        let resource_version = list(&self.server, &self.address(version), |raw| {
            self.note(listing.add(raw));
        })
        .await?;
        listing.replace(self.progress.namespace());
        let floor = Version::of(&resource_version);
        course.position = Some(Position { version, resource_version, floor });
        course.version = Some(version);
        course.absent_since = None;
        course.refusals = 0;
        self.progress.listed();
        self.settled.settle(&self.progress);
        Ok(Step::Done)
    }

    /// Follows what happens from the position on.
    async fn watch(&self, course: &mut Course) -> Result<Step, Failure> {
        let Some(position) = &mut course.position else { return Ok(Step::Done) };
        // Where discovery says nothing, the version that could be listed is good enough.
        if let Ok(Some(version)) = self.served.version(self.progress.kind()).await
            && version != position.version
        {
            info!(resource = %self.progress.kind(), version, "read in another version from now on");
            course.position = None;
            return Ok(Step::Done);
        }
        let longest = self.server.limits.watch;
        let seconds = longest.mul_f64(course.rng.random_range(0.8..=1.0)).as_secs().max(1);
        let uri = self.address(position.version).watch(&position.resource_version, seconds);
        let mut stream = Stream::open(&self.server, &uri).await?;
        course.opened = Some(Instant::now());
        if let Some(problem) = self.progress.watching() {
            info!(resource = %self.progress.kind(), namespace = self.progress.namespace(), %problem, "watching again");
        }
        loop {
            match stream.next().await? {
                Heard::Part => self.progress.heard(),
                Heard::End => return Ok(Step::Ended),
                Heard::Line(line) => course.fruitful |= self.hear(&line, position)?,
            }
        }
    }

    /// Takes an event; whether it brought the position on.
    fn hear(&self, line: &[u8], position: &mut Position) -> Result<bool, Failure> {
        let object = match Event::read(line)? {
            Event::Error(failure) => return Err(failure),
            Event::Bookmark(resource_version) => {
                position.resource_version = resource_version;
                return Ok(true);
            }
            Event::Other(event) => {
                debug!(resource = %self.progress.kind(), event, "an event of a kind that is not known");
                self.progress.skipped();
                return Ok(false);
            }
            Event::Put(object) => {
                self.note(self.store.put(object, position.floor));
                object
            }
            Event::Delete(object) => {
                if let Some(gone) = self.note(self.store.delete(object)) {
                    position.floor = position.floor.max(gone);
                }
                object
            }
        };
        self.progress.event();
        let Ok(identity) = Identity::of(object) else { return Ok(false) };
        if identity.resource_version().is_empty() {
            return Ok(false);
        }
        position.resource_version = identity.resource_version().into();
        Ok(true)
    }

    /// Says what a failure means; how long to wait.
    fn after(&self, failure: &Failure, lived: Duration, course: &mut Course) -> Duration {
        let before = self.progress.failed(failure);
        self.log(failure, before.as_ref());
        if lived >= self.server.limits.good {
            course.backoff.reset();
        }
        match failure.kind {
            FailureKind::Cut => return course.after_end(lived, &self.server),
            FailureKind::Silent => {
                course.doubt();
                return Duration::ZERO;
            }
            FailureKind::Refused | FailureKind::Malformed => course.doubt(),
            FailureKind::Expired => course.position = None,
            FailureKind::Absent => return self.absent(course),
            FailureKind::Forbidden => {
                course.refusals += 1;
                if course.refusals >= REFUSALS && !self.progress.is_required() {
                    self.settled.settle(&self.progress);
                }
            }
            _ => {}
        }
        let asked = failure.retry_after.unwrap_or_default().min(self.server.limits.longest_pause);
        course.pause(&self.server).max(asked)
    }

    /// The kind is not served. Its objects go when it stays so: a server that starts may not know yet what it has.
    fn absent(&self, course: &mut Course) -> Duration {
        let limits = &self.server.limits;
        self.served.forget(self.progress.kind());
        course.position = None;
        let since = *course.absent_since.get_or_insert_with(Instant::now);
        if since.elapsed() < limits.absent_grace && self.store.count(self.progress.namespace()) > 0 {
            return course.pause(&self.server).min(limits.absent_grace / 4);
        }
        self.store.clear(self.progress.namespace());
        course.backoff.reset();
        self.settled.settle(&self.progress);
        limits.absent_pause
    }

    fn address<'a>(&'a self, version: &'a str) -> Address<'a> {
        Address {
            kind: self.progress.kind(),
            version,
            namespace: self.progress.namespace(),
            selector: self.selector.as_deref(),
        }
    }

    /// Counts and names what could not be read.
    fn note<R>(&self, result: Result<R, Unreadable>) -> Option<R> {
        result
            .inspect_err(|unreadable| {
                self.progress.skipped();
                warn!(resource = %self.progress.kind(), %unreadable, "skipped an object");
            })
            .ok()
    }

    /// Once for each trouble, not for each try.
    fn log(&self, failure: &Failure, before: Option<&Failure>) {
        let (resource, namespace) = (self.progress.kind(), self.progress.namespace());
        if before.is_some_and(|before| before.kind == failure.kind) {
            debug!(%resource, namespace, %failure, "still not watching");
            return;
        }
        match failure.kind {
            FailureKind::Absent => info!(%resource, namespace, "not installed; it is looked for now and then"),
            FailureKind::Cut | FailureKind::Expired | FailureKind::Silent => {
                info!(%resource, namespace, %failure, "watching anew");
            }
            _ => warn!(%resource, namespace, %failure, "not watching; what was known stays"),
        }
    }
}

impl Course {
    /// After a watch that ended: at once, unless it had hardly begun.
    fn after_end(&mut self, lived: Duration, server: &Server) -> Duration {
        if lived < server.limits.steady {
            return self.pause(server);
        }
        self.backoff.reset();
        Duration::ZERO
    }

    /// Notes a watch that ended; where too many in a row brought nothing, the resource version itself is doubted: the
    /// server may have lost its memory.
    fn doubt(&mut self) {
        self.fruitless = if self.fruitful { 0 } else { self.fruitless + 1 };
        if self.fruitless >= FRUITLESS {
            self.fruitless = 0;
            self.position = None;
        }
    }

    fn pause(&mut self, server: &Server) -> Duration {
        self.backoff.next(&server.limits, &mut self.rng)
    }
}
