//! Reads a stream of responses as a client does, and holds it to the laws of its events.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// What a stream came to: the response that its last event holds.
///
/// # Panics
/// Where the stream breaks a law: events are numbered without a gap; items begin in order and end once; parts stand in
/// their items in order; what was told piece by piece is what is told whole, and stands in the response in the end.
pub(crate) fn walk(stream: &[u8]) -> Value {
    let mut walk = Walk::default();
    let mut last = None;
    for (number, event) in events(stream).into_iter().enumerate() {
        assert!(last.is_none(), "after the end: {event}");
        assert_eq!(event["sequence_number"], json!(number), "{event}");
        match (number, event["type"].as_str().unwrap()) {
            (0, "response.created") | (1, "response.in_progress") => {
                assert_eq!(
                    (&event["response"]["status"], &event["response"]["output"]),
                    (&json!("in_progress"), &json!([]))
                );
            }
            (0 | 1, kind) => panic!("begins with {kind}"),
            (_, "response.completed" | "response.incomplete") => last = Some(event["response"].clone()),
            (_, kind) => walk.event(kind, &event),
        }
    }
    let last = last.expect("no last event");
    assert!(walk.open.is_empty(), "open in the end: {:?}", walk.open);
    let items: Vec<Value> = walk.ended.into_values().collect();
    assert_eq!(last["output"], Value::from(items), "the response is not what was told");
    last
}

/// The data of a stream's events, each of which has its type for a name.
pub(crate) fn events(stream: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stream).unwrap();
    let blocks = text.split("\n\n").filter(|block| !block.is_empty() && !block.starts_with(':'));
    blocks
        .map(|block| {
            let (name, data) = block.split_once('\n').unwrap();
            let event: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(name.strip_prefix("event: "), event["type"].as_str());
            event
        })
        .collect()
}

#[derive(Default)]
struct Walk {
    /// Items that have begun, as they are so far.
    open: BTreeMap<u64, Value>,
    ended: BTreeMap<u64, Value>,
}

impl Walk {
    fn event(&mut self, kind: &str, event: &Value) {
        let index = event["output_index"].as_u64().unwrap();
        match kind {
            "response.output_item.added" => {
                assert_eq!(index as usize, self.open.len() + self.ended.len(), "items begin out of order");
                let mut item = event["item"].clone();
                // What comes whole is over when it begins.
                let whole = !matches!(
                    item["type"].as_str(),
                    Some("message" | "reasoning" | "function_call" | "custom_tool_call")
                );
                assert!(whole || matches!(item["status"].as_str(), Some("in_progress") | None));
                item["parts_open"] = json!(false);
                assert!(self.open.insert(index, item).is_none());
                return;
            }
            "response.output_item.done" => return self.item_done(index, &event["item"]),
            _ => {}
        }
        let item = self.open.get_mut(&index).unwrap_or_else(|| panic!("no item is open for {event}"));
        assert_eq!(item["id"], event["item_id"], "{event}");
        let (field, place) = if kind.starts_with("response.reasoning_summary") {
            ("summary", &event["summary_index"])
        } else {
            ("content", &event["content_index"])
        };
        match kind {
            "response.content_part.added" | "response.reasoning_summary_part.added" => {
                assert_eq!(item["parts_open"], json!(false), "a part begins in a part");
                item["parts_open"] = json!(true);
                let parts = item[field].as_array_mut().unwrap();
                assert_eq!(place, &json!(parts.len()));
                parts.push(event["part"].clone());
            }
            "response.content_part.done" | "response.reasoning_summary_part.done" => {
                assert_eq!(item["parts_open"], json!(true));
                item["parts_open"] = json!(false);
                assert_eq!(event["part"], last_part(item, field, place).clone());
            }
            "response.function_call_arguments.delta" => append(&mut item["arguments"], &event["delta"]),
            "response.function_call_arguments.done" => assert_eq!(item["arguments"], event["arguments"]),
            "response.custom_tool_call_input.delta" => append(&mut item["input"], &event["delta"]),
            "response.custom_tool_call_input.done" => assert_eq!(item["input"], event["input"]),
            _ => {
                assert_eq!(item["parts_open"], json!(true), "{event}");
                piece(kind, event, last_part(item, field, place));
            }
        }
    }

    fn item_done(&mut self, index: u64, done: &Value) {
        let mut item = self.open.remove(&index).expect("an item ends that is not open");
        assert_eq!(item["parts_open"], json!(false), "an item ends in a part");
        item.as_object_mut().unwrap().remove("parts_open");
        // These come with the end.
        for field in ["status", "encrypted_content"] {
            if let Some(value) = done.get(field) {
                item[field] = value.clone();
            }
        }
        assert_ne!(done["status"], json!("in_progress"));
        assert_eq!(&item, done, "an item is not what was told of it");
        self.ended.insert(index, item);
    }
}

fn piece(kind: &str, event: &Value, part: &mut Value) {
    match kind {
        "response.output_text.delta" => {
            append(&mut part["text"], &event["delta"]);
            part["logprobs"].as_array_mut().unwrap().extend(event["logprobs"].as_array().unwrap().iter().cloned());
        }
        "response.output_text.annotation.added" => {
            let annotations = part["annotations"].as_array_mut().unwrap();
            assert_eq!(event["annotation_index"], json!(annotations.len()));
            annotations.push(event["annotation"].clone());
        }
        "response.output_text.done" => {
            assert_eq!((&part["text"], &part["logprobs"]), (&event["text"], &event["logprobs"]));
        }
        "response.refusal.delta" => append(&mut part["refusal"], &event["delta"]),
        "response.refusal.done" => assert_eq!(part["refusal"], event["refusal"]),
        "response.reasoning_summary_text.delta" => append(&mut part["text"], &event["delta"]),
        "response.reasoning_summary_text.done" => assert_eq!(part["text"], event["text"]),
        kind => panic!("no client knows {kind}"),
    }
}

fn last_part<'a>(item: &'a mut Value, field: &str, place: &Value) -> &'a mut Value {
    let parts = item[field].as_array_mut().unwrap();
    assert_eq!(place, &json!(parts.len() - 1));
    parts.last_mut().unwrap()
}

fn append(text: &mut Value, piece: &Value) {
    *text = format!("{}{}", text.as_str().unwrap(), piece.as_str().unwrap()).into();
}
