//! One client's visit: what is counted, logged and cancelled when it ends.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use http::{HeaderMap, Request};
use weir_core::{Candidate, Outcome, Principal, header};
use weir_serve::{AccessLog, AccessRecord, Ending};

use crate::EdgeStats;
use crate::call::{Call, Cut};
use crate::live::Live;
use crate::stats::{down, up};

/// One client's request, from its arrival to its end. Dropped before [`end`](Self::end), the client has left.
pub(crate) struct Visit {
    pub(crate) call: Arc<Call>,
    pub(crate) stats: Arc<EdgeStats>,
    live: Arc<Live>,
    log: AccessLog,
    record: Option<AccessRecord>,
    began: Instant,
}

impl Visit {
    /// A visit that begins now.
    pub(crate) fn begin<B>(
        request: &Request<B>,
        peer: Option<IpAddr>,
        stats: Arc<EdgeStats>,
        live: Arc<Live>,
        log: AccessLog,
    ) -> Self {
        up(&stats.requests);
        up(&stats.in_flight);
        let mut record = AccessRecord::new("edge", request.method().as_str(), request.uri().path());
        record.peer = peer;
        let call = Arc::new(Call::default());
        live.add(&call);
        Self { call, stats, live, log, record: Some(record), began: Instant::now() }
    }

    /// Notes what the head of the response says, which the client does not see all of.
    pub(crate) fn head(&mut self, status: http::StatusCode, headers: &HeaderMap) {
        if let Some(record) = &mut self.record {
            record.status = status.as_u16();
            note_head(record, headers);
        }
    }

    /// Notes what the trailers say.
    pub(crate) fn trailers(&mut self, trailers: &HeaderMap) {
        if let Some(record) = &mut self.record {
            note_trailers(record, trailers);
        }
    }

    /// Notes bytes that went to the client.
    pub(crate) fn sent(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        self.stats.bytes_out.fetch_add(bytes, Ordering::Relaxed);
        if let Some(record) = &mut self.record {
            record.bytes += bytes;
        }
    }

    /// Ends the visit. What the guest said of the ending is believed, unless the client saw otherwise.
    pub(crate) fn end(mut self, seen: Ending) {
        self.close(seen);
    }

    fn close(&mut self, seen: Ending) {
        let Some(mut record) = self.record.take() else { return };
        down(&self.stats.in_flight);
        self.live.remove(&self.call);
        record.ending = match (seen, record.ending) {
            (Ending::Complete, Some(told)) => Some(told),
            (seen, _) => Some(seen),
        };
        record.duration = self.began.elapsed();
        self.log.write(record);
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if self.record.is_none() {
            return;
        }
        self.call.cut(Cut::ClientGone);
        up(&self.stats.client_gone);
        self.close(Ending::ClientGone);
    }
}

/// Takes from a response's head what the log may say. The internal headers are there where the outermost part left
/// them; what cannot be read is left out.
fn note_head(record: &mut AccessRecord, headers: &HeaderMap) {
    record.request_id = headers.get(header::REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
    if let Ok(Some(Principal { tenant, key, .. })) = header::read_json(headers, header::PRINCIPAL) {
        record.tenant = Some(tenant);
        record.key_name = Some(key);
    }
    if let Ok(Some(Candidate { backend, .. })) = header::read_json(headers, header::BACKEND) {
        record.backend = Some(backend);
    }
    if let Ok(Some(attempt)) = header::read_json(headers, header::ATTEMPT) {
        record.attempt = Some(attempt);
    }
}

/// Takes from a response's trailers what the log may say.
fn note_trailers(record: &mut AccessRecord, trailers: &HeaderMap) {
    let Ok(Some(outcome)) = header::read_json::<Outcome>(trailers, header::USAGE) else { return };
    record.tokens_in = Some(outcome.usage.input.0);
    record.tokens_out = Some(outcome.usage.output.0);
    record.time_to_first_token = outcome.first_event.map(|time| Duration::from_millis(time.0));
    record.backend = Some(outcome.candidate.backend);
    record.ending = Some(match outcome.ending {
        weir_core::Ending::Complete => Ending::Complete,
        weir_core::Ending::Truncated => Ending::Truncated,
        weir_core::Ending::ClientGone => Ending::ClientGone,
        weir_core::Ending::Refused => Ending::Refused,
        weir_core::Ending::Failed => Ending::Failed,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_what_head_and_trailers_say_and_nothing_else() {
        let mut record = AccessRecord::new("edge", "POST", "/v1/chat/completions");
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", "r1".parse().unwrap());
        headers.insert(
            "x-weir-principal",
            r#"{"tenant":"t","key":"k","models":[["*"],["*"]],"policy":"1"}"#.parse().unwrap(),
        );
        headers.insert("x-weir-attempt", "2".parse().unwrap());
        note_head(&mut record, &headers);
        assert_eq!((record.request_id.as_deref(), record.tenant.as_deref()), (Some("r1"), Some("t")));
        assert_eq!((record.key_name.as_deref(), record.attempt), (Some("k"), Some(2)));

        let mut trailers = HeaderMap::new();
        let outcome =
            r#"{"candidate":{"backend":"b","model":"m"},"usage":{"input":7,"output":3},"ending":"truncated","took":9}"#;
        trailers.insert("x-weir-usage", outcome.parse().unwrap());
        note_trailers(&mut record, &trailers);
        assert_eq!((record.tokens_in, record.tokens_out), (Some(7), Some(3)));
        assert_eq!(record.ending, Some(Ending::Truncated));

        let mut odd = HeaderMap::new();
        odd.insert("x-weir-usage", "not json".parse().unwrap());
        let before = format!("{record:?}");
        note_trailers(&mut record, &odd);
        assert_eq!(format!("{record:?}"), before);
    }
}
