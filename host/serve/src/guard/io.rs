//! The connection as hyper reads and writes it: guarded, and with deadlines.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::flood::{self, FloodGauge};
use super::framer::{FrameLimits, Framer, Step};
use super::{Refusal, Wire};
use crate::limits::ServeLimits;

/// What hyper is shown in place of a head that was refused; the service's wrapper answers for it.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";
/// Bytes of later requests that are held while one is being answered.
const HOLD: usize = 64 * 1024;
/// Bytes that are thrown away after a refusal, so that the answer arrives.
const DISCARD: usize = 256 * 1024;
const READ: usize = 8 * 1024;

/// A connection between the socket (or TLS) and hyper.
pub(crate) struct GuardedIo<T> {
    inner: T,
    /// Read from `inner`, not yet taken by hyper.
    buf: BytesMut,
    /// How many bytes at the front of `buf` hyper may have.
    released: usize,
    /// Nothing more will come.
    ended: bool,
    /// Absent for HTTP/2, which frames its messages itself.
    http1: Option<Http1>,
    /// For HTTP/2 alone.
    flood: Option<FloodGauge>,
    write: WriteClock,
    closing: Closing,
}

struct Http1 {
    framer: Framer,
    wire: Arc<Wire>,
    timer: Pin<Box<Sleep>>,
    waits_for: Option<WaitsFor>,
    header_deadline: Duration,
    keep_alive_idle: Duration,
}

/// What the timer of a connection that waits for a head is set for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WaitsFor {
    FirstHead,
    NextRequest,
    RestOfHead,
}

struct WriteClock {
    idle: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

struct Closing {
    linger: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    discarded: usize,
}

impl<T: AsyncRead + AsyncWrite + Unpin> GuardedIo<T> {
    /// An HTTP/1 connection. `prefix` is what was already read of it; the first head is due at
    /// `first_head_by`.
    pub(crate) fn http1(
        inner: T,
        prefix: BytesMut,
        wire: Arc<Wire>,
        limits: &ServeLimits,
        first_head_by: Instant,
    ) -> Self {
        let frame_limits = FrameLimits { max_headers: limits.max_headers, max_header_bytes: limits.max_header_bytes };
        let http1 = Http1 {
            framer: Framer::new(frame_limits),
            wire,
            timer: Box::pin(tokio::time::sleep_until(first_head_by)),
            waits_for: Some(WaitsFor::FirstHead),
            header_deadline: limits.header_deadline,
            keep_alive_idle: limits.keep_alive_idle,
        };
        // Nothing of the prefix is released yet: the framer looks at it first.
        Self { http1: Some(http1), flood: None, released: 0, ..Self::http2(inner, prefix, limits) }
    }

    /// An HTTP/2 connection. `prefix` is what was already read of it.
    pub(crate) fn http2(inner: T, prefix: BytesMut, limits: &ServeLimits) -> Self {
        Self {
            inner,
            released: prefix.len(),
            buf: prefix,
            ended: false,
            http1: None,
            flood: Some(FloodGauge::new(&limits.h2, Instant::now())),
            write: WriteClock { idle: limits.write_idle, timer: None, waiting: false },
            closing: Closing { linger: limits.linger, timer: None, discarded: 0 },
        }
    }

