//! Laws of gRPC's messages, and the corpus of the fuzz target `grpc_message`.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "tests read files; the library does not")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use weir_core::grpc::{Code, Deframer, Fault, Message, Status, fuzz, framed, read_timeout, wire, write_timeout};

#[test]
fn the_corpus_of_the_fuzz_target_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus/grpc_message");
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 15, "{} holds only {} inputs", folder.display(), files.len());
    for bytes in files.iter().map(|file| fs::read(file).unwrap()) {
        for end in 0..=bytes.len() {
            fuzz::fuzz(&bytes[..end]);
        }
    }
}

/// A field of a message that is not the first.
fn field() -> impl Strategy<Value = Vec<u8>> {
    let number = 2_u32..1000;
    prop_oneof![
        (number.clone(), "\\PC{0,40}").prop_map(|(number, text)| {
            let mut field = Vec::new();
            wire::put_text(&mut field, number, &text);
            field
        }),
        (number, 1_u64..).prop_map(|(number, value)| {
            let mut field = Vec::new();
            wire::put_number(&mut field, number, value);
            field
        }),
    ]
}

proptest! {
    #[test]
    fn messages_come_out_as_they_went_in_however_they_are_cut(
        messages in vec(vec(any::<u8>(), 0..80), 0..8),
        cuts in vec(1_usize..40, 1..20),
    ) {
        let stream: Vec<u8> = messages.iter().flat_map(|message| framed(message)).collect();
        let (mut deframer, mut out, mut rest) = (Deframer::new(80), Vec::new(), &stream[..]);
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, left) = rest.split_at((*cut).min(rest.len()));
            deframer.feed(piece);
            while let Some(message) = deframer.message().unwrap() {
                out.push(message.bytes().to_vec());
            }
            rest = left;
        }
        prop_assert!(deframer.is_between());
        prop_assert_eq!(out, messages);
    }

    #[test]
    fn a_name_is_read_wherever_it_stands_and_written_where_it_stood(
        before in vec(field(), 0..5),
        after in vec(field(), 0..5),
        name in "\\PC{1,60}",
        new in "\\PC{1,60}",
    ) {
        let mut named = Vec::new();
        wire::put_text(&mut named, 1, &name);
        let message = [before.concat(), named.clone(), after.concat()].concat();
        let body = framed(&message);
        let message = Message::only(&body, body.len()).unwrap();
        let read = message.name(400).unwrap().unwrap();
        prop_assert_eq!(read.text(), &name);
        let renamed = message.renamed(&read, &new);
        let again = Message::only(&renamed, renamed.len()).unwrap();
        let written = again.name(400).unwrap().unwrap();
        prop_assert_eq!(written.text(), &new);
        prop_assert_eq!(again.renamed(&written, &name), body);

        // A second name, anywhere, makes it unreadable.
        let twice = framed(&[message.bytes(), &named].concat());
        prop_assert_eq!(Message::only(&twice, twice.len()).unwrap().name(400), Err(Fault::NamedTwice));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        fuzz::fuzz(&bytes);
    }

    #[test]
    fn a_status_survives_its_headers(message in "\\PC{0,80}|[\\x00-\\x7f]{0,40}", code in 0_usize..17) {
        let status = Status::new(Code::ALL[code], message);
        prop_assert_eq!(Status::read(&status.fields()), Some(status));
    }

    #[test]
    fn a_timeout_is_told_no_shorter_than_it_is(nanos in 0_u64..u64::MAX / 2) {
        let left = Duration::from_nanos(nanos);
        let told = read_timeout(write_timeout(left).as_bytes()).unwrap();
        prop_assert!(told >= left.min(Duration::from_secs(99_999_999)), "{left:?} became {told:?}");
    }
}
