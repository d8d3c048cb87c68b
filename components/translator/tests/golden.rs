//! Translations as data: `golden/<from>__<to>/<case>.{in,out}.{json,sse}`.
//!
//! - `<client>__<backend>/<case>.in.json` with `out.json`: a request, and the call's body or the error. Cases whose
//!   name ends in `_dropped` run with `on_unsupported: drop`, those whose name begins with `quirks_` go to a backend that
//!   lacks much of what OpenAI has.
//! - `<backend>__<client>/<case>.answer.in.json`: a whole answer.
//! - `<backend>__<client>/<case>.in.sse` with `out.sse` and `out.json`: a stream, and its ending. In cases whose name
//!   ends in `_asked` the client asked for the usage.
//!
//! `WEIR_BLESS=1 cargo test -p weir-translator --test golden` writes what comes out; read the difference.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "tests read files; the library does not")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use weir_core::Dialect;
use weir_core::plan::OnUnsupported;
use weir_translator::stream::Close;

use common::{NOW, call_at, exchange, machine, run};

#[test]
fn translations_are_as_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut seen = 0;
    for folder in sorted(&root) {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let (from, to) = name.split_once("__").unwrap();
        for file in sorted(&folder) {
            let case = file.file_name().unwrap().to_str().unwrap().to_owned();
            if let Some(case) = case.strip_suffix(".in.sse") {
                stream(&folder, case, dialect(from), dialect(to));
            } else if let Some(case) = case.strip_suffix(".answer.in.json") {
                answer(&folder, case, dialect(from), dialect(to));
            } else if let Some(case) = case.strip_suffix(".in.json") {
                request(&folder, case, dialect(from), dialect(to));
            } else {
                continue;
            }
            seen += 1;
        }
    }
    assert!(seen >= 30, "only {seen} cases were found");
}

fn request(folder: &Path, case: &str, client: Dialect, backend: Dialect) {
    let body = fs::read(folder.join(format!("{case}.in.json"))).unwrap();
    let policy = if case.ends_with("_dropped") { OnUnsupported::Drop } else { OnUnsupported::Reject };
    let name = match backend {
        _ if case.starts_with("quirks_") => "compatible",
        Dialect::AnthropicMessages => "anthropic",
        _ => "openai",
    };
    let out = match call_at(name, client, backend, &body, policy) {
        Ok(prepared) => json!({
            "body": serde_json::from_slice::<Value>(&prepared.upstream.body).unwrap(),
            "dropped": prepared.exchange.dropped(),
        }),
        Err(error) => told(&error),
    };
    compare(&folder.join(format!("{case}.out.json")), &pretty(&out));
}

fn answer(folder: &Path, case: &str, backend: Dialect, client: Dialect) {
    let body = fs::read(folder.join(format!("{case}.answer.in.json"))).unwrap();
    let out = match exchange(backend, client, false).exchange.whole(body, NOW) {
        Ok((body, usage)) => {
            json!({"body": serde_json::from_slice::<Value>(&body).unwrap(), "usage": usage})
        }
        Err(error) => told(&error),
    };
    compare(&folder.join(format!("{case}.answer.out.json")), &pretty(&out));
}

fn stream(folder: &Path, case: &str, backend: Dialect, client: Dialect) {
    let input = fs::read(folder.join(format!("{case}.in.sse"))).unwrap();
    let mut machine = machine(backend, client, case.ends_with("_asked"));
    let (out, closed) = run(&mut machine, [input.as_slice()], Close::End);
    let ending = json!({
        "ending": closed.ending,
        "usage": closed.usage,
        "error": closed.error.as_ref().map(told),
    });
    compare(&folder.join(format!("{case}.out.sse")), &out);
    compare(&folder.join(format!("{case}.out.json")), &pretty(&ending));
}

fn told(error: &weir_core::GatewayError) -> Value {
    json!({"error": {"status": error.status(), "code": error.kind().code(), "message": error.message(), "param": error.param()}})
}

fn compare(file: &Path, found: &[u8]) {
    if std::env::var_os("WEIR_BLESS").is_some() {
        fs::write(file, found).unwrap();
        return;
    }
    let expected = fs::read(file).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()));
    let (expected, found) = (String::from_utf8_lossy(&expected), String::from_utf8_lossy(found));
    assert_eq!(expected, found, "{} differs", file.display());
}

fn pretty(value: &Value) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(value).unwrap();
    text.push(b'\n');
    text
}

fn dialect(name: &str) -> Dialect {
    Dialect::ALL.into_iter().find(|dialect| dialect.name() == name).unwrap_or_else(|| panic!("no dialect {name}"))
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}
