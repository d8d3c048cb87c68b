//! Whole answers.

use serde_json::Value;
use weir_core::ErrorKind;
use weir_translator::codec::{Asked, backend_side, client_side};
use weir_translator::fuzz::{Heard, clients};

use crate::common::conveyed::lost;
use crate::common::{NOW, exchange, none};
use crate::load::{Said, answers};
use crate::report::Report;
use crate::streams::stated;

/// What is no answer, but an error or one that is not there yet, under status 200; or one whose status no document
/// knows, as one recording has it.
fn unfinished(answer: &Value) -> bool {
    let failed = answer.get("error").is_some_and(|error| !error.is_null());
    let pending = ["queued", "in_progress", "failed", "cancelled"].iter().any(|status| answer["status"] == *status);
    let unended = answer["type"] == "message" && answer["stop_reason"].is_null();
    let empty = answer.get("choices").is_some_and(|choices| choices.as_array().is_none_or(Vec::is_empty));
    failed || pending || unended || empty || answer["status"] == "complete"
}

#[test]
fn pass_byte_for_byte_and_their_usage_is_read() {
    let mut passed = 0;
    for Said { name, dialect, bytes } in answers() {
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        let exchange = exchange(dialect, dialect, false).exchange;
        let (out, usage) = match exchange.whole(bytes.clone(), NOW) {
            Ok(passed) => passed,
            Err(error) => {
                assert!(unfinished(&answer), "{name}: {error}");
                continue;
            }
        };
        assert_eq!(out, bytes, "{name}");
        match stated(&answer) {
            Some((input, output)) => assert_eq!((usage.input.0, usage.output.0), (input, output), "{name}"),
            None => assert!(usage.estimated, "{name}"),
        }
        passed += 1;
    }
    println!("{passed} whole answers passed");
}

#[test]
fn reach_clients_of_every_dialect_with_nothing_lost() {
    let mut report = Report::new("answers");
    let mut faults = Vec::new();
    for Said { name, dialect, bytes } in answers() {
        let Some(backend) = backend_side(dialect) else { continue };
        let answer: Value = serde_json::from_slice(&bytes).unwrap();
        let decoded = match (backend.decode_response)(&bytes) {
            Ok(decoded) => decoded,
            Err(error) => {
                assert!(unfinished(&answer), "{name}: {error}");
                let theirs = error.kind() == ErrorKind::UpstreamProtocol || answer.get("error").is_some();
                assert!(theirs, "{name}: {error}");
                continue;
            }
        };
        let said = Heard::whole(dialect, &bytes);
        for client in clients(dialect) {
            let Some(side) = client_side(client) else { continue };
            let asked = Asked { include_usage: true, proofs: true, ..Asked::default() };
            let written = (side.encode_response)(&decoded, &asked, NOW);
            let heard = Heard::whole(client, &written);
            let shown = String::from_utf8_lossy(&written);
            let mut found = heard.faults.clone();
            found.extend(lost(&said, dialect, &heard, client));
            if said.bad_ids().is_empty() {
                found.extend(heard.bad_ids().iter().map(|id| format!("the id {id:?} is empty or stands there twice")));
            }
            faults.extend(found.iter().map(|fault| format!("{name}, to {}: {fault}", client.name())));
            // What stays in its dialect passes as it came.
            if client != dialect {
                report.add(client, &name, &shown);
            }
        }
    }
    report.write();
    none(&faults);
}
