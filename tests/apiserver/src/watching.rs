//! Watches.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, interval_at, sleep, sleep_until};
use tokio_stream::wrappers::ReceiverStream;

use crate::answer::{Body, reason_of, status, status_object, with_json};
use crate::faults::Interruption;
use crate::history::{Filter, TooOld};
use crate::kinds::Kind;
use crate::listing::{filter, in_version};
use crate::request::Objects;
use crate::server::ApiServer;

/// How often a watch is told that nothing has changed.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// How long a watch lasts that does not say.
const LONGEST: Duration = Duration::from_secs(1800);

/// Begins a watch.
pub(crate) fn open(server: &ApiServer, objects: &Objects) -> Response<Body> {
    let filter = match filter(objects) {
        Ok(filter) => filter,
        Err(refusal) => return *refusal,
    };
    let now = server.state().version;
    let (position, initial) = match objects.query.resource_version.as_deref() {
        None | Some("0") => (now, true),
        Some(text) => match text.parse() {
            Ok(version) => (version, false),
            Err(_) => return status(500, "InternalError", &format!("Invalid value: \"{text}\""), &Value::Null),
        },
    };
    let (to, from) = mpsc::channel(64);
    let watch = Watch {
        server: server.clone(),
        kind: objects.kind,
        version: objects.version,
        filter,
        position,
        initial,
        bookmarks: objects.query.bookmarks,
        last: None,
        pieces: None,
        to,
    };
    let seconds = objects.query.seconds.map_or(LONGEST, Duration::from_secs);
    let interruptions = server.shared.interruptions.subscribe();
    tokio::spawn(watch.run(seconds, interruptions));
    with_json(StatusCode::OK, StreamBody::new(ReceiverStream::new(from)).boxed_unsync())
}

struct Watch {
    server: ApiServer,
    kind: &'static Kind,
    version: &'static str,
    filter: Filter,
    /// Up to where all was told.
    position: u64,
    /// Whether what is there is told first.
    initial: bool,
    bookmarks: bool,
    last: Option<Bytes>,
    pieces: Option<usize>,
    to: mpsc::Sender<Result<Frame<Bytes>, std::io::Error>>,
}

/// The client has left, or the watch is over.
struct Over;

impl Watch {
    async fn run(mut self, seconds: Duration, mut interruptions: broadcast::Receiver<(String, Interruption)>) {
        let end = Instant::now() + seconds;
        let mut changed = self.server.shared.changed.subscribe();
        let mut minute = interval_at(Instant::now() + BOOKMARKS, BOOKMARKS);
        if self.initial && self.present().await.is_err() {
            return;
        }
        // From a version that is still to come there is nothing to tell, and nothing is: it ends by itself.
        let ahead = self.position > self.server.state().version;
        loop {
            if !ahead && self.catch_up().await.is_err() {
                return;
            }
            let step = tokio::select! {
                // Whoever interrupts a watch and then changes something wants the change to come after.
                biased;
                () = self.to.closed() => Err(Over),
                interruption = interruptions.recv() => match interruption {
                    Ok((plural, what)) if plural == "*" || plural == self.kind.plural => self.interrupt(what, end).await,
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => Ok(()),
                    Err(broadcast::error::RecvError::Closed) => Err(Over),
                },
                () = sleep_until(end) => if ahead { Err(Over) } else { self.bookmark().await.and(Err(Over)) },
                _ = minute.tick() => if ahead { Ok(()) } else { self.bookmark().await },
                seen = changed.changed() => seen.map_err(|_| Over),
            };
            if step.is_err() {
                return;
            }
        }
    }

    /// Tells of what is there already.
    async fn present(&mut self) -> Result<(), Over> {
        let found = self.server.state().history(self.kind).at(self.position, &self.filter).unwrap_or_default();
        for (_, object) in found {
            self.tell("ADDED", &in_version(self.kind, self.version, &object)).await?;
        }
        Ok(())
    }

    /// Tells of what has happened since.
    async fn catch_up(&mut self) -> Result<(), Over> {
        let (told, now, gone) = {
            let state = self.server.state();
            let history = state.history(self.kind);
            let gone = !history.served.contains(&self.version);
            (history.since(self.position, &self.filter), state.version, gone)
        };
        match told {
            Err(TooOld { oldest }) => {
                let message = format!("too old resource version: {} ({oldest})", self.position);
                self.tell("ERROR", &status_object(410, "Expired", &message, &Value::Null)).await?;
                return Err(Over);
            }
            Ok(told) => {
                for (_, event) in told {
                    self.tell(event.r#type, &in_version(self.kind, self.version, &event.object)).await?;
                }
            }
        }
        self.position = now;
        if gone { Err(Over) } else { Ok(()) }
    }

    async fn interrupt(&mut self, interruption: Interruption, end: Instant) -> Result<(), Over> {
        match interruption {
            Interruption::End => return Err(Over),
            Interruption::Kill => {
                let reset = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the connection was to break");
                let _ = self.to.send(Err(reset)).await;
                return Err(Over);
            }
            Interruption::HalfClose => {
                self.send(Bytes::from_static(b"{\"type\":\"MODIFIED\",\"object\":{\"apiVersion\":\"v1\",\"ki")).await?;
                return Err(Over);
            }
            Interruption::Silence => {
                tokio::select! {
                    () = self.to.closed() => {}
                    // A stream that hangs outlives its time.
                    () = sleep_until(end + LONGEST) => {}
                }
                return Err(Over);
            }
            Interruption::Repeat => {
                if let Some(last) = self.last.clone() {
                    self.send(last).await?;
                }
            }
            Interruption::Bookmark => self.bookmark().await?,
            Interruption::Send(bytes) => self.send(Bytes::from(bytes)).await?,
            Interruption::Error(code) => {
                let object = status_object(code, reason_of(code), "an error that was asked for", &Value::Null);
                self.tell("ERROR", &object).await?;
                return Err(Over);
            }
            Interruption::Slowly(bytes) => self.pieces = Some(bytes.max(1)),
        }
        Ok(())
    }

    async fn bookmark(&mut self) -> Result<(), Over> {
        if !self.bookmarks {
            return Ok(());
        }
        self.catch_up().await?;
        let object = json!({
            "apiVersion": self.kind.api_version(self.version),
            "kind": self.kind.kind,
            "metadata": { "resourceVersion": self.position.to_string() },
        });
        self.send(line("BOOKMARK", &object)).await
    }

    async fn tell(&mut self, r#type: &str, object: &Value) -> Result<(), Over> {
        let line = line(r#type, object);
        self.last = Some(line.clone());
        self.send(line).await
    }

    async fn send(&mut self, bytes: Bytes) -> Result<(), Over> {
        let Some(piece) = self.pieces else {
            return self.to.send(Ok(Frame::data(bytes))).await.map_err(|_| Over);
        };
        for start in (0..bytes.len()).step_by(piece) {
            let part = bytes.slice(start..bytes.len().min(start + piece));
            self.to.send(Ok(Frame::data(part))).await.map_err(|_| Over)?;
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

fn line(r#type: &str, object: &Value) -> Bytes {
    Bytes::from(format!("{{\"type\":\"{}\",\"object\":{object}}}\n", r#type))
}
