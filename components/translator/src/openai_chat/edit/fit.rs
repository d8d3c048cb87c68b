//! What a server refuses of a request in its own dialect, put into its words or left out by name.

use serde_json::{Map, Value, json};
use weir_core::GatewayError;
use weir_core::config::{MaxTokens, Quirks};
use weir_core::json::Object;

use super::{messages, tools};
use crate::unsupported::Unsupported;

/// Changes what the server's quirks say of chat completions. A member that they do not speak of, or that is not
/// there, stays as it was written.
///
/// # Errors
/// `Unsupported`, naming the field, for what the server cannot have, unless it is to be dropped.
pub fn fit(body: &mut Object, quirks: &Quirks, unsupported: &mut Unsupported) -> Result<(), GatewayError> {
    rename_cap(body, quirks.max_tokens);
    leave_out(body, quirks, unsupported)?;
    seed(body, quirks, unsupported)?;
    temperature(body, quirks, unsupported)?;
    stop(body, quirks, unsupported)?;
    response_format(body, quirks, unsupported)?;
    tools::fit(body, quirks, unsupported)?;
    messages::fit(body, quirks, unsupported)
}

/// Whether the body has a member, and more than null.
pub(super) fn says(body: &Object, key: &str) -> bool {
    body.raw(key).is_some_and(|raw| raw.get() != "null")
}

fn rename(body: &mut Object, from: &str, to: &str) {
    if let Some(raw) = body.raw(from).map(ToOwned::to_owned) {
        body.set(to, &raw);
        body.remove(from);
    }
}

fn rename_cap(body: &mut Object, known: MaxTokens) {
    let other = match known {
        MaxTokens::MaxTokens => MaxTokens::MaxCompletionTokens,
        MaxTokens::MaxCompletionTokens => MaxTokens::MaxTokens,
    };
    let (known, other) = (known.name(), other.name());
    if says(body, known) {
        body.remove(other);
    } else if says(body, other) {
        rename(body, other, known);
    }
}

/// What becomes of a member that the server does not know.
enum Left {
    /// It is refused or dropped by name, but for these values, which say nothing.
    Refused(&'static [&'static str], &'static str),
    /// It is dropped by name: no answer is another for it.
    Noted,
    /// It is dropped: what it asks for comes about anyhow.
    Silent,
}

fn leave_out(body: &mut Object, quirks: &Quirks, unsupported: &mut Unsupported) -> Result<(), GatewayError> {
    use Left::{Noted, Refused, Silent};
    let chosen = "the backend does not let it be chosen";
    let members = [
        ("stream_options", quirks.stream_options, Silent),
        ("reasoning_effort", quirks.reasoning_effort, Refused(&[], chosen)),
        ("parallel_tool_calls", quirks.parallel_tool_calls, Refused(&["true"], chosen)),
        ("top_k", quirks.top_k, Refused(&[], "use `top_p`")),
        ("n", quirks.n, Refused(&["1"], "ask once for each answer")),
        ("logprobs", quirks.logprobs, Refused(&["false"], "")),
        ("top_logprobs", quirks.logprobs, Refused(&["0"], "")),
        ("logit_bias", quirks.logprobs, Refused(&["{}"], "")),
        ("presence_penalty", quirks.penalties, Refused(&["0", "0.0"], "leave it out, or set it to 0")),
        ("frequency_penalty", quirks.penalties, Refused(&["0", "0.0"], "leave it out, or set it to 0")),
        ("user", quirks.user, Refused(&["\"\""], "")),
        ("safety_identifier", quirks.user, Refused(&["\"\""], "")),
        ("metadata", quirks.metadata, Refused(&["{}"], "")),
        ("service_tier", quirks.service_tier, Refused(&["\"auto\"", "\"default\""], "")),
        ("verbosity", quirks.verbosity, Refused(&["\"medium\""], "")),
        ("web_search_options", quirks.web_search, Refused(&[], "the backend does not search the web")),
        ("prompt_cache_key", quirks.prompt_cache_key, Noted),
        ("prompt_cache_retention", quirks.prompt_cache_key, Noted),
        ("prompt_cache_options", quirks.prompt_cache_key, Noted),
    ];
    for (key, _, left) in members.into_iter().filter(|(_, known, _)| !known) {
        let Some(raw) = body.raw(key).map(|raw| raw.get()) else {
            continue;
        };
        match left {
            Silent => {}
            _ if raw == "null" => {}
            Noted => unsupported.note(key),
            Refused(neutral, _) if neutral.contains(&raw) => {}
            Refused(_, mend) => unsupported.field(key, mend)?,
        }
        body.remove(key);
    }
    Ok(())
}

