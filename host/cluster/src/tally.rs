//! What is written down of one request, however it ends: the access log's line and the metrics.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, StatusCode};
use tokio::time::Instant;
use weir_core::grpc::Code;
use weir_core::{Principal, header};
use weir_serve::{AccessLog, AccessRecord, Body, Ending, Peer};

use crate::metrics::{Metrics, NO_MODEL};

/// nginx's number for a client that left before its answer; only metrics have it.
const CLIENT_LEFT: u16 = 499;

/// One request's record. It is written when it is dropped; unless it was told how the request ended, the client left.
pub(crate) struct Tally {
    record: AccessRecord,
    started: Instant,
    /// The model as it is configured: what metrics may have as a label.
    model: Option<String>,
    /// What a call over gRPC ended with: its HTTP status is 200 whatever happens.
    grpc: Option<Code>,
    metrics: Arc<Metrics>,
    log: AccessLog,
}

impl Tally {
    pub(crate) fn new(request: &Request<Body>, peer: Peer, metrics: Arc<Metrics>, log: AccessLog) -> Self {
        let mut record = AccessRecord::new("host", request.method().as_str(), request.uri().path());
        record.peer = Some(peer.addr.ip());
        Self { record, started: Instant::now(), model: None, grpc: None, metrics, log }
    }

    /// Who calls, now that the signature shows that it is true.
    pub(crate) fn identify(&mut self, headers: &HeaderMap, principal: &Principal) {
        let id = headers.get(header::REQUEST).and_then(|value| value.to_str().ok());
        self.record.request_id = id.map(str::to_owned);
        self.record.tenant = Some(principal.tenant.clone());
        self.record.key_name = Some(principal.key.clone());
    }

    pub(crate) fn model(&mut self, model: &str) {
        self.record.model = Some(model.to_owned());
        self.model = Some(model.to_owned());
    }

    pub(crate) fn attempt(&mut self, number: u32, endpoint: &str) {
        self.record.attempt = Some(number);
        self.record.backend = Some(endpoint.to_owned());
    }

    pub(crate) fn retried(&self, reason: &'static str) {
        self.metrics.retried(self.label(), reason);
    }

    pub(crate) fn refused_call(&self) {
        self.metrics.refused_call();
    }

    pub(crate) fn heartbeat(&self) {
        self.metrics.heartbeat();
    }

    /// The status that the caller gets. The answer goes on.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.record.status = status.as_u16();
    }

    /// Bytes of the answer went to the caller.
    pub(crate) fn passed(&mut self, bytes: usize) {
        if self.record.time_to_first_token.is_none() {
            let waited = self.started.elapsed();
            self.record.time_to_first_token = Some(waited);
            self.metrics.first_byte(self.label(), waited.as_secs_f64());
        }
        self.record.bytes += bytes as u64;
    }

    /// The status with which a call over gRPC ends.
    pub(crate) fn grpc(&mut self, code: Code) {
        self.record.status = StatusCode::OK.as_u16();
        self.record.grpc_status = Some(code.number());
        self.grpc = Some(code);
    }

    /// The answer ended.
    pub(crate) fn ended(&mut self, ending: Ending) {
        self.record.ending = Some(ending);
    }

    /// The answer was made here and is handed over as a whole.
    pub(crate) fn close(mut self, status: StatusCode, bytes: u64) {
        self.record.status = status.as_u16();
        self.record.bytes = bytes;
        self.record.ending = Some(match status.as_u16() {
            200..=299 => Ending::Complete,
            400..=499 => Ending::Refused,
            _ => Ending::Failed,
        });
    }

    fn label(&self) -> &str {
        self.model.as_deref().unwrap_or(NO_MODEL)
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let took: Duration = self.started.elapsed();
        self.record.duration = took;
        match *self.record.ending.get_or_insert(Ending::ClientGone) {
            Ending::ClientGone => self.metrics.cancelled(self.label()),
            Ending::Truncated => self.metrics.truncated(self.label()),
            Ending::Complete | Ending::Refused | Ending::Failed => {}
        }
        let status = match (self.grpc, self.record.status) {
            (Some(code), _) => code.http_status(),
            (None, 0) => CLIENT_LEFT,
            (None, status) => status,
        };
        self.metrics.request(self.label(), status, took.as_secs_f64());
        self.log.write(self.record.clone());
    }
}