    /// Decides what hyper may have next. Ready when `released` or `ended` says something new.
    fn poll_advance(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(http1) = &mut self.http1 else { return Poll::Ready(Ok(())) };
        if http1.wire.is_refused() {
            // The stand-in is being answered, and the connection closed after it.
            return Poll::Pending;
        }
        if http1.framer.at_head() && http1.is_answering(cx) {
            return self.poll_watch(cx);
        }
        if http1.framer.at_head() && http1.framer.upgrade_asked() && !self.buf.is_empty() {
            self.ended = true;
            return Poll::Ready(Ok(()));
        }
        let at_head = http1.framer.at_head();
        match http1.framer.step(&self.buf) {
            Step::Release(count) => {
                self.released = count;
                http1.waits_for = None;
                Poll::Ready(Ok(()))
            }
            Step::More => self.poll_fill(cx),
            Step::Refuse(refusal) if at_head => {
                self.refuse(refusal);
                Poll::Ready(Ok(()))
            }
            Step::Refuse(refusal) => Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, refusal))),
        }
    }

    /// While a request is being answered: holds what comes, and notices the end.
    fn poll_watch(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.buf.len() < HOLD {
            if ready!(self.poll_more(cx))? == 0 {
                self.ended = true;
                return Poll::Ready(Ok(()));
            }
        }
        Poll::Pending
    }

    /// Reads some more by way of the stack: a connection that waits for bytes, as most do most of the time, then holds
    /// no buffer for them.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = [MaybeUninit::uninit(); READ];
        let mut read = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut read))?;
        if self.buf.is_empty() {
            self.buf = BytesMut::with_capacity(read.filled().len());
        }
        self.buf.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.poll_more(cx) {
            Poll::Ready(Ok(0)) => {
                self.ended = true;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(_)) => Poll::Ready(Ok(())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let nothing_yet = self.buf.is_empty();
                let Some(http1) = &mut self.http1 else { return Poll::Pending };
                ready!(http1.poll_deadline(cx, nothing_yet));
                if nothing_yet {
                    self.ended = true;
                } else {
                    self.refuse(Refusal::HeadTooSlow);
                }
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Withholds the head in `buf`, and lets a stand-in be answered with the refusal.
    fn refuse(&mut self, refusal: Refusal) {
        let Some(http1) = &self.http1 else { return };
        http1.wire.refuse(http1.framer.heads() + 1, refusal);
        self.buf.clear();
        self.buf.extend_from_slice(STAND_IN);
        self.released = STAND_IN.len();
    }

    /// Looks at what hyper is about to get on HTTP/2. Where a flood begins in it, hyper gets what is before, and then a
    /// frame that ends the connection.
    fn stop_flood(&mut self, out: &mut ReadBuf<'_>, before: usize) {
        let Some(gauge) = &mut self.flood else { return };
        let Some(passed) = gauge.pass(&out.filled()[before..], Instant::now) else { return };
        out.set_filled(before + passed);
        self.flood = None;
        self.buf = BytesMut::from(flood::STAND_IN);
        self.released = flood::STAND_IN.len();
        self.ended = true;
    }

    /// Whether the peer may still be sending what nobody will read.
    fn leaves_bytes_unread(&self) -> bool {
        self.http1
            .as_ref()
            .is_some_and(|http1| http1.wire.is_refused() || !http1.framer.at_head() || !self.buf.is_empty())
    }
}

impl Http1 {
    /// Whether a request that was handed on is not yet over; if so, its end wakes the reader.
    fn is_answering(&self, cx: &Context<'_>) -> bool {
        self.wire.wake_on_completion(cx.waker());
        self.framer.heads() > self.wire.completed()
    }

    /// Ready when the head that is waited for is late. Bodies have no deadline here.
    fn poll_deadline(&mut self, cx: &mut Context<'_>, nothing_yet: bool) -> Poll<()> {
        if !self.framer.at_head() {
            return Poll::Pending;
        }
        let waits_for = match (self.framer.heads(), nothing_yet) {
            (0, _) => WaitsFor::FirstHead,
            (_, true) => WaitsFor::NextRequest,
            (_, false) => WaitsFor::RestOfHead,
        };
        if self.waits_for != Some(waits_for) {
            self.waits_for = Some(waits_for);
            let wait = match waits_for {
                WaitsFor::NextRequest => self.keep_alive_idle,
                WaitsFor::FirstHead | WaitsFor::RestOfHead => self.header_deadline,
            };
            self.timer.as_mut().reset(Instant::now() + wait);
        }
        self.timer.as_mut().poll(cx)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for GuardedIo<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = out.filled().len();
        loop {
            if this.released > 0 {
                let count = this.released.min(out.remaining());
                out.put_slice(&this.buf[..count]);
                this.buf.advance(count);
                this.released -= count;
                if this.buf.is_empty() {
                    this.buf = BytesMut::new();
                }
                this.stop_flood(out, before);
                return Poll::Ready(Ok(()));
            }
            if this.ended {
                return Poll::Ready(Ok(()));
            }
            if this.http1.is_none() {
                ready!(Pin::new(&mut this.inner).poll_read(cx, out))?;
                this.stop_flood(out, before);
                if this.released > 0 && out.filled().len() == before {
                    continue;
                }
                return Poll::Ready(Ok(()));
            }
            ready!(this.poll_advance(cx))?;
        }
    }
}

impl WriteClock {
    /// Passes a write's outcome on; one that waits too long becomes an error.
    fn watch<R>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if outcome.is_ready() {
            self.waiting = false;
            return outcome;
        }
        let idle = self.idle;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        if !self.waiting {
            self.waiting = true;
            timer.as_mut().reset(Instant::now() + idle);
        }
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes nothing")))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for GuardedIo<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.inner).poll_write(cx, buf);
        this.write.watch(cx, outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        this.write.watch(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.inner).poll_flush(cx);
        this.write.watch(cx, outcome)
    }

    /// Closes the sending half. Where the peer may still be sending, it is read for a moment more:
    /// closing a socket with unread bytes resets it, and the reset overtakes the answer.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.closing.timer.is_none() {
            let outcome = Pin::new(&mut this.inner).poll_shutdown(cx);
            ready!(this.write.watch(cx, outcome))?;
            if this.ended || !this.leaves_bytes_unread() {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = this.closing.linger;
        let timer = this.closing.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(linger)));
        if timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        while this.closing.discarded < DISCARD {
            this.buf.clear();
            match ready!(this.poll_more(cx)) {
                Ok(0) | Err(_) => break,
                Ok(count) => this.closing.discarded += count,
            }
        }
        Poll::Ready(Ok(()))
    }
}