fn seed(body: &mut Object, quirks: &Quirks, unsupported: &mut Unsupported) -> Result<(), GatewayError> {
    match quirks.seed.name() {
        Some("seed") => {}
        Some(name) => rename(body, "seed", name),
        None if says(body, "seed") => {
            unsupported.field("seed", "")?;
            body.remove("seed");
        }
        None => {}
    }
    Ok(())
}

fn temperature(body: &mut Object, quirks: &Quirks, unsupported: &mut Unsupported) -> Result<(), GatewayError> {
    let most = quirks.max_temperature;
    if body.read::<f64>("temperature").ok().flatten().is_some_and(|temperature| temperature > most) {
        unsupported.field("temperature", &format!("it goes up to {most} there"))?;
        body.set("temperature", &most);
    }
    Ok(())
}

fn stop(body: &mut Object, quirks: &Quirks, unsupported: &mut Unsupported) -> Result<(), GatewayError> {
    let most = quirks.max_stop as usize;
    let mut stop = match body.read::<Value>("stop").ok().flatten() {
        Some(Value::Array(list)) => list,
        Some(one @ Value::String(_)) => vec![one],
        _ => return Ok(()),
    };
    if stop.len() <= most {
        return Ok(());
    }
    unsupported.field("stop", &format!("the backend takes at most {most} of them"))?;
    stop.truncate(most);
    if stop.is_empty() {
        body.remove("stop");
    } else {
        body.set("stop", &stop);
    }
    Ok(())
}

fn response_format(body: &mut Object, quirks: &Quirks, unsupported: &mut Unsupported) -> Result<(), GatewayError> {
    if quirks.json_schema && quirks.json_object {
        return Ok(());
    }
    let Some(format) = body.read::<Map<String, Value>>("response_format").ok().flatten() else {
        return Ok(());
    };
    let is = |kind: &str| format.get("type") == Some(&json!(kind));
    let mend = if is("json_schema") && !quirks.json_schema {
        "the backend takes no schema: put it into the prompt"
    } else if is("json_object") && !quirks.json_object {
        "ask for JSON in words"
    } else {
        return Ok(());
    };
    unsupported.field("response_format", mend)?;
    body.remove("response_format");
    Ok(())
}

#[cfg(test)]
mod tests {
    use weir_core::config::{CallId, ReasoningField, SeedField};
    use weir_core::plan::OnUnsupported;
    use weir_core::{Dialect, ErrorKind};

    use super::*;

    fn fitted(body: &str, quirks: &Quirks, policy: OnUnsupported) -> Result<(String, Vec<String>), GatewayError> {
        let mut object = Object::parse(body.as_bytes(), 64).unwrap();
        let mut unsupported = Unsupported::new(policy, Dialect::OpenaiChat, Dialect::OpenaiChat);
        fit(&mut object, quirks, &mut unsupported)?;
        Ok((String::from_utf8(object.to_bytes()).unwrap(), unsupported.into_dropped()))
    }

    #[test]
    fn what_the_quirks_do_not_speak_of_stays_as_it_was_written() {
        let body = r#"{"max_completion_tokens":1e1,"temperature":2.0,"n":  2,"messages":[ {"role":"developer","content":"\u0061"} ],"stop":["a"],"x":{"max_tokens":1}}"#;
        let whole = body.replace(":  2", ":2");
        assert_eq!(fitted(body, &Quirks::default(), OnUnsupported::Reject), Ok((whole, vec![])));
    }

    #[test]
    fn members_are_put_into_the_servers_words() {
        let quirks = Quirks {
            max_tokens: MaxTokens::MaxTokens,
            developer_role: false,
            stream_options: false,
            seed: SeedField::RandomSeed,
            tool_choice_any: true,
            call_id: CallId::Any,
            reasoning: ReasoningField::Reasoning,
            ..Quirks::default()
        };
        let body = r#"{"max_completion_tokens":7,"seed":1,"stream_options":{"include_usage":true},"tool_choice":"required","messages":[{"role":"developer","content":"\u0061"},{"role":"assistant","content":null,"reasoning_content":"h\u006d"}]}"#;
        let fitted = fitted(body, &quirks, OnUnsupported::Reject).unwrap();
        let out = r#"{"tool_choice":"any","messages":[{"role":"system","content":"\u0061"},{"role":"assistant","content":null,"reasoning":"h\u006d"}],"max_tokens":7,"random_seed":1}"#;
        assert_eq!(fitted, (out.to_owned(), vec![]));
    }

