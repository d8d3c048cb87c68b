//! Anthropic messages.

use serde_json::Value;
use weir_core::Usage;

use super::{Answer, Call, End, Heard, error_words, list, text, tokens};

#[derive(Default)]
pub(super) struct Ear {
    begun: bool,
    /// The block that is open.
    open: Option<Open>,
    blocks: u64,
    usage: Stated,
    stopped: bool,
}

struct Open {
    index: u64,
    kind: String,
    /// Whether a thinking block has its signature, after which nothing comes.
    signed: bool,
    whole_input: Value,
}

impl super::Ear for Ear {
    fn event(&mut self, name: &str, data: &[u8], heard: &mut Heard) {
        let Ok(event) = serde_json::from_slice::<Value>(data) else {
            return heard.fault(|| format!("no JSON: {}", String::from_utf8_lossy(data)));
        };
        let kind = text(&event, "/type");
        heard.expect(kind == name, || format!("the event {name} is of type {kind}"));
        heard.expect(self.begun || matches!(kind, "message_start" | "error"), || format!("it begins with {kind}"));
        match kind {
            "message_start" => self.start(&event["message"], heard),
            "content_block_start" => self.block_start(&event, heard),
            "content_block_delta" => self.block_delta(&event, heard),
            "content_block_stop" => self.block_stop(&event, heard),
            "message_delta" => self.message_delta(&event, heard),
            "message_stop" => {
                heard.expect(self.stopped, || "message_stop without a stop_reason".to_owned());
                heard.usage = Some(self.usage.usage());
                heard.ended(End::Complete);
            }
            "error" => {
                let words = text(&event, "/error/type").to_owned() + &error_words(&event);
                heard.ended(End::Error(words));
            }
            "ping" => {}
            other => heard.fault(|| format!("an event of type {other}")),
        }
    }
}

impl Ear {
    fn start(&mut self, message: &Value, heard: &mut Heard) {
        heard.expect(!self.begun, || "message_start twice".to_owned());
        self.begun = true;
        text(message, "/id").clone_into(&mut heard.id);
        text(message, "/model").clone_into(&mut heard.model);
        let shape = message["type"] == "message"
            && message["role"] == "assistant"
            && message["content"] == serde_json::json!([])
            && message["usage"]["input_tokens"].is_u64()
            && message["usage"]["output_tokens"].is_u64()
            && ["stop_reason", "stop_sequence"].iter().all(|key| message.get(key).is_some_and(Value::is_null));
        heard.expect(shape, || format!("message_start: {message}"));
        self.usage.take(&message["usage"]);
        // A message that was whole before it was streamed.
        for block in list(message, "/content") {
            block_said(block, heard.answer(0));
        }
        heard.answer(0).finish = message["stop_reason"].as_str().map(str::to_owned);
        self.stopped = message["stop_reason"].is_string();
    }

    fn block_start(&mut self, event: &Value, heard: &mut Heard) {
        let index = event["index"].as_u64().unwrap_or(u64::MAX);
        heard.expect(self.open.is_none(), || format!("block {index} begins in another"));
        heard.expect(index == self.blocks, || format!("block {index} where {} is next", self.blocks));
        heard.expect(!self.stopped, || format!("block {index} begins after the stop_reason"));
        self.blocks += 1;
        let block = &event["content_block"];
        let kind = text(block, "/type").to_owned();
        let empty = match kind.as_str() {
            "text" => block["text"] == "",
            "thinking" => block["thinking"] == "" && block["signature"] == "",
            "tool_use" => block["input"] == serde_json::json!({}),
            "redacted_thinking" => block["data"].is_string(),
            _ => true,
        };
        heard.expect(empty, || format!("a block begins with something in it: {block}"));
        let answer = heard.answer(0);
        block_said(block, answer);
        if let (true, Some(call)) = (kind == "tool_use", answer.calls.last_mut()) {
            call.arguments.clear();
        }
        self.open = Some(Open { index, kind, signed: false, whole_input: block["input"].clone() });
    }

    fn block_delta(&mut self, event: &Value, heard: &mut Heard) {
        let delta = &event["delta"];
        let kind = text(delta, "/type");
        let Some(open) = self.open.as_mut().filter(|open| event["index"].as_u64() == Some(open.index)) else {
            return heard.fault(|| format!("a delta for a block that is not open: {event}"));
        };
        let fits = matches!(
            (open.kind.as_str(), kind),
            ("text", "text_delta" | "citations_delta")
                | ("thinking", "thinking_delta" | "signature_delta")
                | ("tool_use" | "server_tool_use" | "mcp_tool_use", "input_json_delta")
        );
        heard.expect(fits && !open.signed, || format!("{kind} in a block of type {}", open.kind));
        open.signed |= kind == "signature_delta";
        let tool = open.kind == "tool_use";
        let answer = heard.answer(0);
        answer.text.push_str(text(delta, "/text"));
        answer.reasoning.push_str(text(delta, "/thinking"));
        if kind == "signature_delta" {
            answer.proofs.push(text(delta, "/signature").to_owned());
        }
        cited(&delta["citation"], answer);
        if let (true, Some(call)) = (tool, answer.calls.last_mut()) {
            call.arguments.push_str(text(delta, "/partial_json"));
        }
    }

