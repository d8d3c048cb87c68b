//! A job's way from the engine to the client: streamed, or whole; and what may go wrong on that way.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::Value;
use weir_serve::{Body, BoxError, full};

use crate::answer::Finish;
use crate::directive::Fault;
use crate::driver::Ticket;
use crate::engine::Event;
use crate::error::ApiError;
use crate::job::Job;
use crate::shape::{Shape, Usage};

/// How long a stream waits before it breaks off: a body that fails at once takes with it what is still to be flushed.
const FLUSH: Duration = Duration::from_millis(20);

/// The connection breaks here because the request, or chance, asked for it.
#[derive(Debug, thiserror::Error)]
#[error("the simulator breaks off, as it was told")]
struct CutOff;

/// An answer on its way.
pub(crate) struct Delivery {
    pub(crate) job: Job,
    pub(crate) shape: Shape,
    pub(crate) ticket: Ticket,
    pub(crate) fault: Option<Fault>,
}

/// What has come from the engine so far.
#[derive(Debug, Default)]
struct Progress {
    /// Tokens of each member.
    produced: Vec<usize>,
    finished: usize,
    tokens: usize,
    reasoning: usize,
    cached: Option<usize>,
}

/// Where the fault strikes.
enum Strike {
    Not,
    Error,
    Cut,
    Hang,
}

impl Delivery {
    /// The response. Whoever drops it, or its body, gives the answer up.
    pub(crate) async fn respond(self) -> Result<Response<Body>, ApiError> {
        if self.fault == Some(Fault::HangAfter(0)) {
            std::future::pending::<()>().await;
        }
        if self.job.stream { Ok(self.streamed()) } else { self.whole().await }
    }

    async fn whole(mut self) -> Result<Response<Body>, ApiError> {
        let mut progress = Progress::new(self.job.members.len());
        loop {
            match progress.strike(self.fault, self.job.members.len()) {
                Strike::Error => return Err(broken()),
                Strike::Cut => return Ok(self.cut_whole(&progress)),
                Strike::Hang => std::future::pending::<()>().await,
                Strike::Not if progress.finished == self.job.members.len() => break,
                Strike::Not => {}
            }
            let Some((index, event)) = self.ticket.next().await else { return Err(stopped()) };
            progress.count(&self.job, index, event);
        }
        let usage = progress.usage(&self.job);
        Ok(json_response(StatusCode::OK, &self.shape.whole(&self.job.members, usage)))
    }

    /// Half a body, and then the end of the connection.
    fn cut_whole(&self, progress: &Progress) -> Response<Body> {
        let body = self.shape.whole(&self.job.members, progress.usage(&self.job)).to_string();
        let half = Bytes::copy_from_slice(&body.as_bytes()[..body.len() / 2]);
        let first = stream::iter([Ok::<_, BoxError>(Frame::data(half))]);
        let then = stream::once(async {
            tokio::time::sleep(FLUSH).await;
            Err(CutOff.into())
        });
        let mut response = Response::new(BodyExt::boxed_unsync(StreamBody::new(first.chain(then))));
        response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        response
    }

    fn streamed(self) -> Response<Body> {
        let flow = Flow::new(self);
        let frames = stream::unfold(flow, |mut flow| async move {
            let frame = flow.next().await?;
            Some((frame.map(Frame::data), flow))
        });
        let mut response = Response::new(BodyExt::boxed_unsync(StreamBody::new(frames)));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("text/event-stream; charset=utf-8"));
        headers.insert(CACHE_CONTROL, http::HeaderValue::from_static("no-cache"));
        response
    }
}

/// An event stream, as the engine's events come in.
struct Flow {
    delivery: Delivery,
    progress: Progress,
    ready: VecDeque<Bytes>,
    opened: Vec<bool>,
    done: bool,
}

impl Flow {
    fn new(delivery: Delivery) -> Self {
        let members = delivery.job.members.len();
        Self {
            progress: Progress::new(members),
            ready: VecDeque::new(),
            opened: vec![false; members],
            done: false,
            delivery,
        }
    }

