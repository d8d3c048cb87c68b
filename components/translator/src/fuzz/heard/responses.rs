//! OpenAI responses.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use weir_core::Usage;

use super::{Answer, Call, End, Heard, error_words, list, text, tokens};

#[derive(Default)]
pub(super) struct Ear {
    events: u64,
    /// The items that have begun and not ended, by output index.
    open: BTreeMap<u64, Open>,
    /// The items that have ended, in the order of their indices, and what of each was not told in deltas.
    done: BTreeMap<u64, (Value, Value)>,
    begun: u64,
}

/// An item, folded from its deltas.
struct Open {
    id: String,
    kind: String,
    /// The parts of a message or of a reasoning's content, and of its summary.
    content: Vec<Part>,
    summary: Vec<Part>,
    /// Arguments or input, where they were told.
    arguments: Option<String>,
    /// Whether its parts are refusals.
    refuses: bool,
}

#[derive(Default)]
struct Part {
    text: String,
    annotations: Vec<Value>,
    ended: bool,
}

impl super::Ear for Ear {
    fn event(&mut self, name: &str, data: &[u8], heard: &mut Heard) {
        let Ok(event) = serde_json::from_slice::<Value>(data) else {
            return heard.fault(|| format!("no JSON: {}", String::from_utf8_lossy(data)));
        };
        let kind = text(&event, "/type");
        heard.expect(kind == name, || format!("the event {name} is of type {kind}"));
        let number = event["sequence_number"].as_u64();
        heard.expect(number == Some(self.events), || format!("{kind} is number {number:?}, not {}", self.events));
        let first = ["response.created", "response.in_progress"].get(usize::try_from(self.events).unwrap_or(9));
        let in_order = first.is_none_or(|first| *first == kind) || matches!(kind, "error" | "response.failed");
        heard.expect(in_order, || format!("event {} is {kind}", self.events));
        self.events += 1;
        match kind.strip_prefix("response.").unwrap_or(kind) {
            "created" | "in_progress" => start(&event["response"], heard),
            "output_item.added" => self.item_added(&event, heard),
            "output_item.done" => self.item_done(&event, heard),
            "completed" | "incomplete" => self.completed(kind, &event["response"], heard),
            "failed" => {
                let words = error_words(&event["response"]);
                heard.ended(End::Error(words));
            }
            "error" => heard.ended(End::Error(error_words(&event))),
            // The work of tools that run at the provider.
            other if other.contains("_call.") || other.contains("_tools.") || other.starts_with("compaction") => {}
            other => self.in_item(other, &event, heard),
        }
    }

    fn closed(&mut self, heard: &mut Heard) {
        for (_, item) in std::mem::take(&mut self.done).into_values() {
            item_said(&item, heard.answer(0));
        }
        // A stream that broke off has items that never ended; what they said was heard all the same.
        for (_, open) in std::mem::take(&mut self.open) {
            open.said(heard.answer(0));
        }
    }
}

impl Ear {
    fn item_added(&mut self, event: &Value, heard: &mut Heard) {
        let index = event["output_index"].as_u64().unwrap_or(u64::MAX);
        heard.expect(index == self.begun, || format!("item {index} begins where {} is next", self.begun));
        self.begun += 1;
        let item = &event["item"];
        heard.expect(item["id"].as_str().is_some_and(|id| !id.is_empty()), || format!("an item without an id: {item}"));
        let open = Open {
            id: text(item, "/id").to_owned(),
            kind: text(item, "/type").to_owned(),
            content: Vec::new(),
            summary: Vec::new(),
            arguments: None,
            refuses: false,
        };
        self.open.insert(index, open);
    }

