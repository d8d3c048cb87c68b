//! Streams.

use serde_json::Value;
use weir_core::{Dialect, Ending, Limits};
use weir_translator::codec::{Asked, backend_side, client_side};
use weir_translator::fuzz::{End, Heard, clients};
use weir_translator::stream::{Close, Cross, Machine};

use crate::common::conveyed::lost;
use crate::common::{ESTIMATE, NOW, machine, none, run};
use crate::load::{Said, data, streams};
use crate::report::Report;

/// Input and output as an answer or a stream's events state them last; `None` where they do not.
pub(crate) fn stated(answer: &Value) -> Option<(u64, u64)> {
    let places = ["/usage", "/response/usage", "/x_groq/usage"];
    let usage = places.iter().find_map(|place| answer.pointer(place).filter(|usage| usage.is_object()))?;
    let count = |key: &str| usage[key].as_u64().unwrap_or(0);
    if usage.get("prompt_tokens").is_some() {
        let (input, output) = (count("prompt_tokens"), count("completion_tokens"));
        // xAI counts thoughts beside the answer, and into the total.
        let thoughts = usage["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap_or(0);
        let beside = count("total_tokens") == input + output + thoughts;
        return Some((input, if beside { output + thoughts } else { output }));
    }
    let cached = count("cache_read_input_tokens") + count("cache_creation_input_tokens");
    let (input, output) = beside(usage);
    Some((count("input_tokens") + cached + input, count("output_tokens") + output))
}

/// What Anthropic spent beside the answer, which stands in its rounds alone: input and output.
fn beside(usage: &Value) -> (u64, u64) {
    let rounds = usage["iterations"].as_array().into_iter().flatten();
    let rounds = rounds.filter(|round| round["type"] == "compaction" || round["type"] == "advisor_message");
    rounds.fold((0, 0), |(input, output), round| {
        let count = |key: &str| round[key].as_u64().unwrap_or(0);
        let cached = count("cache_read_input_tokens") + count("cache_creation_input_tokens");
        (input + count("input_tokens") + cached, output + count("output_tokens"))
    })
}

/// The same of a whole stream. Messages state their usage in pieces, of which each later one counts.
fn stated_in(dialect: Dialect, stream: &[u8]) -> Option<(u64, u64)> {
    let events = data(stream);
    if dialect != Dialect::AnthropicMessages {
        return events.iter().rev().find_map(stated);
    }
    let usages: Vec<&Value> = events.iter().flat_map(|event| [&event["message"]["usage"], &event["usage"]]).collect();
    let last = |key: &str| usages.iter().rev().find_map(|usage| usage[key].as_u64()).unwrap_or(0);
    let input = last("input_tokens") + last("cache_read_input_tokens") + last("cache_creation_input_tokens");
    let (more, written) =
        usages.iter().rev().find(|usage| usage["iterations"].is_array()).map_or((0, 0), |u| beside(u));
    Some((input + more, last("output_tokens") + written))
}

/// Whether a stream breaks off, breaks its dialect, or tells of an error. The provider's word, not Weir's.
fn broken(dialect: Dialect, heard: &Heard, stream: &[u8]) -> bool {
    // A message that begins within another.
    let events = data(stream);
    let first = events.iter().position(|event| event["type"] == "content_block_start").unwrap_or(events.len());
    let spliced = || events[first..].iter().any(|event| event["type"] == "message_start");
    heard.end != Some(End::Complete) || (dialect == Dialect::AnthropicMessages && spliced())
}

#[test]
fn pass_byte_for_byte_and_their_usage_is_read() {
    let mut passed = 0;
    for Said { name, dialect, bytes } in streams() {
        let said = Heard::stream(dialect, &bytes);
        let (out, closed) = run(&mut machine(dialect, dialect, true), [bytes.as_slice()], Close::End);
        if said.end != Some(End::Complete) {
            assert_ne!(closed.ending, Ending::Complete, "{name}");
            continue;
        }
        assert_eq!(closed.ending, Ending::Complete, "{name}: {:?}", closed.error);
        // Comments before the first event are the only thing that a client is not sent.
        let text = String::from_utf8(bytes.clone()).unwrap();
        let begin = text.find("data:").unwrap().min(text.find("event:").unwrap_or(usize::MAX));
        assert_eq!(String::from_utf8_lossy(&out), &text[begin..], "{name}");
        match stated_in(dialect, &bytes) {
            Some((input, output)) => {
                assert_eq!((closed.usage.input.0, closed.usage.output.0), (input, output), "{name}");
                assert!(!closed.usage.estimated, "{name}");
            }
            None => assert!(closed.usage.estimated && closed.usage.output.0 > 0, "{name}"),
        }
        passed += 1;
    }
    println!("{passed} streams passed");
}

#[test]
fn reach_clients_of_every_dialect_with_nothing_lost() {
    let mut report = Report::new("streams");
    let mut faults = Vec::new();
    for Said { name, dialect, bytes } in streams() {
        let Some(backend) = backend_side(dialect) else { continue };
        let said = Heard::stream(dialect, &bytes);
        for client in clients(dialect) {
            let Some(side) = client_side(client) else { continue };
            let asked = Asked { include_usage: true, proofs: true, ..Asked::default() };
            let cross = Cross::new((backend.source)(), (side.sink)(&asked, NOW));
            let mut machine = Machine::new(Box::new(cross), client, ESTIMATE, &Limits::default());
            let (out, closed) = run(&mut machine, [bytes.as_slice()], Close::End);
            let heard = Heard::stream(client, &out);
            let shown = String::from_utf8_lossy(&out);
            let mut found = heard.faults.clone();
            if broken(dialect, &said, &bytes) {
                let told = out.is_empty() || matches!(heard.end, Some(End::Error(_)));
                found.extend((closed.ending == Ending::Complete || !told).then(|| format!("ends {:?}", heard.end)));
            } else if closed.ending != Ending::Complete || heard.ends != 1 {
                found.push(format!("ends {:?}: {:?}", closed.ending, closed.error));
            } else {
                found.extend(lost(&said, dialect, &heard, client));
            }
            faults.extend(found.iter().map(|fault| format!("{name}, to {}: {fault}", client.name())));
            // What stays in its dialect passes as it came.
            if client != dialect && !out.is_empty() {
                report.add(client, &name, &shown);
            }
        }
    }
    report.write();
    none(&faults);
}
