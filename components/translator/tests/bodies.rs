//! What clients may send that is no ordinary request (RELIABILITY.md, rows J2, J5, J6, J7), for every dialect and every
//! backend.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "tests take the time")]

mod common;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use weir_core::plan::OnUnsupported;
use weir_core::{Dialect, ErrorKind};
use weir_translator::fuzz::{DIALECTS, backends, least, pairs};

use common::call;

fn kind(client: Dialect, backend: Dialect, body: &[u8]) -> Option<ErrorKind> {
    call(client, backend, body, OnUnsupported::Drop).err().map(|error| error.kind())
}

/// The least request with a member more, which may be any text.
fn with(client: Dialect, member: &str) -> Vec<u8> {
    let body = least(client).to_string();
    [&body[..body.len() - 1], ",", member, "}"].concat().into_bytes()
}

#[test]
fn j2_depth_numbers_and_lengths_that_nobody_means_are_borne() {
    for (client, backend) in pairs() {
        let deep = format!("\"x\":{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(kind(client, backend, &with(client, &deep)), Some(ErrorKind::InvalidRequest));
        for broken in ["\"x\":1e400", "\"x\":NaN", "\"x\":01", "\"x\":+1", "\"x\":\"\\ud800\""] {
            assert_eq!(kind(client, backend, &with(client, broken)), Some(ErrorKind::InvalidRequest), "{broken}");
        }
        // Where a number has a place, one out of its range is refused by name, and never wraps around.
        for number in ["-1", "1.5", "123456789012345678901234567890", "1e30"] {
            let member = if client == Dialect::OpenaiResponses { "max_output_tokens" } else { "max_tokens" };
            let mut body = least(client);
            body.as_object_mut().unwrap().swap_remove(member);
            let body = body.to_string();
            let body = format!("{},\"{member}\":{number}}}", &body[..body.len() - 1]);
            let refused = kind(client, backend, body.as_bytes());
            assert!(
                client == backend || refused == Some(ErrorKind::InvalidRequest),
                "{client:?} {number}: {refused:?}"
            );
        }
    }
}

#[test]
fn j2_long_lists_and_strings_take_time_in_proportion() {
    let list = |length: usize| format!("\"x\":[{}1]", "1,".repeat(length));
    let text = |length: usize| format!("\"x\":\"{}\"", "a".repeat(length));
    for client in DIALECTS {
        in_proportion(client, |scale| with(client, &list(10_000 * scale)));
        in_proportion(client, |scale| with(client, &text(100_000 * scale)));
    }
}

#[test]
fn j5_what_nobody_knows_passes_to_its_own_dialect_and_is_named_for_another() {
    let block = json!({"type": "a_new_part", "x": 1});
    for (client, backend) in pairs() {
        let mut body = least(client);
        body["a_new_field"] = json!({"deep": [1, 2]});
        let conversation = if client == Dialect::OpenaiResponses { "input" } else { "messages" };
        let words = if client == Dialect::OpenaiResponses { "input_text" } else { "text" };
        body[conversation][0]["content"] = json!([block, {"type": words, "text": "hi"}]);
        body[conversation][0]["a_new_member"] = json!(true);
        let bytes = body.to_string().into_bytes();
        let strict = call(client, backend, &bytes, OnUnsupported::Reject);
        let dropped = call(client, backend, &bytes, OnUnsupported::Drop);
        if client == backend {
            let mut sent: Value = serde_json::from_slice(&strict.unwrap().upstream.body).unwrap();
            sent["model"] = body["model"].clone();
            assert_eq!(sent, body, "{client:?}");
            continue;
        }
        assert_eq!(strict.err().unwrap().kind(), ErrorKind::Unsupported, "{client:?} to {backend:?}");
        let dropped = dropped.unwrap();
        let paths = dropped.exchange.dropped();
        for path in
            ["a_new_field", &format!("{conversation}[0].content[0]"), &format!("{conversation}[0].a_new_member")]
        {
            assert!(paths.iter().any(|dropped| dropped == path), "{client:?} to {backend:?}: {path} not in {paths:?}");
        }
        let sent = String::from_utf8(dropped.upstream.body).unwrap();
        assert!(!sent.contains("a_new"), "{sent}");
    }
}

#[test]
fn j6_a_key_that_stands_there_twice_is_refused_and_its_variants_are_keys_of_their_own() {
    for (client, backend) in pairs() {
        assert_eq!(kind(client, backend, &with(client, "\"model\":\"other\"")), Some(ErrorKind::InvalidRequest));
        let nested = "\"metadata\":{\"user_id\":\"a\",\"user_i\\u0064\":\"b\"}";
        assert_eq!(kind(client, backend, &with(client, nested)), Some(ErrorKind::InvalidRequest));
        let variant = with(client, "\"Model\":\"other\"");
        let sent = call(client, backend, &variant, OnUnsupported::Drop).unwrap();
        let body: Value = serde_json::from_slice(&sent.upstream.body).unwrap();
        assert_eq!(body["model"], "their-model");
        if client == backend {
            assert_eq!(body["Model"], "other");
        } else {
            assert_eq!(sent.exchange.dropped(), ["Model"]);
            assert!(body.get("Model").is_none());
        }
    }
}

#[test]
fn j7_an_image_of_fifteen_megabytes_is_borne_and_takes_time_in_proportion() {
    for (client, backend) in pairs() {
        let body = |scale: usize| {
            let data = "iVBORw0K".repeat(18_750 * scale);
            let url = format!("data:image/png;base64,{data}");
            let part = match client {
                Dialect::OpenaiChat => json!({"type": "image_url", "image_url": {"url": url}}),
                Dialect::OpenaiResponses => json!({"type": "input_image", "image_url": url, "detail": "auto"}),
                _ => json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}),
            };
            let mut body = least(client);
            let conversation = if client == Dialect::OpenaiResponses { "input" } else { "messages" };
            body[conversation][0]["content"] = json!([part]);
            body.to_string().into_bytes()
        };
        let sent = call(client, backend, &body(100), OnUnsupported::Reject).unwrap();
        assert!(sent.upstream.body.len() > 15_000_000, "{client:?} to {backend:?}");
        proportion(&format!("{client:?} to {backend:?}"), |scale| {
            let body = body(scale);
            let begin = Instant::now();
            call(client, backend, &body, OnUnsupported::Reject).unwrap();
            begin.elapsed()
        });
    }
}

fn in_proportion(client: Dialect, body: impl Fn(usize) -> Vec<u8>) {
    for backend in backends(client) {
        proportion(&format!("{client:?} to {backend:?}"), |scale| {
            let body = body(scale);
            let begin = Instant::now();
            let _ = call(client, backend, &body, OnUnsupported::Drop);
            begin.elapsed()
        });
    }
}

/// Ten times as much takes about ten times as long; time that squares would be a hundred times. The best of three, since
/// others use the machine as well.
fn proportion(what: &str, take: impl Fn(usize) -> Duration) {
    let best = |scale: usize| (0..3).map(|_| take(scale)).min().unwrap();
    let (one, ten) = (best(10).max(Duration::from_millis(2)), best(100));
    assert!(ten < one * 40, "{what}: {one:?} for one, {ten:?} for ten times as much");
}