    /// An event within an item: parts, deltas and what they come to.
    fn in_item(&mut self, kind: &str, event: &Value, heard: &mut Heard) {
        let open = event["output_index"].as_u64().and_then(|index| self.open.get_mut(&index));
        let Some(open) = open.filter(|open| event["item_id"] == open.id.as_str()) else {
            return heard.fault(|| format!("{kind} for an item that is not open: {event}"));
        };
        let delta = text(event, "/delta");
        match kind {
            "content_part.added" => begin(&mut open.content, &event["content_index"], heard),
            "reasoning_summary_part.added" => begin(&mut open.summary, &event["summary_index"], heard),
            "output_text.delta" | "refusal.delta" | "reasoning_text.delta" => {
                heard.answer(0).logprobs += list(event, "/logprobs").len();
                open.refuses |= kind == "refusal.delta";
                on(&mut open.content, &event["content_index"], event, heard, |part| part.text.push_str(delta));
            }
            "reasoning_summary_text.delta" => {
                on(&mut open.summary, &event["summary_index"], event, heard, |part| part.text.push_str(delta));
            }
            "output_text.annotation.added" => {
                let annotation = event["annotation"].clone();
                on(&mut open.content, &event["content_index"], event, heard, |part| part.annotations.push(annotation));
            }
            "output_text.done" | "reasoning_text.done" => {
                folded(&open.content, &event["content_index"], text(event, "/text"), heard);
            }
            "refusal.done" => folded(&open.content, &event["content_index"], text(event, "/refusal"), heard),
            "reasoning_summary_text.done" => {
                folded(&open.summary, &event["summary_index"], text(event, "/text"), heard);
            }
            "content_part.done" => {
                let told = [text(event, "/part/text"), text(event, "/part/refusal")].concat();
                folded(&open.content, &event["content_index"], &told, heard);
                on(&mut open.content, &event["content_index"], event, heard, |part| part.ended = true);
            }
            "reasoning_summary_part.done" => {
                folded(&open.summary, &event["summary_index"], text(event, "/part/text"), heard);
                on(&mut open.summary, &event["summary_index"], event, heard, |part| part.ended = true);
            }
            "function_call_arguments.delta" | "custom_tool_call_input.delta" | "mcp_call_arguments.delta" => {
                open.arguments.get_or_insert_default().push_str(delta);
            }
            "function_call_arguments.done" | "custom_tool_call_input.done" => {
                let told = [text(event, "/arguments"), text(event, "/input")].concat();
                let folded = open.arguments.get_or_insert_default();
                heard.expect(*folded == told, || format!("{kind} says {told}, the deltas {folded}"));
            }
            other if other.starts_with("mcp_") || other.starts_with("shell_") || other.starts_with("apply_patch_") => {}
            other => heard.fault(|| format!("an event of type {other}")),
        }
    }

    fn item_done(&mut self, event: &Value, heard: &mut Heard) {
        let item = &event["item"];
        let Some((index, open)) =
            event["output_index"].as_u64().and_then(|index| Some((index, self.open.remove(&index)?)))
        else {
            return heard.fault(|| format!("an item ends that is not open: {event}"));
        };
        heard.expect(item["id"] == open.id.as_str(), || format!("item {index} changes its id: {item}"));
        heard.expect(item["type"] == open.kind.as_str(), || format!("item {index} changes its type: {item}"));
        open.agrees_with(item, heard);
        let mut item = item.clone();
        if open.kind == "message" && !open.content.is_empty() {
            // What was told in deltas counts: a client has shown it.
            open.said(heard.answer(0));
            let parts = item["content"].as_array_mut().into_iter().flatten();
            parts.filter_map(Value::as_object_mut).for_each(|part| drop(part.swap_remove("text")));
        }
        self.done.insert(index, (event["item"].clone(), item));
    }

    fn completed(&mut self, kind: &str, response: &Value, heard: &mut Heard) {
        heard.expect(self.open.is_empty(), || format!("{kind} in an item"));
        let folded: Vec<&Value> = self.done.values().map(|(item, _)| item).collect();
        let told: Vec<&Value> = list(response, "/output").iter().collect();
        heard.expect(folded == told, || format!("the items are {folded:?}, the response says {told:?}"));
        let mut whole = Heard::default();
        self::whole(response, &mut whole);
        heard.expect(kind == format!("response.{}", text(response, "/status")), || format!("{kind}: {response}"));
        heard.expect(heard.id == whole.id, || "the response changes its id".to_owned());
        heard.faults.append(&mut whole.faults);
        heard.answer(0).finish = whole.first().finish;
        heard.usage = whole.usage;
        heard.ended(End::Complete);
    }
}

