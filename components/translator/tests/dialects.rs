//! Writes `docs/dialects.md` from what really became of each row between each pair of dialects, and fails where the page
//! says something else. `WEIR_BLESS=1 cargo test -p weir-translator --test dialects` writes it.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "tests read files; the library does not")]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use http::HeaderMap;
use serde_json::Value;
use weir_core::error::render;
use weir_core::{Dialect, ErrorKind, GatewayError, UnixMillis};
use weir_translator::attempt::refusal;
use weir_translator::codec::{backend_side, client_side};
use weir_translator::fuzz::{DIALECTS, backends, pairs};
use weir_translator::stream::Close;

use common::rows::{Cell, answers, requests};
use common::{machine, rows, run};

const INTRODUCTION: &str = "\
# What a conversation carries

Clients of OpenAI chat completions (*chat*), OpenAI responses (*responses*) and Anthropic messages (*messages*) reach
backends of each. The same dialect on both sides passes byte for byte. Between two dialects:

- **kept**: it arrives, and means the same.
- **mapped**: the next best that the other side has arrives.
- **refused**: a 400 that names the field; where the route says `on_unsupported: drop`, it is left out, or brought into
  what the backend can have, and named in `x-weir-dropped`.
- **dropped**: left out and named in `x-weir-dropped`, whatever the route says: an echo of what the client was sent.
- **left out**: the other side does so anyway, or has no place for it; why, stands below.
- **–**: whoever would say it has no words for it.

This page is written by a test from what came out when it ran. The backends are what their dialect's own providers are;
what a compatible server lacks besides stands in its profile.
";

#[test]
fn the_page_says_what_the_run_gave() {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n## Requests\n");
    for client in DIALECTS {
        request_table(client, &mut page);
    }
    page.push_str("\n## Answers\n\nWhole and streamed alike, but where the cell says what becomes of a stream.\n");
    for client in DIALECTS {
        answer_table(client, &mut page);
    }
    reasons(&mut page);
    page.push_str("\n## Errors\n");
    errors(&mut page);
    cuts(&mut page);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/dialects.md");
    if std::env::var_os("WEIR_BLESS").is_some() {
        fs::write(&file, &page).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap();
    let hint = "WEIR_BLESS=1 cargo test -p weir-translator --test dialects";
    assert!(written == page, "docs/dialects.md is not what the run gave; {hint} writes it:\n{page}");
}

#[test]
fn nothing_is_lost_in_silence() {
    let lost: Vec<String> = left_out()
        .into_iter()
        .filter(|(.., why)| why.is_none())
        .map(|(what, from, to, _)| format!("{what}, from {} to {}", from.name(), to.name()))
        .collect();
    assert!(lost.is_empty(), "{}", lost.join("\n"));
    let idle: Vec<_> = LEFT_OUT
        .iter()
        .filter(|(what, to, _)| {
            let known =
                DIALECTS.iter().all(|dialect| backend_side(*dialect).is_some() && client_side(*dialect).is_some());
            known && !left_out().iter().any(|(lost, _, heard, _)| (*what, *to) == (*lost, *heard))
        })
        .collect();
    assert!(idle.is_empty(), "listed, and left out no longer: {idle:?}");
}

/// A row that is left out between two dialects, and why, where a reason is listed.
type LeftOut = (&'static str, Dialect, Dialect, Option<&'static str>);

fn left_out() -> Vec<LeftOut> {
    let mut lost = Vec::new();
    let why = |what: &str, to: Dialect| {
        LEFT_OUT.iter().find(|(name, heard, _)| (*name, *heard) == (what, to)).map(|(.., why)| *why)
    };
    for (client, backend) in pairs() {
        for row in requests::rows() {
            if rows::request(row, client, backend) == Cell::Lost {
                lost.push((row.name, client, backend, why(row.name, backend)));
            }
        }
        for row in answers::ROWS {
            let cells = [rows::answer(row, client, backend), rows::stream(row, client, backend)];
            if cells.contains(&Cell::Lost) {
                lost.push((row.name, backend, client, why(row.name, client)));
            }
        }
    }
    lost
}

/// What the other side does not hear of, and why that is no loss.
const LEFT_OUT: &[(&str, Dialect, &str)] = &[
    ("thinking as the model sees fit", Dialect::OpenaiChat, "models there do so unless they are told how hard"),
    ("thinking as the model sees fit", Dialect::OpenaiResponses, "models there do so unless they are told how hard"),
    ("caching as the backend sees fit", Dialect::OpenaiResponses, "it does so always"),
    ("thoughts shown", Dialect::OpenaiChat, "a server there says its thoughts or does not, and nothing asks for them"),
    ("caching as the backend sees fit", Dialect::OpenaiChat, "it does so always"),
    ("an image's detail", Dialect::AnthropicMessages, "every picture is looked at closely there"),
    ("logprobs", Dialect::AnthropicMessages, "no client there can have asked for them"),
    ("several answers", Dialect::AnthropicMessages, "no client there can have asked for them"),
    ("several answers", Dialect::OpenaiResponses, "no client there can have asked for them"),
    ("proofs of thoughts, before words", Dialect::OpenaiChat, "only a call's id has a place for one"),
];

fn short(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::OpenaiChat => "chat",
        Dialect::OpenaiResponses => "responses",
        _ => "messages",
    }
}

