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
    if let Some(broken) = broken_law(client, backend, stream, piece, how) {
        panic!("{broken}");
    }
}

/// Which of the [laws] a stream breaks that comes in pieces of so many bytes and closes so; `None` where it keeps them.
#[must_use]
pub fn broken_law(client: Dialect, backend: Dialect, stream: &[u8], piece: usize, how: &Close) -> Option<String> {
    let machine = || exchange(client, backend).machine(UnixMillis(0));
    let (out, closed) = run(machine(), [stream], how.clone());
    let split = run(machine(), stream.chunks(piece), how.clone());
    let same = (&out, &closed) == (&split.0, &split.1);
    let most = i64::MAX as u64;
    let sane = closed.usage.input.0 <= most && closed.usage.output.0 <= most;
    let fits = match closed.ending {
        Ending::Complete => closed.error.is_none() && !out.is_empty(),
        Ending::Truncated => closed.error.is_some() && out.ends_with(b"\n\n"),
        Ending::Failed | Ending::Refused => closed.error.is_some() && out.is_empty(),
        Ending::ClientGone => closed.tail.is_empty(),
    };
    // What passes is the backend's own, faults and all.
    let heard = if client == backend { Heard::default() } else { Heard::stream(client, &out) };
    let ended = client == backend || heard.ends <= 1 && ends_as(heard.end.as_ref(), closed.ending);
    let broken = [
        (!same, "another split gives another answer"),
        (!sane, "usage is more than can be"),
        (!fits, "what is put out does not fit its ending"),
        (!ended, "what is put out ends otherwise"),
        (!heard.faults.is_empty(), "what is put out has faults"),
    ];
    let (_, which) = broken.into_iter().find(|(broken, _)| *broken)?;
    let pair = format!("{} to {}", backend.name(), client.name());
    let ending = format!("{:?}, {:?}", closed.ending, closed.error);
    let out = String::from_utf8_lossy(&out);
    Some(format!("{pair}: {which}: {ending}, faults: {:#?}\n{out}", heard.faults))
}

fn ends_as(heard: Option<&End>, ending: Ending) -> bool {
    match heard {
        Some(End::Complete) => matches!(ending, Ending::Complete | Ending::ClientGone),
        Some(End::Error(_)) => matches!(ending, Ending::Truncated | Ending::ClientGone),
        None => matches!(ending, Ending::ClientGone | Ending::Failed | Ending::Refused),
    }
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
