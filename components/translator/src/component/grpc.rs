//! A call over gRPC: messages pass as they come, and the status with what was used in the trailers. Where the client goes on
//! to send messages, they go out while the answer comes in, each way at its own pace.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use http::HeaderMap;
use weir_core::grpc::Status;
use weir_core::{Ending, GatewayError, Millis, Tokens, Usage};
use weir_face::Response;
use weir_face::answer::{self, Outlet};
use weir_face::call::{Answer, open};
use weir_face::clock::{Deadline, Mark, within};

use super::call::{Failed, Wants, begin, begun, call, is_client_gone, refused, too_late, unopened};
use super::outcome::Account;
use super::upload::{Noted, Sending, Upload};
use crate::attempt::grpc::{self, Tap};
use crate::attempt::{Upstream, ending_of};

/// Makes the call, and answers as soon as the first piece of the answer is there; where the client goes on to send
/// messages, as soon as the answer's head is, since the client may wait for it.
pub(super) async fn make(
    mut upstream: Upstream,
    wants: Wants<'_>,
    account: &Account,
    upload: Option<Upload>,
) -> Result<Response, Failed> {
    let idle = upstream.timeouts.idle;
    let mut deadline = Deadline::after(wants.limit);
    let (mut sending, noted) = (Sending::nothing(), upload.as_ref().map(Upload::noted));
    let mut answer = match upload {
        None => begin(upstream, wants, &mut deadline).await?,
        Some(upload) => {
            let first = std::mem::take(&mut upstream.body);
            let (answering, to) = open(&call(upstream)).map_err(|code| unopened(&code))?;
            sending = Sending::of(upload.carry(first, to));
            sending.beside(begun(answering, wants, &mut deadline)).await??
        }
    };
    let (status, headers) = (answer.status, std::mem::take(&mut answer.headers));
    if !grpc::is_answer(status, &headers) {
        // Whoever answered so does not know that this is gRPC; a success is no answer either.
        let status = if status < 400 { 502 } else { status };
        return Err(refused(answer, status, &headers, wants, deadline, true).await);
    }
    if let Some(alone) = grpc::alone(&headers) {
        return Ok(account.clone().answered(status).status_alone(&alone));
    }
    let (mut piece, mut more) = (Vec::new(), true);
    if noted.is_none() {
        let Some(came) = deadline.within(answer.next(&mut piece)).await else {
            return Err(Failed::of(too_late("did not send its first message in time")).with_status(status));
        };
        more = came;
    }
    let (response, outlet) = answer::stream(200, grpc::answer_head(&headers));
    let used = Used { tap: Tap::new(noted.is_some()), input: wants.exchange.input(), noted };
    let passing = Passing { answer, piece, more, outlet, idle, used };
    weir_face::spawn(passing.run(sending, account.clone().answered(status)));
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
    used: Used,
}

/// What a call used so far.
struct Used {
    tap: Tap,
    /// What the first message holds, or the only one.
    input: Tokens,
    /// What else the client sent.
    noted: Option<Rc<Noted>>,
}

/// How a call ended that did not end with its answer.
struct Ended {
    trailers: HeaderMap,
    ending: Ending,
}

impl Passing {
    /// Carries the messages to their end, and settles it in the trailers.
    async fn run(mut self, mut sending: Sending, account: Account) {
        let carried = sending.beside(self.carry()).await;
        let Self { answer, outlet, used, .. } = self;
        let Ended { mut trailers, ending } = match carried {
            Ok(None) => Ended::with(answer).await,
            Ok(Some(ended)) => ended,
            Err(error) => Ended::by_client(&error),
        };
        trailers.extend(account.trailers(used.usage(), ending));
        outlet.finish(Some(trailers));
    }

    /// Carries messages; says how it ended where that was before the answer's end.
    async fn carry(&mut self) -> Option<Ended> {
        while self.more {
            self.used.tap.pass(&self.piece);
            // Of a stream nothing but the head is there yet.
            if !self.piece.is_empty() && self.outlet.write(self.piece.clone()).await.is_err() {
                return Some(Ended { trailers: HeaderMap::new(), ending: Ending::ClientGone });
            }
            match self.next_piece().await {
                Some(more) => self.more = more,
                None => {
                    let trailers = grpc::broken_off("the backend was silent for too long");
                    return Some(Ended { trailers, ending: Ending::Truncated });
                }
            }
        }
        None
    }

    /// Whether there is a further piece; nothing when it was silent for too long. What the client sends breaks the silence,
    /// too.
    async fn next_piece(&mut self) -> Option<bool> {
        let (idle, began) = (Duration::from(self.idle), Mark::now());
        let noted = self.used.noted.as_ref();
        let silent = || noted.map_or(began.elapsed(), |noted| noted.last.get().elapsed().min(began.elapsed()));
        let mut read = pin!(self.answer.next(&mut self.piece));
        loop {
            let left = idle.saturating_sub(silent().into());
            if left.is_zero() {
                return None;
            }
            if let Some(more) = within(left, read.as_mut()).await {
                return Some(more);
            }
        }
    }
}

impl Used {
    fn usage(&self) -> Usage {
        let later = self.noted.as_ref().map_or(Tokens::ZERO, |noted| noted.tokens.get());
        self.tap.usage(self.input + later)
    }
}

impl Ended {
    /// The answer has no more messages: its trailers say how it ended.
    async fn with(answer: Answer) -> Self {
        match answer.trailers().await {
            Err(code) if is_client_gone(&code) => Self { trailers: HeaderMap::new(), ending: Ending::ClientGone },
            ended => {
                let (trailers, ending) = grpc::end(ended.unwrap_or_default().as_ref());
                Self { trailers, ending }
            }
        }
    }

    /// The client sent what cannot be passed on, or broke off.
    fn by_client(error: &GatewayError) -> Self {
        Self { trailers: Status::from(error).fields(), ending: ending_of(error) }
    }
}
