//! What the fuzz targets assert; a stable test replays their corpora through the same functions.

use weir_core::json::Object;
use weir_core::plan::OnUnsupported;
use weir_core::{Dialect, Ending, ErrorKind, Estimate, GatewayError, Limits, Tokens, UnixMillis};

use crate::codec::{Asked, Target};
use crate::stream::{Close, Closed, Cross, Machine, Pass, Translation};
use crate::unsupported::Unsupported;
use crate::{anthropic, openai_chat};

/// OpenAI's stream passes: the laws of [`Machine`] hold.
///
/// # Panics
/// When a law of the stream machine is broken.
pub fn openai_chat_stream(bytes: &[u8]) {
    laws(bytes, |asked| Box::new(Pass(openai_chat::ChatTap::new(asked))));
}

/// Anthropic's stream becomes one of chat completions.
///
/// # Panics
/// When a law of the stream machine is broken.
pub fn anthropic_stream(bytes: &[u8]) {
    laws(bytes, |asked| {
        let encoder = openai_chat::Encoder::new(&Asked { include_usage: asked, ..Asked::default() }, UnixMillis(0));
        Box::new(Cross::new(Box::new(anthropic::Decoder::default()), Box::new(encoder)))
    });
}

/// The first byte says how the stream closes and how it is cut; the rest is the stream.
fn laws(bytes: &[u8], translation: impl Fn(bool) -> Box<dyn Translation>) {
    let (first, stream) = bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest));
    let broken = || Close::Broken(GatewayError::new(ErrorKind::UpstreamTruncated, "reset"));
    let how = || [Close::End, broken(), Close::ClientGone][usize::from(first) % 3].clone();
    let machine = || Machine::new(translation(first & 0x80 != 0), Dialect::OpenaiChat, ESTIMATE, &limits());
    let whole = run(machine(), [stream], how());
    let split = run(machine(), stream.chunks(usize::from(first / 3 % 16) + 1), how());
    assert_eq!(whole, split, "another split gave another answer");
    let (out, closed) = whole;
    assert!(closed.usage.input.0 <= i64::MAX as u64 && closed.usage.output.0 <= i64::MAX as u64);
    match closed.ending {
        Ending::Complete => assert!(closed.error.is_none() && !out.is_empty()),
        Ending::Truncated => assert!(closed.error.is_some() && out.ends_with(b"\n\n")),
        Ending::Failed | Ending::Refused => assert!(closed.error.is_some() && out.is_empty()),
        Ending::ClientGone => assert!(closed.tail.is_empty()),
    }
}

const ESTIMATE: Estimate = Estimate { input: Tokens(7), output: Tokens(100) };

fn limits() -> Limits {
    Limits { sse_line_bytes: 4096, sse_event_bytes: 8192, ..Limits::default() }
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

/// A request is translated: twice gives the same, what comes out is JSON, and nothing is dropped where that is not
/// allowed.
///
/// # Panics
/// When one of these does not hold.
pub fn request_translate(bytes: &[u8]) {
    let Ok(object) = Object::parse(bytes, Limits::default().json_depth) else {
        return;
    };
    let mut passed = object.clone();
    if openai_chat::edit(&mut passed, "m", true, true).is_ok() {
        let once = passed.to_bytes();
        let mut again = Object::parse(&once, Limits::default().json_depth).expect("what was passed parses again");
        assert_eq!(openai_chat::edit(&mut again, "m", true, true), Ok(true), "the usage was asked for");
        assert_eq!(once, again.to_bytes(), "editing twice changed more");
    }
    for policy in [OnUnsupported::Reject, OnUnsupported::Drop] {
        let translated = translate(&object, policy);
        assert_eq!(translated, translate(&object, policy), "twice gave two answers");
        let Ok((body, dropped)) = translated else {
            continue;
        };
        serde_json::from_slice::<serde_json::Value>(&body).expect("what was translated parses again");
        let echo = |name: &String| name.ends_with(".reasoning_content");
        assert!(policy == OnUnsupported::Drop || dropped.iter().all(echo), "dropped though it is to be refused");
    }
}

fn translate(object: &Object, policy: OnUnsupported) -> Result<(Vec<u8>, Vec<String>), GatewayError> {
    let mut unsupported = Unsupported::new(policy, Dialect::OpenaiChat, Dialect::AnthropicMessages);
    let request = openai_chat::decode_request(object)?;
    let target = Target { model: "m", max_output: Tokens(4096) };
    let body = anthropic::encode_request(request, &target, &mut unsupported)?;
    Ok((body, unsupported.into_dropped()))
}
