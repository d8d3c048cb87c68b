//! Calls to other servers.

use std::future::Future;
use std::time::Duration;

use http::{HeaderMap, Method};
use weir_core::{Millis, Origin};

use crate::platform::{self, Outflow, Upstream};
use crate::request::BodyFault;
use crate::{ErrorCode, TrailersResult, clock};

/// How much is asked of an answer at once, in bytes: every open stream holds that much, and events are small.
const PIECE: usize = 8 * 1024;

/// A call: everything that goes over the wire, and where to.
pub struct Call {
    /// The method.
    pub method: Method,
    /// Where it goes.
    pub origin: Origin,
    /// Path and query.
    pub target: String,
    /// The headers. `content-length` is set from the body; but see [`open`].
    pub headers: HeaderMap,
    /// The body; but see [`open`].
    pub body: Vec<u8>,
    /// How long connecting may take.
    pub connect: Millis,
}

/// An answer, of which the body has yet to be read. Dropping it breaks the call off.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    upstream: Upstream,
    ended: bool,
}

/// Makes a call and waits for the head of its answer. Dropping the future breaks the call off.
///
/// # Errors
/// The host's reason.
pub async fn send(mut call: Call) -> Result<Answer, ErrorCode> {
    if !call.body.is_empty() || call.method == Method::POST {
        call.headers.insert(http::header::CONTENT_LENGTH, call.body.len().into());
    }
    let (status, headers, upstream) = platform::send(call).await?;
    Ok(Answer { status, headers, upstream, ended: false })
}

/// Where the body of a call is written while its answer may be read. Dropped unfinished, the call breaks off.
pub struct Upload(Outflow);

impl Upload {
    /// Writes `bytes` as one piece, and waits until it is taken; `false` when the other side takes no more.
    pub async fn write(&mut self, bytes: Vec<u8>) -> bool {
        self.0.write(bytes).await
    }

    /// Ends the body: all was said.
    pub async fn finish(self) {
        self.0.finish().await;
    }
}

/// Makes a call whose body, of any length, is what is written to the [`Upload`]; that of `call` is not looked at. Both
/// sides may speak at once: the head of the answer is waited for, and its body read, while more is written.
///
/// # Errors
/// The host's reason, at once or when it is waited for.
pub fn open(call: &Call) -> Result<(impl Future<Output = Result<Answer, ErrorCode>> + use<>, Upload), ErrorCode> {
    let (answering, outflow) = platform::open(call)?;
    let answered = async {
        let (status, headers, upstream) = answering.await?;
        Ok(Answer { status, headers, upstream, ended: false })
    };
    Ok((answered, Upload(outflow)))
}

/// Makes a call and reads its whole answer, all within `limit`.
///
/// # Errors
/// The host's reason; `HttpResponseTimeout` when it takes too long; `HttpResponseBodySize` when it is longer than
/// `max_bytes`; `HttpResponseIncomplete` when it breaks off.
pub async fn exchange(call: Call, limit: Duration, max_bytes: usize) -> Result<(u16, HeaderMap, Vec<u8>), ErrorCode> {
    let work = async {
        let mut answer = send(call).await?;
        let (status, headers) = (answer.status, std::mem::take(&mut answer.headers));
        let body = answer.read_whole(max_bytes).await.map_err(|fault| match fault {
            BodyFault::TooLarge => ErrorCode::HttpResponseBodySize(None),
            BodyFault::Broken => ErrorCode::HttpResponseIncomplete,
        })?;
        Ok((status, headers, body))
    };
    clock::within(limit, work).await.unwrap_or(Err(ErrorCode::HttpResponseTimeout))
}

impl Answer {
    /// The next piece of the body, as it came, read into `buffer`, which is cleared first; `false` at the end. How it
    /// ended, [`trailers`](Self::trailers) says.
    pub async fn next(&mut self, buffer: &mut Vec<u8>) -> bool {
        buffer.clear();
        if self.ended {
            return false;
        }
        let mut room = std::mem::take(buffer);
        if room.capacity() == 0 {
            room.reserve(PIECE);
        }
        let (more, filled) = self.upstream.next(room).await;
        *buffer = filled;
        self.ended = !more;
        !buffer.is_empty() || !self.ended
    }

    /// How the body ended: with trailers, or broken off.
    ///
    /// # Errors
    /// The host's reason when it broke off.
    pub async fn trailers(self) -> TrailersResult {
        self.upstream.end().await
    }

    /// Reads the body whole.
    ///
    /// # Errors
    /// [`BodyFault`].
    pub async fn read_whole(mut self, limit: usize) -> Result<Vec<u8>, BodyFault> {
        let (mut whole, mut piece) = (Vec::new(), Vec::new());
        while self.next(&mut piece).await {
            if whole.len() + piece.len() > limit {
                return Err(BodyFault::TooLarge);
            }
            whole.extend_from_slice(&piece);
        }
        match self.trailers().await {
            Ok(_) => Ok(whole),
            Err(_) => Err(BodyFault::Broken),
        }
    }
}
