//! What is written down of one request, however it ends: the access log's line and the metrics.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;
use weir_core::grpc::Code;
use weir_core::{Endpoint, Principal, Rpc, header};
use weir_serve::{AccessLog, AccessRecord, Ending, Peer};

use crate::directory::Entry;
use crate::metrics::{Finished, Metrics, ModelMetrics};
use crate::usage::Tokens;

/// nginx's number for a client that left before its answer; only metrics have it.
const CLIENT_LEFT: u16 = 499;
/// What requests are called that are none of a model.
const NO_OPERATION: &str = "other";

/// One request's record. It is written when it is dropped; unless it was told how the request ended, the client left.
pub(crate) struct Tally {
    record: AccessRecord,
    started: Instant,
    /// What is counted of the model.
    model: Arc<ModelMetrics>,
    operation: &'static str,
    /// Whether the answer is a stream of events.
    streams: bool,
    tokens: Tokens,
    /// What a call over gRPC ended with: its HTTP status is 200 whatever happens.
    grpc: Option<Code>,
    metrics: Arc<Metrics>,
    log: AccessLog,
}

impl Tally {
    pub(crate) fn new(head: &Parts, peer: Peer, metrics: Arc<Metrics>, log: AccessLog) -> Self {
        let mut record = AccessRecord::new("host", head.method.as_str(), head.uri.path());
        record.peer = Some(peer.addr.ip());
        let (model, streams, tokens) = (metrics.of_no_model(), false, Tokens::default());
        Self {
            record,
            started: Instant::now(),
            model,
            operation: NO_OPERATION,
            streams,
            tokens,
            grpc: None,
            metrics,
            log,
        }
    }

    /// Who calls, now that the signature shows that it is true.
    pub(crate) fn identify(&mut self, headers: &HeaderMap, principal: &Principal) {
        let id = headers.get(header::REQUEST).and_then(|value| value.to_str().ok());
        self.record.request_id = id.map(str::to_owned);
        self.record.tenant = Some(principal.tenant.clone());
        self.record.key_name = Some(principal.key.clone());
    }

    /// What is asked for, and of which model.
    pub(crate) fn model(&mut self, model: &Entry, endpoint: &Endpoint) {
        self.record.model = Some(model.name.clone());
        self.model = model.metrics.clone();
        self.operation = operation(endpoint);
    }

    pub(crate) fn attempt(&mut self, number: u32, endpoint: &str) {
        self.record.attempt = Some(number);
        self.record.backend = Some(endpoint.to_owned());
    }

    pub(crate) fn retried(&self, reason: &'static str) {
        self.model.retried(reason);
    }

    /// A second endpoint was asked beside the first.
    pub(crate) fn hedged(&mut self) {
        self.record.hedged = true;
    }

    /// Whose answer counts: the second endpoint's or the first's; and its name.
    pub(crate) fn hedge_won(&mut self, second: bool, endpoint: &str) {
        self.model.hedged(second);
        self.record.backend = Some(endpoint.to_owned());
    }

    pub(crate) fn refused_call(&self) {
        self.metrics.refused_call();
    }

    pub(crate) fn heartbeat(&self) {
        self.metrics.heartbeat();
    }

    /// The status that the caller gets, and whether a stream of events follows.
    pub(crate) fn answered(&mut self, status: StatusCode, streams: bool) {
        self.record.status = status.as_u16();
        self.streams = streams;
    }

    /// A piece of the answer went to the caller.
    pub(crate) fn passed(&mut self, piece: &Bytes) {
        self.passed_bytes(piece.len());
        self.tokens.pass(piece);
    }

    /// So many bytes of an answer that holds no JSON went to the caller.
    pub(crate) fn passed_bytes(&mut self, length: usize) {
        if self.record.time_to_first_token.is_none() {
            self.record.time_to_first_token = Some(self.started.elapsed());
        }
        self.record.bytes += length as u64;
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
}

impl Drop for Tally {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        self.record.duration = took;
        let model = &self.model;
        let ends = model.ends();
        match *self.record.ending.get_or_insert(Ending::ClientGone) {
            Ending::ClientGone => _ = ends.cancels.inc(),
            Ending::Truncated => _ = ends.truncated.inc(),
            Ending::Complete if self.tokens == Tokens::default() => _ = ends.usage_unknown.inc(),
            Ending::Complete | Ending::Refused | Ending::Failed => {}
        }
        (self.record.tokens_in, self.record.tokens_out) = (self.tokens.input, self.tokens.output);
        model.finished(Finished {
            operation: self.operation,
            tenant: self.record.tenant.as_deref().unwrap_or_default(),
            status: match (self.grpc, self.record.status) {
                (Some(code), _) => code.http_status(),
                (None, 0) => CLIENT_LEFT,
                (None, status) => status,
            },
            took,
            first: self.record.time_to_first_token.filter(|_| self.streams),
            tokens: self.tokens,
        });
        self.log.write(self.record.clone());
    }
}

/// What is asked for, in the words of OpenTelemetry's conventions where they have one.
fn operation(endpoint: &Endpoint) -> &'static str {
    match endpoint {
        Endpoint::ChatCompletions | Endpoint::Messages | Endpoint::Responses => "chat",
        Endpoint::Completions | Endpoint::Generate | Endpoint::GenerateStream => "text_completion",
        Endpoint::Embeddings => "embeddings",
        Endpoint::Predict | Endpoint::Infer => "infer",
        Endpoint::Grpc(Rpc::ModelInfer | Rpc::ModelStreamInfer) => "infer",
        Endpoint::Explain => "explain",
        Endpoint::Tokenize | Endpoint::Detokenize | Endpoint::InputTokens | Endpoint::CountTokens => "tokenize",
        _ => NO_OPERATION,
    }
}