    fn block_stop(&mut self, event: &Value, heard: &mut Heard) {
        let Some(open) = self.open.take().filter(|open| event["index"].as_u64() == Some(open.index)) else {
            return heard.fault(|| format!("a block ends that is not open: {event}"));
        };
        if open.kind != "tool_use" {
            return;
        }
        if let Some(call) = heard.answer(0).calls.last_mut().filter(|call| call.arguments.is_empty()) {
            call.arguments = open.whole_input.to_string();
        }
    }

    fn message_delta(&mut self, event: &Value, heard: &mut Heard) {
        heard.expect(self.open.is_none(), || "message_delta in a block".to_owned());
        heard.expect(event["usage"]["output_tokens"].is_u64(), || format!("message_delta without usage: {event}"));
        self.usage.take(&event["usage"]);
        if let Some(reason) = event["delta"]["stop_reason"].as_str() {
            heard.expect(!self.stopped, || "two stop reasons".to_owned());
            self.stopped = true;
            let answer = heard.answer(0);
            answer.finish = Some(reason.to_owned());
            answer.refusal.push_str(text(event, "/delta/stop_details/explanation"));
        }
    }
}

pub(super) fn whole(body: &Value, heard: &mut Heard) {
    text(body, "/id").clone_into(&mut heard.id);
    text(body, "/model").clone_into(&mut heard.model);
    let shape = body["type"] == "message"
        && body["role"] == "assistant"
        && body["content"].is_array()
        && body["stop_reason"].is_string()
        && body.get("stop_sequence").is_some()
        && body["usage"]["input_tokens"].is_u64()
        && body["usage"]["output_tokens"].is_u64();
    heard.expect(shape, || format!("a message: {body}"));
    let answer = heard.answer(0);
    for block in list(body, "/content") {
        block_said(block, answer);
    }
    answer.finish = body["stop_reason"].as_str().map(str::to_owned);
    answer.refusal.push_str(text(body, "/stop_details/explanation"));
    let mut stated = Stated::default();
    stated.take(&body["usage"]);
    heard.usage = Some(stated.usage());
    heard.ended(End::Complete);
}

fn block_said(block: &Value, answer: &mut Answer) {
    match text(block, "/type") {
        "text" => {
            answer.text.push_str(text(block, "/text"));
            for citation in list(block, "/citations") {
                cited(citation, answer);
            }
        }
        "thinking" => {
            answer.reasoning.push_str(text(block, "/thinking"));
            answer.proofs.extend(Some(text(block, "/signature").to_owned()).filter(|proof| !proof.is_empty()));
        }
        "redacted_thinking" => answer.proofs.push(text(block, "/data").to_owned()),
        "tool_use" => answer.calls.push(Call {
            id: text(block, "/id").to_owned(),
            name: text(block, "/name").to_owned(),
            arguments: block["input"].to_string(),
            custom: false,
        }),
        _ => {}
    }
}

fn cited(citation: &Value, answer: &mut Answer) {
    let url = ["/url", "/source"].map(|place| text(citation, place)).into_iter().find(|url| !url.is_empty());
    answer.urls.extend(url.map(str::to_owned));
}

/// The usage as far as it has been told; a later figure counts.
#[derive(Default)]
struct Stated(serde_json::Map<String, Value>);

impl Stated {
    fn take(&mut self, usage: &Value) {
        let members = usage.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        self.0.extend(members.map(|(key, value)| (key.clone(), value.clone())));
    }

    fn usage(&self) -> Usage {
        let stated = Value::Object(self.0.clone());
        let cache_read = tokens(&stated, "/cache_read_input_tokens");
        let cache_write = tokens(&stated, "/cache_creation_input_tokens");
        let mut usage = Usage {
            input: tokens(&stated, "/input_tokens") + cache_read + cache_write,
            output: tokens(&stated, "/output_tokens"),
            cache_read,
            cache_write,
            reasoning: tokens(&stated, "/output_tokens_details/thinking_tokens"),
            estimated: false,
        };
        // What was spent beside the answer stands in its rounds alone.
        let beside = |round: &&Value| matches!(text(round, "/type"), "compaction" | "advisor_message");
        for round in list(&stated, "/iterations").iter().filter(beside) {
            let (read, written) =
                (tokens(round, "/cache_read_input_tokens"), tokens(round, "/cache_creation_input_tokens"));
            usage.input = usage.input + tokens(round, "/input_tokens") + read + written;
            usage.output += tokens(round, "/output_tokens");
            usage.cache_read += read;
            usage.cache_write += written;
        }
        usage
    }
}
