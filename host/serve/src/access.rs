//! The access log: one JSON line a request, from an allow-list of fields.
//!
//! What may be written is what [`AccessRecord`] has. There is no place in it for a header, a query
//! or a prompt, and JSON escapes what a client could use to forge a line or colour a terminal.

use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

/// Records that wait for the writer; one more is dropped and counted.
const QUEUE: usize = 8192;
/// For how long the writer gathers records after a first one: to be woken for each costs more than to write it.
const GATHERED: Duration = Duration::from_millis(10);

/// How a request ended, as its trailer tells it (`DESIGN.md`, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// To the end.
    Complete,
    /// The upstream's stream broke off.
    Truncated,
    /// The client left.
    ClientGone,
    /// Not sent upstream.
    Refused,
    /// No backend answered.
    Failed,
}

/// What the log may say of one request. Absent fields are not written.
#[derive(Debug, Clone, Serialize)]
pub struct AccessRecord {
    /// When the request arrived; written as RFC 3339 in UTC.
    #[serde(serialize_with = "rfc3339")]
    pub time: SystemTime,
    /// Which listener took it: `edge`, `host`, `control`.
    pub listener: &'static str,
    /// The request's method.
    pub method: String,
    /// The path. Whatever follows a `?` or `#` is cut when the record is written.
    #[serde(serialize_with = "path_only")]
    pub path: String,
    /// The status that the client saw; 0 where it left before one.
    pub status: u16,
    /// The `grpc-status` of a call over gRPC, whose HTTP status is 200 whatever happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc_status: Option<u8>,
    /// `x-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The caller's tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The name of the caller's key, never the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
    /// The model, as the client named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The backend that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Which try answered, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Whether a second backend was asked beside the first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hedged: bool,
    /// Bytes of the response body that were handed to the client.
    pub bytes: u64,
    /// From the request's head to the end, in milliseconds.
    #[serde(rename = "duration_ms", serialize_with = "millis")]
    pub duration: Duration,
    /// From the request's head to the first event, in milliseconds.
    #[serde(rename = "ttft_ms", serialize_with = "some_millis", skip_serializing_if = "Option::is_none")]
    pub time_to_first_token: Option<Duration>,
    /// Input tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_in: Option<u64>,
    /// Output tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_out: Option<u64>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<IpAddr>,
}

impl AccessRecord {
    /// A record with what is known when a request arrives; the rest is absent or zero.
    #[must_use]
    pub fn new(listener: &'static str, method: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            time: SystemTime::now(),
            listener,
            method: method.into(),
            path: path.into(),
            status: 0,
            grpc_status: None,
            request_id: None,
            tenant: None,
            key_name: None,
            model: None,
            backend: None,
            attempt: None,
            hedged: false,
            bytes: 0,
            duration: Duration::ZERO,
            time_to_first_token: None,
            tokens_in: None,
            tokens_out: None,
            ending: None,
            peer: None,
        }
    }
}

/// Where access records go. Cheap to clone; writing never blocks and never fails a request.
///
/// A thread of its own writes, a hundredth of a second's records at once, since standard output may block. When the last clone is dropped, what
/// is queued is written before the drop returns.
#[derive(Debug, Clone)]
pub struct AccessLog(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Option<SyncSender<Box<AccessRecord>>>,
    dropped: Arc<AtomicU64>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl AccessLog {
    /// Writes to standard output.
    ///
    /// # Errors
    /// When the writer's thread cannot be started.
    pub fn stdout() -> io::Result<Self> {
        Self::to_writer(io::stdout())
    }

    /// Writes to `out`.
    ///
    /// # Errors
    /// When the writer's thread cannot be started.
    pub fn to_writer(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, records) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = dropped.clone();
        let writer = std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write_all(&records, BufWriter::new(out), &lost))?;
        let shared = Shared { queue: Some(queue), dropped, writer: Mutex::new(Some(writer)) };
        Ok(Self(Arc::new(shared)))
    }

    /// Writes nothing.
    #[must_use]
    pub fn off() -> Self {
        let shared = Shared { queue: None, dropped: Arc::default(), writer: Mutex::new(None) };
        Self(Arc::new(shared))
    }

    /// Queues a record; where the queue is full, drops and counts it.
    pub fn write(&self, record: AccessRecord) {
        let Some(queue) = &self.0.queue else { return };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = queue.try_send(Box::new(record)) {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records that were not written, since the start: the queue was full or the writer failed.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        drop(self.queue.take());
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A writer that panicked has said so on its own; there is nobody left to tell.
            drop(writer.join());
        }
    }
}

fn write_all(records: &Receiver<Box<AccessRecord>>, mut out: impl Write, lost: &AtomicU64) {
    while let Ok(first) = records.recv() {
        std::thread::sleep(GATHERED);
        let mut next = Some(first);
        while let Some(record) = next {
            if write_line(&mut out, &record).is_err() {
                lost.fetch_add(1, Ordering::Relaxed);
            }
            next = records.try_recv().ok();
        }
        if let Err(error) = out.flush() {
            tracing::warn!(%error, "the access log cannot be flushed");
        }
    }
}

fn write_line(out: &mut impl Write, record: &AccessRecord) -> io::Result<()> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    out.write_all(&line)
}

fn path_only<S: Serializer>(path: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let end = path.find(['?', '#']).unwrap_or(path.len());
    serializer.serialize_str(&path[..end])
}

fn millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((duration.as_secs_f64() * 1e6).round() / 1e3)
}

// serde hands a field over by reference, an `Option` included.
#[expect(clippy::ref_option, reason = "the shape that serde calls")]
fn some_millis<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    millis(&value.unwrap_or_default(), serializer)
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs();
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let ms = since.subsec_millis();
    serializer.collect_str(&format_args!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z"))
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    // Counted in eras of 400 years from 0000-03-01, so that the leap day ends a year.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_is_right_at_its_edges() {
        let days = |y, m, d| (0..200_000).find(|&n| civil(n) == (y, m, d)).unwrap();
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(days(2000, 3, 1) - days(2000, 2, 29), 1);
        assert_eq!(days(2100, 3, 1) - days(2100, 2, 28), 1);
        assert_eq!(civil(20_689), (2026, 8, 24));
        assert_eq!(days(2027, 1, 1) - days(2026, 1, 1), 365);
    }
}