    /// The next frame; `None` after the last one, an error where the stream is broken off.
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(Ok(frame));
            }
            if self.done {
                return None;
            }
            let members = self.delivery.job.members.len();
            match self.progress.strike(self.delivery.fault, members) {
                Strike::Error => {
                    self.send(&broken().to_json());
                    self.end();
                    continue;
                }
                Strike::Cut => {
                    tokio::time::sleep(FLUSH).await;
                    self.done = true;
                    return Some(Err(CutOff.into()));
                }
                Strike::Hang => std::future::pending::<()>().await,
                Strike::Not if self.progress.finished == members => {
                    if self.delivery.job.usage.at_the_end {
                        let usage = self.progress.usage(&self.delivery.job);
                        let chunk = self.delivery.shape.usage(usage);
                        self.send(&chunk);
                    }
                    self.end();
                    continue;
                }
                Strike::Not => {}
            }
            let Some((index, event)) = self.delivery.ticket.next().await else {
                self.done = true;
                return Some(Err(stopped().into()));
            };
            self.tell(index, event);
        }
    }

    fn tell(&mut self, index: usize, event: Event) {
        let position = self.progress.produced[index];
        self.progress.count(&self.delivery.job, index, event);
        let member = &self.delivery.job.members[index];
        let shape = &self.delivery.shape;
        let mut chunks = Vec::new();
        if matches!(event, Event::Token | Event::Finished) && !std::mem::replace(&mut self.opened[index], true) {
            chunks.extend(shape.opening(index, &member.before));
        }
        let answer = &member.answer;
        // An answer that hit its limit ends with its last token; any other one with the token that means "end".
        let ends_with_token = answer.finish == Finish::Length;
        match event {
            Event::Token => {
                let last = position + 1 == answer.pieces.len() && ends_with_token;
                if let Some(piece) = answer.pieces.get(position) {
                    chunks.push(shape.piece(index, piece, last.then_some(answer.finish)));
                }
            }
            Event::Finished if !ends_with_token => chunks.push(shape.closing(index, answer)),
            _ => {}
        }
        for mut chunk in chunks {
            if self.delivery.job.usage.all_along {
                chunk["usage"] = self.progress.usage(&self.delivery.job).to_json();
            }
            self.send(&chunk);
        }
    }

    fn send(&mut self, chunk: &Value) {
        self.ready.push_back(Bytes::from(format!("data: {chunk}\n\n")));
    }

    fn end(&mut self) {
        self.ready.push_back(Bytes::from_static(b"data: [DONE]\n\n"));
        self.done = true;
    }
}

impl Progress {
    fn new(members: usize) -> Self {
        Self { produced: vec![0; members], ..Self::default() }
    }

    fn count(&mut self, job: &Job, index: usize, event: Event) {
        match event {
            Event::Admitted { cached } => {
                self.cached.get_or_insert(cached);
            }
            Event::Token => {
                let piece = job.members[index].answer.pieces.get(self.produced[index]);
                self.reasoning += usize::from(matches!(piece, Some(crate::answer::Piece::Reasoning(_))));
                self.produced[index] += 1;
                self.tokens += 1;
            }
            Event::Finished => self.finished += 1,
            Event::Preempted => {}
        }
    }

    /// Whether the fault is due: after its number of tokens, or at the end if there are not so many.
    fn strike(&self, fault: Option<Fault>, members: usize) -> Strike {
        let due = |after: usize| self.tokens >= after || self.finished == members;
        match fault {
            Some(Fault::ErrorAfter(after)) if due(after) => Strike::Error,
            Some(Fault::CutAfter(after)) if due(after) => Strike::Cut,
            Some(Fault::HangAfter(after)) if due(after) => Strike::Hang,
            _ => Strike::Not,
        }
    }

    fn usage(&self, job: &Job) -> Usage {
        Usage {
            prompt: job.prompt_tokens,
            completion: self.tokens,
            cached: self.cached.unwrap_or(0),
            reasoning: self.reasoning,
        }
    }
}

/// A JSON response.
pub(crate) fn json_response(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(full(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

fn broken() -> ApiError {
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "The simulated engine failed in the middle of the answer, as it was told.",
    )
}

fn stopped() -> ApiError {
    ApiError::unavailable("The simulator is stopping.")
}
