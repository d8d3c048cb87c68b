//! Which tools an answer calls. A simulator understands nothing, so it goes by plain rules that a test can rely on:
//!
//! - `tool_choice` names a tool: that one. `required`: those that the last user message mentions, or else the first.
//! - `auto`: those that the last user message mentions by name (`get_weather` or "get weather"), or the first when it says
//!   "use the tool". Otherwise none.
//! - `none`, or after a tool's result: none.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::ApiError;

/// A tool as the request declares it.
#[derive(Clone, Debug, Deserialize)]
pub struct ToolSpec {
    /// Always `function`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What can be called.
    pub function: FunctionSpec,
}

/// A function that may be called.
#[derive(Clone, Debug, Deserialize)]
pub struct FunctionSpec {
    /// Its name.
    pub name: String,
    /// The JSON schema of its arguments.
    #[serde(default)]
    pub parameters: Option<Value>,
}

/// The request's `tool_choice`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum ToolChoice {
    /// `auto`, `required` or `none`.
    Mode(String),
    /// One by name.
    Named {
        /// Always `function`.
        #[serde(rename = "type")]
        kind: String,
        /// Which.
        function: FunctionName,
    },
}

/// A function's name, where nothing else is told.
#[derive(Clone, Debug, Deserialize)]
pub struct FunctionName {
    /// The name.
    pub name: String,
}

/// A tool that is called.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolUse {
    /// Its name.
    pub name: String,
    /// The schema that its arguments keep to.
    pub parameters: Value,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Answer in words.
    Answer,
    /// Call these.
    Call(Vec<ToolUse>),
    /// Call the one that was asked for by name.
    Forced(ToolUse),
}

/// Decides by the rules above. `after_result`: the conversation ends with a tool's result.
///
/// # Errors
/// 400 where the declarations or the choice make no sense.
pub fn decide(
    tools: &[ToolSpec],
    choice: Option<&ToolChoice>,
    message: &str,
    after_result: bool,
    parallel: bool,
) -> Result<Decision, ApiError> {
    check(tools, choice)?;
    let mode = match choice {
        Some(ToolChoice::Named { function, .. }) => {
            let found = tools.iter().find(|tool| tool.function.name == function.name);
            let Some(tool) = found else {
                let message = format!("tool_choice names `{}`, which is not among the tools", function.name);
                return Err(ApiError::field("tool_choice", message));
            };
            return Ok(Decision::Forced(use_of(tool)));
        }
        Some(ToolChoice::Mode(mode)) => mode.as_str(),
        None => "auto",
    };
    if tools.is_empty() || mode == "none" || mode == "auto" && after_result {
        return Ok(Decision::Answer);
    }
    let mut called: Vec<ToolUse> =
        tools.iter().filter(|tool| mentions(message, &tool.function.name)).map(use_of).collect();
    if called.is_empty() && (mode == "required" || message.to_lowercase().contains("use the tool")) {
        called.extend(tools.first().map(use_of));
    }
    if !parallel {
        called.truncate(1);
    }
    Ok(if called.is_empty() { Decision::Answer } else { Decision::Call(called) })
}

fn check(tools: &[ToolSpec], choice: Option<&ToolChoice>) -> Result<(), ApiError> {
    for (index, tool) in tools.iter().enumerate() {
        if tool.kind != "function" {
            let message = format!("tools[{index}] has the type `{}`; there is only `function`", tool.kind);
            return Err(ApiError::field(&format!("tools[{index}].type"), message));
        }
        let name = &tool.function.name;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)) {
            return Err(ApiError::field(
                &format!("tools[{index}].function.name"),
                format!("`{name}` is no name for a function"),
            ));
        }
    }
    let (empty, mode) = match choice {
        None => return Ok(()),
        Some(ToolChoice::Mode(mode)) => (mode == "none" || mode == "auto", mode.as_str()),
        Some(ToolChoice::Named { kind, .. }) if kind == "function" => (false, "required"),
        Some(ToolChoice::Named { kind, .. }) => (false, kind.as_str()),
    };
    if !["auto", "required", "none"].contains(&mode) {
        return Err(ApiError::field("tool_choice", format!("`{mode}` is none of auto, required, none and function")));
    }
    if tools.is_empty() && !empty {
        return Err(ApiError::field("tool_choice", "When using `tool_choice`, `tools` must be set."));
    }
    Ok(())
}