    #[test]
    fn what_a_server_refuses_is_refused_by_name_or_named_when_dropped() {
        let quirks = Quirks {
            logprobs: false,
            user: false,
            penalties: false,
            json_schema: false,
            strict: false,
            images: false,
            prompt_cache_key: false,
            n: false,
            max_stop: 0,
            max_temperature: 1.0,
            seed: SeedField::None,
            ..Quirks::default()
        };
        let tool = r#"{"type":"function","function":{"name":"f","strict":true}}"#;
        let content = r#"[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"u"}}]"#;
        let members = [
            ("logprobs", "true", None),
            ("logit_bias", r#"{"1":2}"#, None),
            ("user", "\"u\"", None),
            ("presence_penalty", "0.5", None),
            ("response_format", r#"{"type":"json_schema","json_schema":{}}"#, None),
            ("n", "2", None),
            ("stop", "\"x\"", None),
            ("temperature", "1.5", Some("1.0")),
            ("seed", "1", None),
            ("top_k", "1", None),
        ];
        for (key, value, left) in members {
            let body = format!("{{\"model\":\"m\",\"{key}\":{value}}}");
            let error = fitted(&body, &quirks, OnUnsupported::Reject).unwrap_err();
            assert_eq!((error.kind(), error.param()), (ErrorKind::Unsupported, Some(key)));
            let left = left.map_or_else(String::new, |value| format!(",\"{key}\":{value}"));
            let expected = (format!("{{\"model\":\"m\"{left}}}"), vec![key.to_owned()]);
            assert_eq!(fitted(&body, &quirks, OnUnsupported::Drop), Ok(expected));
        }
        let nested = format!(r#"{{"tools":[{tool}],"messages":[{{"role":"user","content":{content}}}]}}"#);
        let error = fitted(&nested, &quirks, OnUnsupported::Reject).unwrap_err();
        assert_eq!(error.param(), Some("tools[0].function.strict"));
        let (out, dropped) = fitted(&nested, &quirks, OnUnsupported::Drop).unwrap();
        assert_eq!(
            out,
            r#"{"tools":[{"type":"function","function":{"name":"f"}}],"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}"#
        );
        assert_eq!(dropped, ["tools[0].function.strict", "messages[0].content[1]"]);
        let neutral = r#"{"logprobs":false,"n":1,"user":"","prompt_cache_key":"k","presence_penalty":0,"seed":null}"#;
        let expected = (r#"{"seed":null}"#.to_owned(), vec!["prompt_cache_key".to_owned()]);
        assert_eq!(fitted(neutral, &quirks, OnUnsupported::Reject), Ok(expected));
    }

    #[test]
    fn proofs_are_cut_off_ids_and_ids_are_as_the_server_takes_them() {
        let body = |call: &str, result: &str| {
            format!(
                r#"{{"messages":[{{"role":"assistant","tool_calls":[{{"id":"{call}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}]}},{{"role":"tool","tool_call_id":"{result}","content":"a"}}]}}"#
            )
        };
        let carried = "toolu_1~weir1.anthropic-messages.c2FiYw";
        let (out, dropped) = fitted(&body(carried, carried), &Quirks::default(), OnUnsupported::Reject).unwrap();
        assert_eq!((out, dropped), (body("toolu_1", "toolu_1"), vec!["messages[0].tool_calls[0].id".to_owned()]));
        let nine = Quirks { call_id: CallId::Nine, ..Quirks::default() };
        let (out, dropped) = fitted(&body(carried, "toolu_1"), &nine, OnUnsupported::Reject).unwrap();
        let id = crate::openai_chat::backend::call_id("toolu_1", CallId::Nine).into_owned();
        assert_eq!((out, dropped.len()), (body(&id, &id), 1));
        let fine = body("abcdefgh1", "abcdefgh1");
        assert_eq!(fitted(&fine, &nine, OnUnsupported::Reject), Ok((fine, vec![])));
    }
}