impl Open {
    /// The item at its end says what its deltas came to.
    fn agrees_with(&self, item: &Value, heard: &mut Heard) {
        let texts = |pointer: &str| -> Vec<String> {
            list(item, pointer).iter().map(|part| [text(part, "/text"), text(part, "/refusal")].concat()).collect()
        };
        let folded = |parts: &[Part]| -> Vec<String> { parts.iter().map(|part| part.text.clone()).collect() };
        for (pointer, parts) in [("/content", &self.content), ("/summary", &self.summary)] {
            let same = parts.is_empty() && !matches!(self.kind.as_str(), "message") || texts(pointer) == folded(parts);
            heard.expect(same, || format!("{pointer} of {item} is not what its deltas came to"));
            heard.expect(parts.iter().all(|part| part.ended), || format!("a part in {item} did not end"));
        }
        if let Some(arguments) = &self.arguments {
            let told = [text(item, "/arguments"), text(item, "/input")].concat();
            heard.expect(*arguments == told, || format!("arguments of {item} are not what its deltas came to"));
        }
        for (part, told) in self.content.iter().zip(list(item, "/content")) {
            let same = list(told, "/annotations") == part.annotations;
            heard.expect(same, || format!("annotations of {item} are not those that were added"));
        }
    }

    fn said(&self, answer: &mut Answer) {
        let texts = |parts: &[Part]| parts.iter().map(|part| part.text.as_str()).collect::<String>();
        match self.kind.as_str() {
            "message" if !self.refuses => answer.text.push_str(&texts(&self.content)),
            "reasoning" => answer.reasoning.push_str(&(texts(&self.summary) + &texts(&self.content))),
            _ => {}
        }
    }
}

fn begin(parts: &mut Vec<Part>, index: &Value, heard: &mut Heard) {
    heard.expect(index.as_u64() == Some(parts.len() as u64), || format!("part {index} where {} is next", parts.len()));
    heard.expect(parts.iter().all(|part| part.ended), || format!("part {index} begins in another"));
    parts.push(Part::default());
}

fn on(parts: &mut [Part], index: &Value, event: &Value, heard: &mut Heard, act: impl FnOnce(&mut Part)) {
    let part = index.as_u64().and_then(|index| parts.get_mut(usize::try_from(index).ok()?)).filter(|part| !part.ended);
    match part {
        Some(part) => act(part),
        None => heard.fault(|| format!("for a part that is not open: {event}")),
    }
}

fn folded(parts: &[Part], index: &Value, told: &str, heard: &mut Heard) {
    let part = index.as_u64().and_then(|index| parts.get(usize::try_from(index).ok()?));
    heard.expect(part.is_some_and(|part| part.text == told), || format!("part {index} ends as {told:?}"));
}

fn start(response: &Value, heard: &mut Heard) {
    text(response, "/id").clone_into(&mut heard.id);
    text(response, "/model").clone_into(&mut heard.model);
    heard.expect(text(response, "/status") == "in_progress", || format!("begins {}", response["status"]));
    heard.expect(response["output"] == json!([]), || "begins with an output".to_owned());
    shape(response, heard);
}

/// The members that every `Response` object has.
fn shape(response: &Value, heard: &mut Heard) {
    let present = ["error", "incomplete_details", "instructions", "metadata", "tools", "tool_choice", "temperature"];
    let missing = present.iter().chain(&["top_p", "parallel_tool_calls"]).find(|key| response.get(**key).is_none());
    heard.expect(missing.is_none(), || format!("the response lacks {missing:?}"));
    heard.expect(response["object"] == "response", || "object".to_owned());
    heard.expect(response["created_at"].is_number(), || "created_at".to_owned());
    heard.expect(response["id"].as_str().is_some_and(|id| !id.is_empty()), || "no id".to_owned());
    heard.expect(response["parallel_tool_calls"].is_boolean(), || "parallel_tool_calls".to_owned());
    heard.expect(response["tools"].is_array(), || "tools".to_owned());
}