fn use_of(tool: &ToolSpec) -> ToolUse {
    let parameters = tool.function.parameters.clone().filter(Value::is_object);
    ToolUse { name: tool.function.name.clone(), parameters: parameters.unwrap_or_else(|| json!({"type": "object"})) }
}

/// Whether `message` has `name` in it as a word of its own, with spaces for underscores if it likes.
fn mentions(message: &str, name: &str) -> bool {
    let message = message.to_lowercase();
    let name = name.to_lowercase();
    [name.clone(), name.replace(['_', '-'], " ")].iter().any(|name| {
        message.match_indices(name.as_str()).any(|(at, found)| {
            let part_of_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            !part_of_word(message[..at].chars().next_back())
                && !part_of_word(message[at + found.len()..].chars().next())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(names: &[&str]) -> Vec<ToolSpec> {
        let function = |name: &&str| FunctionSpec { name: (*name).to_owned(), parameters: None };
        names.iter().map(|name| ToolSpec { kind: "function".into(), function: function(name) }).collect()
    }

    fn choice(value: Value) -> Option<ToolChoice> {
        Some(serde_json::from_value(value).unwrap())
    }

    fn called(message: &str, mode: &str, after: bool, parallel: bool) -> Vec<String> {
        let tools = tools(&["get_weather", "get_time"]);
        match decide(&tools, choice(json!(mode)).as_ref(), message, after, parallel).unwrap() {
            Decision::Call(uses) => uses.into_iter().map(|tool| tool.name).collect(),
            Decision::Answer => Vec::new(),
            Decision::Forced(_) => unreachable!("nothing was forced"),
        }
    }

    #[test]
    fn a_tool_is_called_when_it_is_mentioned() {
        assert_eq!(called("please get weather in Oslo", "auto", false, true), ["get_weather"]);
        assert_eq!(called("GET_TIME and get_weather", "auto", false, true), ["get_weather", "get_time"]);
        assert_eq!(called("GET_TIME and get_weather", "auto", false, false), ["get_weather"]);
        assert_eq!(called("Use the tool, please", "auto", false, true), ["get_weather"]);
        assert!(called("budget_times and forget_weather", "auto", false, true).is_empty());
        assert!(called("hello", "auto", false, true).is_empty());
    }

    #[test]
    fn the_choice_is_obeyed() {
        assert_eq!(called("hello", "required", false, true), ["get_weather"]);
        assert!(called("get_weather", "none", false, true).is_empty());
        assert!(called("get_weather", "auto", true, true).is_empty(), "a result is answered in words");
        let named = choice(json!({"type": "function", "function": {"name": "get_time"}}));
        let forced = decide(&tools(&["get_weather", "get_time"]), named.as_ref(), "hi", false, true).unwrap();
        assert!(matches!(forced, Decision::Forced(tool) if tool.name == "get_time"));
    }

    #[test]
    fn nonsense_is_refused_with_its_field() {
        let refused = |tools: &[ToolSpec], choice: Option<ToolChoice>| {
            decide(tools, choice.as_ref(), "", false, true).unwrap_err()
        };
        let named = choice(json!({"type": "function", "function": {"name": "nope"}}));
        assert_eq!(refused(&tools(&["a"]), named).param.as_deref(), Some("tool_choice"));
        assert_eq!(refused(&[], choice(json!("required"))).param.as_deref(), Some("tool_choice"));
        assert_eq!(refused(&tools(&["a"]), choice(json!("maybe"))).param.as_deref(), Some("tool_choice"));
        assert_eq!(refused(&tools(&["a b"]), None).param.as_deref(), Some("tools[0].function.name"));
    }
}