fn head(client: Dialect, what: &str, page: &mut String) {
    write!(page, "\n### {} of {}\n\n|", what, short(client)).unwrap();
    for backend in backends(client) {
        write!(page, " | {}", short(backend)).unwrap();
    }
    page.push_str(" |\n|---");
    page.push_str(&"|---".repeat(backends(client).count()));
    page.push_str("|\n");
}

fn request_table(client: Dialect, page: &mut String) {
    head(client, "From clients", page);
    for row in requests::rows() {
        let cells: Vec<Cell> = backends(client).map(|backend| rows::request(row, client, backend)).collect();
        if cells.iter().all(|cell| *cell == Cell::Unsaid) {
            continue;
        }
        write!(page, "| {}", row.name).unwrap();
        for cell in cells {
            write!(page, " | {}", cell.word()).unwrap();
        }
        page.push_str(" |\n");
    }
}

fn answer_table(client: Dialect, page: &mut String) {
    head(client, "To clients", page);
    for row in answers::ROWS {
        write!(page, "| {}", row.name).unwrap();
        for backend in backends(client) {
            let (whole, stream) = (rows::answer(row, client, backend), rows::stream(row, client, backend));
            let cell = match (whole, stream) {
                (Cell::Unsaid, stream) => stream.word().to_owned(),
                (whole, Cell::Unsaid) => whole.word().to_owned(),
                (whole, stream) if whole == stream => whole.word().to_owned(),
                (whole, stream) => format!("{}; in a stream {}", whole.word(), stream.word()),
            };
            write!(page, " | {cell}").unwrap();
        }
        page.push_str(" |\n");
    }
}

/// Why what is left out is.
fn reasons(page: &mut String) {
    page.push_str("\n### What is left out, and why\n\n");
    let lost = left_out();
    for (what, to, why) in LEFT_OUT.iter().filter(|(what, to, _)| lost.iter().any(|(a, _, b, _)| (a, b) == (what, to)))
    {
        writeln!(page, "- {what}, to {}: {why}.", short(*to)).unwrap();
    }
}

/// What clients are told of a backend's refusals.
fn errors(page: &mut String) {
    page.push_str(
        "\n| the backend says | clients of chat and responses read | clients of messages read |\n|---|---|---|\n",
    );
    let told = |dialect, error: &GatewayError| {
        let rendered = render(dialect, error);
        let body: Value = serde_json::from_slice(&rendered.body).unwrap();
        let after = rendered.headers.iter().any(|(name, _)| *name == "retry-after");
        let after = if after { ", with `retry-after`" } else { "" };
        format!("{} `{}`{after}", rendered.status, body["error"]["type"].as_str().unwrap())
    };
    for status in [400, 401, 403, 404, 413, 422, 429, 500, 503, 529] {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", http::HeaderValue::from_static("7"));
        let body = br#"{"error":{"message":"why","type":"t","code":"c"}}"#;
        let (error, _) = refusal(status, &headers, body, false, &[], UnixMillis(0));
        let [chat, messages] = [Dialect::OpenaiChat, Dialect::AnthropicMessages].map(|dialect| told(dialect, &error));
        writeln!(page, "| {status} | {chat} | {messages} |").unwrap();
    }
}

/// How clients learn that a stream was cut.
fn cuts(page: &mut String) {
    page.push_str("\nA stream that breaks off ends in an error event, and the transfer is aborted:\n\n");
    page.push_str("| clients of | read last |\n|---|---|\n");
    for client in DIALECTS {
        let begun = begin(client);
        let broken = || Close::Broken(GatewayError::new(ErrorKind::UpstreamTruncated, "the backend broke off"));
        let (out, closed) = run(&mut machine(client, client, false), [begun.as_slice()], broken());
        assert_eq!(closed.ending, weir_core::Ending::Truncated);
        let text = String::from_utf8(out).unwrap();
        let last = text.trim_end().rsplit("\n\n").next().unwrap().replace('\n', "` `");
        writeln!(page, "| {} | `{last}` |", short(client)).unwrap();
    }
}

/// How a stream of a dialect begins.
fn begin(dialect: Dialect) -> Vec<u8> {
    let stream = match dialect {
        Dialect::OpenaiChat => "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n",
        Dialect::OpenaiResponses => {
            "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{}}\n\n"
        }
        _ => "event: ping\ndata: {\"type\":\"ping\"}\n\n",
    };
    stream.as_bytes().to_vec()
}
