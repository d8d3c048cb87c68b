//! What becomes of an attempt, told in a trailer on every way out.

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use weir_core::config::Timeouts;
use weir_core::error::render;
use weir_core::{Candidate, Dialect, Ending, Millis, Outcome, UnixMillis, Usage, header};
use weir_face::clock::Mark;
use weir_face::{Response, answer};

use super::call::Failed;
use crate::attempt::{Attempt, ending_of, grpc};

/// Keeps what the outcome of an attempt is made of.
#[derive(Clone)]
pub(super) struct Account {
    began: Mark,
    candidate: Candidate,
    status: Option<u16>,
    first_event: Option<Millis>,
}

impl Account {
    pub(super) fn new(began: Mark, attempt: &Attempt) -> Self {
        Self { began, candidate: attempt.candidate.clone(), status: None, first_event: None }
    }

    /// How long the first event may take from now: what the backend is allowed, or less where the deadline is nearer.
    pub(super) fn time_for_first_event(
        &self,
        timeouts: &Timeouts,
        deadline: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Duration {
        let left = deadline.map_or(timeouts.first_event, |deadline| deadline.since(now).min(timeouts.first_event));
        left.into()
    }

    /// The first event came just now, under this status.
    pub(super) fn answered(mut self, status: u16) -> Self {
        self.status = Some(status);
        self.first_event = Some(self.began.elapsed());
        self
    }

    pub(super) fn trailers(&self, usage: Usage, ending: Ending) -> HeaderMap {
        let outcome = Outcome {
            candidate: self.candidate.clone(),
            usage,
            ending,
            first_event: self.first_event,
            took: self.began.elapsed(),
            status: self.status,
        };
        HeaderMap::from_iter([(HeaderName::from_static(header::USAGE), header::json_value(&outcome))])
    }

    /// The answer that came whole.
    pub(super) fn whole(&self, headers: HeaderMap, body: Vec<u8>, usage: Usage) -> Response {
        answer::whole_with_trailers(200, headers, body, Some(self.trailers(usage, Ending::Complete)))
    }

    /// A status of gRPC and no message: the end of an attempt that was answered so.
    pub(super) fn status_alone(&self, alone: &grpc::Alone) -> Response {
        let mut headers = alone.headers.clone();
        if let Some(failure) = &alone.failure {
            headers.insert(header::FAILED, header::json_value(failure));
        }
        answer::whole_with_trailers(200, headers, Vec::new(), Some(self.trailers(Usage::default(), alone.ending)))
    }

    /// The answer to an attempt that failed before its first event.
    pub(super) fn failed(mut self, dialect: Dialect, failed: &Failed) -> Response {
        self.status = failed.status;
        let ending = ending_of(&failed.error);
        let rendered = render(dialect, &failed.error);
        let mut headers = answer::rendered_headers(&rendered);
        headers.insert(header::FAILED, header::json_value(&failed.failure));
        answer::whole_with_trailers(rendered.status, headers, rendered.body, Some(self.trailers(failed.usage, ending)))
    }
}
