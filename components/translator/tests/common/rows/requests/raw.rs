//! What only one dialect has words for, as its clients write it.

use serde_json::json;
use weir_core::Dialect;
use weir_translator::canonical::{Part, Tool};

use super::Row;
use super::read::{collect, reasoning};
use crate::common::rows::through::PROOF;

/// The rows.
pub(super) const ROWS: &[Row] = &[
    Row {
        name: "a proof of the backend's own thoughts sent back",
        put: |_| {},
        read: |request| {
            reasoning(request, |reasoning| reasoning.signature.as_ref().map(|signature| json!(signature.value)))
        },
        raw: Some(proven),
        proof: true,
    },
    Row {
        name: "tools that run at the provider",
        put: |_| {},
        read: |request| json!(request.tools.iter().any(|tool| matches!(tool, Tool::Foreign(_)))),
        raw: Some(provider_tool),
        proof: false,
    },
    Row {
        name: "the work of such tools sent back",
        put: |_| {},
        read: |request| {
            collect(request, |part| match part {
                Part::Foreign(foreign) => Some(foreign.kind.clone()),
                _ => None,
            })
        },
        raw: Some(provider_work),
        proof: false,
    },
    Row {
        name: "a conversation that the provider stored",
        put: |_| {},
        read: |request| json!(request.unplaced.iter().any(|field| field.path == "previous_response_id")),
        raw: Some(stored),
        proof: false,
    },
    Row {
        name: "a field that nobody knows",
        put: |_| {},
        read: |request| json!(request.unplaced.iter().any(|field| field.path == "a_new_field")),
        raw: Some(unknown),
        proof: false,
    },
];

/// A turn with thoughts that a proof goes with, as clients of each dialect send it back.
fn proven(client: Dialect) -> Option<String> {
    let tool = json!({"type": "object", "properties": {}});
    let body = match client {
        Dialect::OpenaiChat => json!({
            "model": "m",
            "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "call_proof", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                ]},
                {"role": "tool", "tool_call_id": "call_proof", "content": "Sun"},
            ],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": tool}}],
        }),
        Dialect::OpenaiResponses => json!({
            "model": "m",
            "store": false,
            "input": [
                {"type": "message", "role": "user", "content": "hi"},
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": PROOF},
                {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "Sun"},
            ],
            "tools": [{"type": "function", "name": "f", "parameters": tool, "strict": false}],
        }),
        _ => json!({
            "model": "m",
            "max_tokens": 64,
            "messages": [
                {"role": "user", "content": "hi"},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": PROOF},
                    {"type": "tool_use", "id": "call_1", "name": "f", "input": {}},
                ]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "Sun"}]},
            ],
            "tools": [{"name": "f", "input_schema": tool}],
        }),
    };
    Some(body.to_string())
}

/// A tool that the client's own provider runs, and that others do not have.
fn provider_tool(client: Dialect) -> Option<String> {
    let mut body = weir_translator::fuzz::least(client);
    body["tools"] = match client {
        Dialect::OpenaiResponses => json!([{"type": "code_interpreter", "container": {"type": "auto"}}]),
        Dialect::AnthropicMessages => json!([{"type": "code_execution_20250825", "name": "code_execution"}]),
        _ => return None,
    };
    Some(body.to_string())
}

/// An answer in which such a tool worked, sent back.
fn provider_work(client: Dialect) -> Option<String> {
    let mut body = weir_translator::fuzz::least(client);
    match client {
        Dialect::OpenaiResponses => {
            let work = json!({"type": "code_interpreter_call", "id": "ci_1", "status": "completed", "code": "1",
                "container_id": "c", "outputs": null});
            body["input"] = json!([{"role": "user", "content": "hi"}, work, {"role": "user", "content": "go on"}]);
        }
        Dialect::AnthropicMessages => {
            let work = json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "code_execution", "input": {}});
            let said = json!([work, {"type": "text", "text": "One."}]);
            let messages = body["messages"].as_array_mut().unwrap();
            messages.push(json!({"role": "assistant", "content": said}));
            messages.push(json!({"role": "user", "content": "go on"}));
        }
        _ => return None,
    }
    Some(body.to_string())
}

/// A request that goes on with an answer that was stored.
fn stored(client: Dialect) -> Option<String> {
    let mut body = weir_translator::fuzz::least(client);
    body["previous_response_id"] = json!("resp_1");
    (client == Dialect::OpenaiResponses).then(|| body.to_string())
}

/// The least request, with a member that nobody knows.
fn unknown(client: Dialect) -> Option<String> {
    let mut body = weir_translator::fuzz::least(client);
    body["a_new_field"] = json!({"a": 1});
    Some(body.to_string())
}
