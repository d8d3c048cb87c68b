//! What the fuzz target `sse_decode` asserts; a stable test replays its corpus through the same function.

use super::{Decoder, Fault, Item};
use crate::Limits;

/// Reads `bytes` in one piece and in pieces cut as its first bytes say, with small limits.
///
/// # Panics
/// When the two readings differ, when the raw bytes of the items are not the stream again, or when more is held than
/// the limits allow.
pub fn fuzz(bytes: &[u8]) {
    let (cuts, stream) = bytes.split_at(bytes.len().min(4));
    let whole = read(stream, std::iter::repeat(stream.len().max(1)));
    let lengths = cuts.iter().map(|&cut| usize::from(cut % 17) + 1);
    let pieces: Vec<usize> = lengths.chain(std::iter::once(1)).collect();
    assert_eq!(whole, read(stream, pieces.into_iter().cycle()));
    assert!(stream.starts_with(&whole.raw) || whole.fault.is_some());
}

#[derive(Debug, PartialEq, Eq)]
struct Reading {
    items: Vec<String>,
    raw: Vec<u8>,
    rest: usize,
    fault: Option<Fault>,
}

fn read(mut stream: &[u8], lengths: impl Iterator<Item = usize>) -> Reading {
    let limits = Limits { sse_line_bytes: 256, sse_event_bytes: 512, ..Limits::default() };
    let mut decoder = Decoder::new(&limits);
    let mut reading = Reading { items: Vec::new(), raw: Vec::new(), rest: 0, fault: None };
    let mut note = |item: Item<'_>| {
        reading.raw.extend_from_slice(item.raw());
        reading.items.push(match item {
            Item::Event(event) => format!("{} {:?} {:?} {:?}", event.name(), event.id(), event.retry(), event.data()),
            other => format!("{other:?}"),
        });
    };
    for length in lengths {
        if stream.is_empty() || reading.fault.is_some() {
            break;
        }
        let (piece, rest) = stream.split_at(length.min(stream.len()));
        reading.fault = decoder.feed(piece, &mut note).err();
        assert!(decoder.held() <= limits.sse_event_bytes + 2, "{} bytes held", decoder.held());
        stream = rest;
    }
    decoder.finish(&mut note);
    reading.rest = decoder.held();
    reading
}
