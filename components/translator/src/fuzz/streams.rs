//! Streams, between every pair of dialects.

use weir_core::{Dialect, Ending, ErrorKind, GatewayError, UnixMillis};

use super::{End, Heard, clients, exchange};
use crate::stream::{Close, Closed, Machine};

/// A backend's stream of `backend`, for clients of every dialect. The first byte says how it closes and how it is cut;
/// the rest is the stream.
///
/// # Panics
/// When a [law](laws) is broken.
pub fn stream(backend: Dialect, bytes: &[u8]) {
    let (first, stream) = bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest));
    let broken = || Close::Broken(GatewayError::new(ErrorKind::UpstreamTruncated, "reset"));
    let how = [Close::End, broken(), Close::ClientGone][usize::from(first) % 3].clone();
    let piece = usize::from(first / 3 % 16) + 1;
    for client in clients(backend) {
        laws(client, backend, stream, piece, &how);
    }
}

/// The laws of the stream machine: any split of the input gives the same output; there is one terminal event, and it
/// is the error where the stream was cut; nothing is put out by an answer that failed; what is put out is without
/// fault in its dialect; usage is never more than can be.
///
/// # Panics
/// When one of them does not hold.
pub fn laws(client: Dialect, backend: Dialect, stream: &[u8], piece: usize, how: &Close) {
    let machine = || exchange(client, backend).machine(UnixMillis(0));
    let whole = run(machine(), [stream], how.clone());
    let split = run(machine(), stream.chunks(piece), how.clone());
    let pair = format!("{} to {}", backend.name(), client.name());
    assert_eq!(whole, split, "{pair}: another split gave another answer");
    let (out, closed) = whole;
    assert!(closed.usage.input.0 <= i64::MAX as u64 && closed.usage.output.0 <= i64::MAX as u64, "{pair}");
    let shown = || format!("{pair}: {closed:?}\n{}", String::from_utf8_lossy(&out));
    match closed.ending {
        Ending::Complete => assert!(closed.error.is_none() && !out.is_empty(), "{}", shown()),
        Ending::Truncated => assert!(closed.error.is_some() && out.ends_with(b"\n\n"), "{}", shown()),
        Ending::Failed | Ending::Refused => assert!(closed.error.is_some() && out.is_empty(), "{}", shown()),
        Ending::ClientGone => assert!(closed.tail.is_empty(), "{}", shown()),
    }
    // What passes is the backend's own, faults and all.
    if client == backend {
        return;
    }
    let heard = Heard::stream(client, &out);
    assert!(heard.faults.is_empty(), "{}\nfaults: {:#?}", shown(), heard.faults);
    let ended = match heard.end {
        Some(End::Complete) => closed.ending == Ending::Complete || closed.ending == Ending::ClientGone,
        Some(End::Error(_)) => closed.ending == Ending::Truncated || closed.ending == Ending::ClientGone,
        None => matches!(closed.ending, Ending::ClientGone | Ending::Failed | Ending::Refused),
    };
    assert!(ended && heard.ends <= 1, "{}", shown());
}

fn run<'a>(mut machine: Machine, pieces: impl IntoIterator<Item = &'a [u8]>, how: Close) -> (Vec<u8>, Closed) {
    let mut out = Vec::new();
    for piece in pieces {
        machine.feed(piece);
    }
    while machine.has_started()
        && let Some(frame) = machine.poll_output()
    {
        out.extend_from_slice(&frame);
    }
    let closed = machine.close(how);
    out.extend_from_slice(&closed.tail);
    (out, closed)
}
