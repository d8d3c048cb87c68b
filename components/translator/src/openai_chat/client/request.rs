//! Chat completions requests, read into the canonical conversation.

use serde_json::{Value, json};
use weir_core::GatewayError;
use weir_core::Tokens;
use weir_core::json::Object;

use super::content;
use crate::canonical::{
    Effort, Function, Message, Part, Reasoning, Request, ResponseFormat, Role, Sampling, Tool, ToolCall, ToolChoice,
    ToolResult, Unplaced,
};
use crate::fields::{Fields, missing, wrong};

/// Reads a request. Members that mean something and have no place in the canonical request are listed in
/// [`Request::unplaced`]; those whose value says nothing (`"n": 1`, `"store": false`, nulls) are not.
///
/// # Errors
/// `InvalidRequest`, naming the field, for what is not of its type.
pub fn decode_request(body: &Object) -> Result<Request, GatewayError> {
    let mut fields = Fields::of_body(body)?;
    let mut request = Request { model: fields.text("model")?.unwrap_or_default(), ..Request::default() };
    let unplaced = &mut request.unplaced;
    let messages = fields.list("messages")?;
    if messages.is_empty() {
        return Err(missing("messages"));
    }
    for (index, value) in messages.into_iter().enumerate() {
        request.messages.push(message(format!("messages[{index}]"), value, unplaced)?);
    }
    for (index, value) in fields.list("tools")?.into_iter().enumerate() {
        request.tools.extend(tool(format!("tools[{index}]"), value, unplaced)?);
    }
    request.tool_choice = tool_choice(&mut fields, unplaced)?;
    request.parallel_tool_calls = fields.flag("parallel_tool_calls")?;
    request.response_format = response_format(&mut fields, unplaced)?;
    request.sampling = sampling(&mut fields)?;
    request.stop = stop(&mut fields)?;
    request.max_output = fields.whole::<u64>("max_tokens")?.map(Tokens);
    request.max_output = fields.whole::<u64>("max_completion_tokens")?.map(Tokens).or(request.max_output);
    request.thinking.effort = effort(&mut fields, unplaced)?;
    request.stream = fields.flag("stream")?.unwrap_or(false);
    if let Some(mut options) = fields.object("stream_options")? {
        request.include_usage = options.flag("include_usage")?.unwrap_or(false);
        // Whether chunks are padded against eavesdroppers; ours never are.
        options.flag("include_obfuscation")?;
        options.rest(unplaced);
    }
    request.user = fields.text("safety_identifier")?;
    request.user = fields.text("user")?.or(request.user.take());
    request.metadata = metadata(&mut fields)?;
    request.candidates = fields.whole("n")?;
    let top = fields.whole::<u32>("top_logprobs")?;
    request.logprobs = fields.flag("logprobs")?.unwrap_or(false).then(|| top.unwrap_or(0));
    for (key, neutral) in neutral_values() {
        fields.ignore(key, &neutral);
    }
    fields.rest(&mut request.unplaced);
    Ok(request)
}

