//! A call over gRPC: messages pass as they come, and the status with what was used in the trailers.

use std::time::Duration;

use http::HeaderMap;
use weir_core::{Ending, Millis, Tokens};
use weir_face::Response;
use weir_face::answer::{self, Outlet};
use weir_face::call::Answer;
use weir_face::clock::{Deadline, within};

use super::call::{Failed, Wants, begin, refused, too_late};
use super::outcome::Account;
use crate::attempt::Upstream;
use crate::attempt::grpc::{self, Tap};

/// Makes the call, and answers as soon as the first piece of the answer is there.
pub(super) async fn make(upstream: Upstream, wants: Wants<'_>, account: &Account) -> Result<Response, Failed> {
    let idle = upstream.timeouts.idle;
    let mut deadline = Deadline::after(wants.limit);
    let mut answer = begin(upstream, wants, &mut deadline).await?;
    let (status, headers) = (answer.status, std::mem::take(&mut answer.headers));
    if !grpc::is_answer(status, &headers) {
        // Whoever answered so does not know that this is gRPC; a success is no answer either.
        let status = if status < 400 { 502 } else { status };
        return Err(refused(answer, status, &headers, wants, deadline, true).await);
    }
    if let Some(alone) = grpc::alone(&headers) {
        return Ok(account.clone().answered(status).status_alone(&alone));
    }
    let mut piece = Vec::new();
    let Some(more) = deadline.within(answer.next(&mut piece)).await else {
        return Err(Failed::of(too_late("did not send its first message in time")).with_status(status));
    };
    let (response, outlet) = answer::stream(200, grpc::answer_head(&headers));
    let passing = Passing { answer, piece, more, outlet, idle, tap: Tap::default(), input: wants.exchange.input() };
    weir_face::spawn(passing.run(account.clone().answered(status)));
    Ok(response)
}

/// An answer between its backend and its client.
struct Passing {
    answer: Answer,
    piece: Vec<u8>,
    /// Whether there is a piece.
    more: bool,
    outlet: Outlet,
    idle: Millis,
    tap: Tap,
    input: Tokens,
}

impl Passing {
    /// Carries the messages to their end, and settles it in the trailers.
    async fn run(mut self, account: Account) {
        let (mut trailers, ending) = match self.carry().await {
            Some(ended) => ended,
            None => {
                let Self { answer, outlet, tap, input, .. } = self;
                let trailers = answer.trailers().await.unwrap_or_default();
                let (mut trailers, ending) = grpc::end(trailers.as_ref());
                trailers.extend(account.trailers(tap.usage(input), ending));
                return outlet.finish(Some(trailers));
            }
        };
        trailers.extend(account.trailers(self.tap.usage(self.input), ending));
        self.outlet.finish(Some(trailers));
    }

    /// Carries messages; says how it ended where that was before the answer's end.
    async fn carry(&mut self) -> Option<(HeaderMap, Ending)> {
        while self.more {
            self.tap.pass(&self.piece);
            if self.outlet.write(self.piece.clone()).await.is_err() {
                return Some((HeaderMap::new(), Ending::ClientGone));
            }
            match within(Duration::from(self.idle), self.answer.next(&mut self.piece)).await {
                Some(more) => self.more = more,
                None => return Some((grpc::broken_off("the backend was silent for too long"), Ending::Truncated)),
            }
        }
        None
    }
}
