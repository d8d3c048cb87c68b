//! The cases of the WPT's `eventsource/format-*`, and the laws of the decoder.

use proptest::prelude::*;

use super::{Decoder, Fault, Item, encode, fuzz};
use crate::Limits;

fn decoder(line: usize, event: usize) -> Decoder {
    Decoder::new(&Limits { sse_line_bytes: line, sse_event_bytes: event, ..Limits::default() })
}

/// The events as `name|data|id`.
fn events(stream: &[u8]) -> Vec<String> {
    let mut decoder = decoder(1 << 20, 1 << 20);
    let mut seen = Vec::new();
    let mut note = |item: Item<'_>| {
        if let Item::Event(event) = item {
            let data = event.data();
            let id = event.id().map(|id| format!("|{id}")).unwrap_or_default();
            seen.push(format!("{}|{}{id}", event.name(), String::from_utf8_lossy(&data)));
        }
    };
    decoder.feed(stream, &mut note).unwrap();
    decoder.finish(&mut note);
    seen
}

#[test]
fn s5_streams_are_read_as_the_standard_says() {
    let cases: &[(&[u8], &[&str])] = &[
        (b"data: 1\n\n", &["message|1"]),
        (b"data:1\n\n", &["message|1"]),
        (b"data:  1\n\n", &["message| 1"]),
        (b"data\n\n", &["message|"]),
        (b"data:\n\n", &["message|"]),
        (b"data:\ndata:\n\n", &["message|\n"]),
        (b"data\ndata\n\n", &["message|\n"]),
        (b"data: a\ndata\ndata: b\n\n", &["message|a\n\nb"]),
        (b"data: a\r\ndata: b\r\n\r\n", &["message|a\nb"]),
        (b"data: a\rdata: b\r\r", &["message|a\nb"]),
        (b"data: a\rdata: b\r\ndata: c\n\ndata: d\r\n\ndata: e\n\r\n", &["message|a\nb\nc", "message|d", "message|e"]),
        (b"\xef\xbb\xbfdata: bom\n\n", &["message|bom"]),
        (b"\xef\xbb\xbfdata: bom\ndata: 2\n\n", &["message|bom\n2"]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: two boms\n\ndata: x\n\n", &["message|x"]),
        (b"data: 1\n\n\xef\xbb\xbfdata: late bom\n\n", &["message|1"]),
        (b":\n: comment\n\ndata: a\n:comment\ndata: b\n\n", &["message|a\nb"]),
        (b"event: x\ndata: 1\n\ndata: 2\n\n", &["x|1", "message|2"]),
        (b"event: x\nevent: y\ndata: 1\n\n", &["y|1"]),
        (b"event: x\nevent\ndata: 1\n\n", &["message|1"]),
        (b"event: x\n\ndata: 1\n\n", &["message|1"]),
        (b"id: 7\ndata: 1\n\nid\ndata: 2\n\n", &["message|1|7", "message|2|"]),
        (b"id: 1\0 2\ndata: nul id\n\n", &["message|nul id"]),
        (b"data : no field\nDATA: no field\n data: no field\ndata: field\n\n", &["message|field"]),
        (b"retry: 1000\nretry: x\ndata: 1\n\n", &["message|1"]),
        (b"data: 1\n\ndata: not ended\n", &["message|1"]),
        (b"data: 1\n\ndata: not ended", &["message|1"]),
        ("data: h\u{e9}llo \u{1f980}\n\n".as_bytes(), &["message|h\u{e9}llo \u{1f980}"]),
        (b"data: \xff\n\n", &["message|\u{fffd}"]),
        (b"data: nul \0\n\n", &["message|nul \0"]),
        (b"", &[]),
        (b"\n\n\r\r\n", &[]),
    ];
    for (stream, expected) in cases {
        assert_eq!(events(stream), *expected, "{:?}", String::from_utf8_lossy(stream));
    }
}

#[test]
fn heartbeats_and_blocks_without_data_are_given_out_with_their_bytes() {
    let mut seen = Vec::new();
    decoder(100, 100)
        .feed(b": hb\n\nretry: 5\n\n\ndata: 1\n\n", |item| {
            seen.push(format!("{item:?}").chars().take(5).collect::<String>());
        })
        .unwrap();
    assert_eq!(seen, ["Comme", "Other", "Other", "Event"]);
}

#[test]
fn a_crlf_stream_gives_each_event_with_both_its_bytes_as_soon_as_they_are_there() {
    let mut decoder = decoder(100, 100);
    let mut seen = Vec::new();
    decoder.feed(b"data: 1\r\n\r", |item| seen.push(item.raw().to_vec())).unwrap();
    assert!(seen.is_empty());
    decoder.feed(b"\n", |item| seen.push(item.raw().to_vec())).unwrap();
    decoder.feed(b"data: 2\r\r", |item| seen.push(item.raw().to_vec())).unwrap();
    assert_eq!(seen, [b"data: 1\r\n\r\n".to_vec(), b"data: 2\r\r".to_vec()]);
}

#[test]
fn the_block_that_was_not_ended_can_be_asked_for() {
    let mut decoder = decoder(100, 100);
    decoder.feed(b"data: 1\n\ndata: [DONE]", |_| {}).unwrap();
    assert_eq!(decoder.unfinished().unwrap().data(), b"[DONE]".as_slice());
    decoder.feed(b"\n\n", |_| {}).unwrap();
    assert!(decoder.unfinished().is_none());
}

#[test]
fn s5_lines_and_events_that_are_too_long_are_faults() {
    let line = [b"data: ".to_vec(), b"x".repeat(95), b"\n\n".to_vec()].concat();
    let event = b"data: 456\n".repeat(11);
    for cut in [1, 7, 100, 1000] {
        let outcome = |stream: &[u8]| {
            let mut decoder = decoder(100, 100);
            let all: Result<(), Fault> = stream.chunks(cut).try_for_each(|piece| decoder.feed(piece, |_| {}));
            assert!(decoder.held() <= 101);
            (all, decoder.feed(b"data: more\n\n", |_| panic!("nothing comes after a fault")).is_err())
        };
        assert_eq!(outcome(&line), (Err(Fault::LineTooLong(100)), true));
        assert_eq!(outcome(&event), (Err(Fault::EventTooLong(100)), true));
        assert_eq!(decoder(101, 200).feed(&line, |_| {}), Ok(()));
    }
}

#[test]
fn s5_a_line_of_ten_megabytes_is_read_in_linear_time() {
    let limits = Limits::default();
    let mut decoder = Decoder::new(&limits);
    let mut length = 0;
    decoder.feed(b"data:", |_| {}).unwrap();
    let piece = vec![b'x'; 1024];
    for _ in 0..limits.sse_line_bytes / piece.len() - 1 {
        decoder.feed(&piece, |_| {}).unwrap();
    }
    decoder.feed(b"\n\n", |item| length = item.raw().len()).unwrap();
    assert_eq!(length, limits.sse_line_bytes - piece.len() + 7);
    assert_eq!(decoder.held(), 0);
}

/// Streams made of the pieces that matter, rather than of random bytes that hardly ever make an event.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b"data: ".to_vec()),
        Just(b"data".to_vec()),
        Just(b"event:x".to_vec()),
        Just(b"id: 1\0".to_vec()),
        Just(b": hb".to_vec()),
        Just(b"\xef\xbb\xbf".to_vec()),
        Just("\u{1f980}".as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn s5_any_split_gives_the_same(cuts in any::<[u8; 4]>(), stream in stream()) {
        fuzz(&[&cuts, stream.as_slice()].concat());
    }

    #[test]
    fn what_is_encoded_decodes_to_itself(name in "[a-z._]{0,8}", data in "[a-z\u{e9} :]{0,20}(\n[a-z :]{0,9}){0,3}") {
        let mut out = Vec::new();
        encode(&mut out, (!name.is_empty()).then_some(name.as_str()), data.as_bytes());
        let name = if name.is_empty() { "message" } else { &name };
        prop_assert_eq!(events(&out), [format!("{name}|{data}")]);
    }
}