/// Values that ask for what every backend does anyway.
fn neutral_values() -> [(&'static str, Vec<Value>); 6] {
    [
        ("store", vec![json!(false)]),
        ("service_tier", vec![json!("auto"), json!("default")]),
        ("logit_bias", vec![json!({})]),
        ("modalities", vec![json!(["text"])]),
        ("verbosity", vec![json!("medium")]),
        ("metadata", vec![json!({})]),
    ]
}

fn message(path: String, value: Value, unplaced: &mut Vec<Unplaced>) -> Result<Message, GatewayError> {
    let mut fields = Fields::of(path, value)?;
    let role = fields.need_text("role")?;
    let message = match role.as_str() {
        "system" => plain(Role::System, &mut fields, unplaced)?,
        "developer" => plain(Role::Developer, &mut fields, unplaced)?,
        "user" => plain(Role::User, &mut fields, unplaced)?,
        "assistant" => assistant(&mut fields, unplaced)?,
        "tool" => {
            let at = fields.path().to_owned();
            let id = fields.need_text("tool_call_id")?;
            let name = fields.text("name")?;
            let parts = content::parts(&mut fields, unplaced)?;
            let result = ToolResult { id, name, parts, ..ToolResult::default() };
            Message::new(Role::Tool, vec![Part::ToolResult(result)], at)
        }
        _ => {
            let expected = "`system`, `developer`, `user`, `assistant` or `tool`";
            return Err(wrong(&fields.path_of("role"), expected, &Value::String(role)));
        }
    };
    fields.rest(unplaced);
    Ok(message)
}

fn plain(role: Role, fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Message, GatewayError> {
    let at = fields.path().to_owned();
    Ok(Message::new(role, content::parts(fields, unplaced)?, at))
}

fn assistant(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Message, GatewayError> {
    let mut parts = Vec::new();
    // Two customs for the same thing; whoever sends both says it twice.
    let thoughts = fields.text("reasoning_content")?;
    if let Some(text) = fields.text("reasoning")?.or(thoughts).filter(|text| !text.is_empty()) {
        parts.push(Part::Reasoning(Reasoning { text, ..Reasoning::default() }));
    }
    parts.extend(content::parts(fields, unplaced)?);
    parts.extend(fields.text("refusal")?.map(Part::Refusal));
    // What an answer had beside its words; clients send it back as it came.
    fields.ignore("annotations", &[json!([])]);
    fields.ignore("tool_calls", &[json!([])]);
    let base = fields.path_of("tool_calls");
    for (index, value) in fields.list("tool_calls")?.into_iter().enumerate() {
        let mut call = Fields::of(format!("{base}[{index}]"), value)?;
        let id = call.need_text("id")?;
        match call.text("type")?.as_deref() {
            None | Some("function") => {}
            Some(_) => {
                unplaced.push(Unplaced::new(call.path_of("type")));
                continue;
            }
        }
        // The index belongs to streams; some clients send it back.
        call.take("index");
        let mut function = call.object("function")?.ok_or_else(|| missing(&call.path_of("function")))?;
        let name = function.need_text("name")?;
        let arguments = function.text("arguments")?.unwrap_or_default();
        parts.push(Part::ToolCall(ToolCall { id, name, arguments, ..ToolCall::default() }));
        function.rest(unplaced);
        call.rest(unplaced);
    }
    Ok(Message::new(Role::Assistant, parts, fields.path()))
}

fn tool(path: String, value: Value, unplaced: &mut Vec<Unplaced>) -> Result<Option<Tool>, GatewayError> {
    let mut fields = Fields::of(path.clone(), value)?;
    // Mistral's clients leave the type out.
    if fields.text("type")?.is_some_and(|kind| kind != "function") {
        // Custom grammars and tools that run at one provider.
        unplaced.push(Unplaced::new(path));
        return Ok(None);
    }
    let mut function = fields.object("function")?.ok_or_else(|| missing(&fields.path_of("function")))?;
    let tool = Function {
        name: function.need_text("name")?,
        description: function.text("description")?,
        parameters: function.take("parameters"),
        strict: function.flag("strict")?,
        ..Function::default()
    };
    function.rest(unplaced);
    fields.rest(unplaced);
    Ok(Some(Tool::Function(tool)))
}

fn tool_choice(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Option<ToolChoice>, GatewayError> {
    let Some(value) = fields.take("tool_choice") else {
        return Ok(None);
    };
    match value.as_str() {
        Some("auto") => return Ok(Some(ToolChoice::Auto)),
        Some("none") => return Ok(Some(ToolChoice::None)),
        Some("required" | "any") => return Ok(Some(ToolChoice::Any)),
        Some(_) => return Err(wrong("tool_choice", "`auto`, `none`, `required` or an object", &value)),
        None => {}
    }
    let mut choice = Fields::of("tool_choice".to_owned(), value)?;
    // So do those of some others.
    if choice.text("type")?.is_some_and(|kind| kind != "function") {
        unplaced.push(Unplaced::new("tool_choice"));
        return Ok(None);
    }
    let mut function = choice.object("function")?.ok_or_else(|| missing("tool_choice.function"))?;
    let name = function.need_text("name")?;
    function.rest(unplaced);
    choice.rest(unplaced);
    Ok(Some(ToolChoice::Tool(name)))
}

fn response_format(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<ResponseFormat, GatewayError> {
    let Some(mut format) = fields.object("response_format")? else {
        return Ok(ResponseFormat::Text);
    };
    let read = match format.need_text("type")?.as_str() {
        "text" => ResponseFormat::Text,
        "json_object" => ResponseFormat::JsonObject,
        "json_schema" => {
            let path = format.path_of("json_schema");
            let mut schema = format.object("json_schema")?.ok_or_else(|| missing(&path))?;
            // For the model to read; a schema has descriptions of its own.
            schema.text("description")?;
            let read = ResponseFormat::JsonSchema {
                name: schema.text("name")?,
                schema: schema.take("schema").unwrap_or_else(|| json!({})),
                strict: schema.flag("strict")?,
            };
            schema.rest(unplaced);
            read
        }
        _ => {
            unplaced.push(Unplaced::new(format.path_of("type")));
            ResponseFormat::Text
        }
    };
    format.rest(unplaced);
    Ok(read)
}

fn sampling(fields: &mut Fields) -> Result<Sampling, GatewayError> {
    Ok(Sampling {
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.whole("top_k")?,
        frequency_penalty: fields.number("frequency_penalty")?,
        presence_penalty: fields.number("presence_penalty")?,
        seed: fields.whole("seed")?,
    })
}

fn stop(fields: &mut Fields) -> Result<Vec<String>, GatewayError> {
    match fields.take("stop") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(list)) => {
            let text = |(index, value)| match value {
                Value::String(text) => Ok(text),
                other => Err(wrong(&format!("stop[{index}]"), "a string", &other)),
            };
            list.into_iter().enumerate().map(text).collect()
        }
        Some(other) => Err(wrong("stop", "a string or a list of strings", &other)),
    }
}

fn effort(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Option<Effort>, GatewayError> {
    let Some(text) = fields.text("reasoning_effort")? else {
        return Ok(None);
    };
    let effort = Effort::named(&text);
    // `default` is Groq's word for leaving it to the model.
    if effort.is_none() && text != "default" {
        unplaced.push(Unplaced::new("reasoning_effort"));
    }
    Ok(effort)
}

fn metadata(fields: &mut Fields) -> Result<Vec<(String, String)>, GatewayError> {
    let text = |(key, value): (String, Value)| match value {
        Value::String(text) => Ok((key, text)),
        other => Err(wrong(&format!("metadata.{key}"), "a string", &other)),
    };
    match fields.take("metadata") {
        None => Ok(Vec::new()),
        Some(Value::Object(members)) => members.into_iter().map(text).collect(),
        Some(other) => Err(wrong("metadata", "an object", &other)),
    }
}
