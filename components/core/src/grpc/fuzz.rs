//! What the fuzz target `grpc_message` asserts; a stable test replays its corpus through the same function.

use super::{Deframer, Fault, Message, framed, wire};

const LIMIT: usize = 512;

/// Reads a stream of messages in one piece and in pieces cut as its first bytes say; reads and renames each.
///
/// # Panics
/// When the two readings differ, when more is held than the limit allows, when a name that was written is not read
/// again, or when renaming changes anything else.
pub fn fuzz(bytes: &[u8]) {
    let (cuts, stream) = bytes.split_at(bytes.len().min(4));
    let whole = read(stream, std::iter::repeat(stream.len().max(1)));
    let lengths: Vec<usize> = cuts.iter().map(|&cut| usize::from(cut % 17) + 1).chain([1]).collect();
    assert_eq!(whole, read(stream, lengths.into_iter().cycle()));
    for message in &whole.messages {
        rename(message);
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Reading {
    messages: Vec<Vec<u8>>,
    between: bool,
    fault: Option<Fault>,
}

fn read(mut stream: &[u8], lengths: impl Iterator<Item = usize>) -> Reading {
    let mut deframer = Deframer::new(LIMIT);
    let mut reading = Reading { messages: Vec::new(), between: true, fault: None };
    for length in lengths {
        if stream.is_empty() || reading.fault.is_some() {
            break;
        }
        let (piece, rest) = stream.split_at(length.min(stream.len()));
        stream = rest;
        deframer.feed(piece);
        assert!(deframer.held() < LIMIT + super::PREFIX + piece.len(), "{} bytes held", deframer.held());
        loop {
            match deframer.message() {
                Ok(Some(message)) => reading.messages.push(message.bytes().to_vec()),
                Ok(None) => break,
                Err(fault) => {
                    reading.fault = Some(fault);
                    break;
                }
            }
        }
    }
    reading.between = reading.fault.is_none() && deframer.is_between();
    reading
}

fn rename(bytes: &[u8]) {
    let body = framed(bytes);
    let message = Message::only(&body, LIMIT).expect("it was read before");
    let Ok(Some(name)) = message.name(LIMIT) else { return };
    let new = "another, longer than most";
    let renamed = message.renamed(&name, new);
    let again = Message::only(&renamed, usize::MAX).expect("what is written can be read");
    let read = again.name(LIMIT).expect("what is written can be read").expect("the name stands there");
    assert_eq!(read.text(), new);
    assert_eq!(others(bytes), others(again.bytes()));
    assert_eq!(
        Message::only(&again.renamed(&read, name.text()), LIMIT + 16).map(|m| others(m.bytes())),
        Ok(others(bytes))
    );
}

/// The fields beside the name.
fn others(message: &[u8]) -> Vec<&[u8]> {
    let fields = wire::fields(message).map(|field| field.expect("it was read before"));
    fields.filter(|field| field.number != 1).map(|field| &message[field.place]).collect()
}
