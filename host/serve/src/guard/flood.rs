//! HTTP/2 frames that cost their sender nothing and this side an answer or a turn: PING, SETTINGS, PRIORITY, and DATA or
//! CONTINUATION without a byte (CVE-2019-9512, -9515, -9518 and their kin).
//!
//! h2 bounds what it holds for them, and counts those that belong to resets; but it reads and answers the others for as
//! long as they come. Here each connection has an allowance, which fills again with time.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits::H2Limits;

/// What every HTTP/2 client begins with (RFC 9113, section 3.4).
const PREFACE: usize = 24;
const HEAD: usize = 9;
/// A PING on a stream, which no peer may send: given to h2 in the place of a flood, it ends the connection with GOAWAY in
/// its own good order, behind whatever frame it is just writing.
pub(super) const STAND_IN: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];

/// Watches one connection's frames go by.
#[derive(Debug)]
pub(super) struct FloodGauge {
    head: [u8; HEAD],
    /// Bytes of `head` that are there.
    read: usize,
    /// Bytes until the next frame.
    rest: usize,
    most: u32,
    refill: Duration,
    allowance: u32,
    filled: Instant,
}

impl FloodGauge {
    pub(super) fn new(limits: &H2Limits, now: Instant) -> Self {
        let most = limits.max_idle_frames;
        let refill = limits.idle_frame_refill;
        Self { head: [0; HEAD], read: 0, rest: PREFACE, most, refill, allowance: most, filled: now }
    }

    /// More of the connection went by. Once the allowance is used up: how many of these bytes are of frames that may
    /// still pass.
    pub(super) fn pass(&mut self, bytes: &[u8], now: impl Fn() -> Instant) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.rest > 0 {
                let step = self.rest.min(bytes.len() - at);
                self.rest -= step;
                at += step;
                continue;
            }
            if self.read == 0 && self.allowance == 0 {
                return Some(at);
            }
            self.head[self.read] = bytes[at];
            self.read += 1;
            at += 1;
            if self.read == HEAD {
                self.begin(&now);
            }
        }
        None
    }

    /// A frame's head is whole.
    fn begin(&mut self, now: &impl Fn() -> Instant) {
        let [a, b, c, kind, flags, ..] = self.head;
        self.read = 0;
        self.rest = u32::from_be_bytes([0, a, b, c]) as usize;
        let ends_stream = flags & 0x1 != 0;
        let idle = match kind {
            0 => self.rest == 0 && !ends_stream,
            2 | 4 | 6 => true,
            9 => self.rest == 0,
            _ => false,
        };
        if idle {
            self.refill(now());
            self.allowance = self.allowance.saturating_sub(1);
        }
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled);
        let earned = u32::try_from(passed.as_nanos() / self.refill.as_nanos().max(1)).unwrap_or(u32::MAX);
        if earned > 0 {
            self.allowance = self.allowance.saturating_add(earned).min(self.most);
            self.filled = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gauge(most: u32) -> (FloodGauge, Instant) {
        let now = Instant::now();
        let limits =
            H2Limits { max_idle_frames: most, idle_frame_refill: Duration::from_millis(10), ..H2Limits::default() };
        let mut gauge = FloodGauge::new(&limits, now);
        assert_eq!(gauge.pass(&[0; PREFACE], || now), None);
        (gauge, now)
    }

    fn frame(kind: u8, flags: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, flags, 0, 0, 0, 1];
        frame.resize(HEAD + usize::from(length), 7);
        frame
    }

    #[test]
    fn w11_what_carries_something_is_not_counted() {
        let (mut gauge, now) = gauge(1);
        for (kind, flags, length) in [(0, 0, 1), (0, 1, 0), (1, 4, 20), (3, 0, 4), (8, 0, 4), (9, 0, 3)] {
            for _ in 0..100 {
                assert_eq!(gauge.pass(&frame(kind, flags, length), || now), None);
            }
        }
    }

    #[test]
    fn w11_the_allowance_is_used_up_and_fills_again() {
        for (kind, length) in [(0, 0), (2, 5), (4, 0), (6, 8), (9, 0)] {
            let (mut gauge, now) = gauge(3);
            let one = frame(kind, 0, length);
            assert_eq!(gauge.pass(&one.repeat(3), || now), None);
            assert_eq!(gauge.pass(&one, || now), Some(0), "{kind}");
            let (mut other, now) = super::tests::gauge(3);
            other.pass(&one.repeat(2), || now);
            let later = now + Duration::from_millis(30);
            assert_eq!(other.pass(&one.repeat(3), || later), None, "{kind}");
        }
    }

    proptest! {
        #[test]
        fn w11_how_the_frames_are_cut_makes_no_difference(
            kinds in prop::collection::vec((0u8..10, 0u8..2, 0u8..12), 0..40),
            piece in 1usize..30,
        ) {
            let bytes: Vec<u8> = kinds.iter().flat_map(|&(kind, flags, length)| frame(kind, flags, length)).collect();
            let (mut whole, now) = gauge(5);
            let (mut cut, _) = gauge(5);
            let expected = whole.pass(&bytes, || now).unwrap_or(bytes.len());
            let mut passed = 0;
            for part in bytes.chunks(piece) {
                match cut.pass(part, || now) {
                    None => passed += part.len(),
                    Some(some) => { passed += some; break; }
                }
            }
            prop_assert_eq!(passed, expected);
        }
    }
}