pub(super) fn whole(body: &Value, heard: &mut Heard) {
    text(body, "/id").clone_into(&mut heard.id);
    text(body, "/model").clone_into(&mut heard.model);
    shape(body, heard);
    let status = text(body, "/status");
    heard.expect(matches!(status, "completed" | "incomplete"), || format!("status {status}"));
    let reason = text(body, "/incomplete_details/reason");
    heard.expect((status == "incomplete") != reason.is_empty(), || format!("{status}, {reason}"));
    let answer = heard.answer(0);
    for item in list(body, "/output") {
        item_said(item, answer);
    }
    answer.finish = Some(if reason.is_empty() { status.to_owned() } else { reason.to_owned() });
    let mut ids: Vec<&str> = list(body, "/output").iter().map(|item| text(item, "/id")).collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    heard.expect(count == ids.len(), || "two items with one id".to_owned());
    for item in list(body, "/output") {
        item_shape(item, heard);
    }
    if let Some(stated) = body.get("usage").filter(|stated| stated.is_object()) {
        let total = tokens(stated, "/input_tokens") + tokens(stated, "/output_tokens");
        heard.expect(total == tokens(stated, "/total_tokens"), || format!("usage does not add up: {stated}"));
        heard.usage = Some(usage(stated));
    }
    heard.ended(End::Complete);
}

/// What the SDKs' types require of the items that Weir makes.
fn item_shape(item: &Value, heard: &mut Heard) {
    let texts = |keys: &[&str]| keys.iter().all(|key| item[*key].is_string());
    let fits = match text(item, "/type") {
        "message" => {
            texts(&["id", "role", "status"])
                && list(item, "/content").iter().all(|part| match text(part, "/type") {
                    "output_text" => part["text"].is_string() && part["annotations"].is_array(),
                    "refusal" => part["refusal"].is_string(),
                    _ => false,
                })
        }
        "function_call" => texts(&["id", "call_id", "name", "arguments"]),
        "custom_tool_call" => texts(&["id", "call_id", "name", "input"]),
        "reasoning" => texts(&["id"]) && item["summary"].is_array(),
        _ => true,
    };
    heard.expect(fits, || format!("an item of another shape: {item}"));
}

fn item_said(item: &Value, answer: &mut Answer) {
    match text(item, "/type") {
        "message" => {
            for part in list(item, "/content") {
                answer.text.push_str(text(part, "/text"));
                answer.refusal.push_str(text(part, "/refusal"));
                let urls = list(part, "/annotations").iter().map(|annotation| text(annotation, "/url"));
                answer.urls.extend(urls.filter(|url| !url.is_empty()).map(str::to_owned));
            }
        }
        "reasoning" => {
            for part in list(item, "/summary").iter().chain(list(item, "/content")) {
                answer.reasoning.push_str(text(part, "/text"));
            }
            answer.proofs.extend(item["encrypted_content"].as_str().map(str::to_owned));
        }
        kind @ ("function_call" | "custom_tool_call") => answer.calls.push(Call {
            id: text(item, "/call_id").to_owned(),
            name: text(item, "/name").to_owned(),
            arguments: [text(item, "/arguments"), text(item, "/input")].concat(),
            custom: kind == "custom_tool_call",
        }),
        _ => {}
    }
}

fn usage(stated: &Value) -> Usage {
    Usage {
        input: tokens(stated, "/input_tokens"),
        output: tokens(stated, "/output_tokens"),
        cache_read: tokens(stated, "/input_tokens_details/cached_tokens"),
        cache_write: tokens(stated, "/input_tokens_details/cache_write_tokens"),
        reasoning: tokens(stated, "/output_tokens_details/reasoning_tokens"),
        estimated: false,
    }
}
