//! Tools under names and in kinds that the target can have, and back again in its answer.
//!
//! Names: most backends take letters, digits, `_` and `-`, OpenAI's up to 64 of them, Anthropic's 128; agents join the
//! names of servers and tools and come out longer. Kinds: a custom tool, which takes any text, becomes a function of one
//! string where the target has none. Namespaces: a tool in one has the two names joined. The model's calls are turned
//! back on their way to the client.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::canonical::{Event, Function, Loading, Part, Request, Response, Tool, ToolChoice};

pub mod namespace;
mod unpack;

use unpack::Unpack;

/// What tools of a target may look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolRules {
    /// How long a name may be, in characters.
    pub name: usize,
    /// Whether there are custom tools.
    pub custom: bool,
}

/// What was changed of a request's tools.
#[derive(Clone, Debug, Default)]
pub struct ToolNames {
    /// The names that were given out, and those that the client knows.
    renamed: BTreeMap<String, String>,
    /// The client's names of the custom tools that became functions, and the input of each call that is being streamed.
    custom: Vec<String>,
    streaming: BTreeMap<(u32, u32), Unpack>,
}

/// The name of the one member of a custom tool's object.
const INPUT: &str = "input";

impl ToolNames {
    /// Changes what the target cannot have of a request's tools, of the calls in its conversation and of its choice.
    #[must_use]
    pub fn adapt(request: &mut Request, rules: ToolRules) -> Self {
        let mut names = Self::default();
        leave_out_deferred(&mut request.tools);
        describe_namespaces(request);
        for tool in &mut request.tools {
            let replaced = match tool {
                Tool::Custom(custom) if !rules.custom => {
                    names.custom.push(custom.name.clone());
                    Tool::Function(as_function(std::mem::take(custom)))
                }
                _ => continue,
            };
            *tool = replaced;
        }
        let taken: Vec<String> = request.tools.iter().filter_map(Tool::name).map(str::to_owned).collect();
        let free = |name: &String| allowed(name, rules.name).is_none() && !taken.contains(name);
        let mut rename = |name: &mut String| {
            let flat = namespace::flat(name).filter(free);
            if let Some(new) = flat.or_else(|| allowed(name, rules.name)) {
                names.renamed.insert(new.clone(), std::mem::replace(name, new));
            }
        };
        for tool in &mut request.tools {
            match tool {
                Tool::Function(function) => rename(&mut function.name),
                Tool::Custom(custom) => rename(&mut custom.name),
                Tool::WebSearch(_) | Tool::Foreign(_) => {}
            }
        }
        match &mut request.tool_choice {
            Some(ToolChoice::Tool(name)) => rename(name),
            Some(ToolChoice::Allowed { names, .. }) => names.iter_mut().for_each(&mut rename),
            _ => {}
        }
        for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
            match part {
                Part::ToolCall(call) => {
                    rename(&mut call.name);
                    if call.custom && !rules.custom {
                        call.custom = false;
                        call.arguments = json!({ INPUT: call.arguments }).to_string();
                    }
                }
                Part::ToolResult(result) => {
                    result.custom &= rules.custom;
                    result.name.iter_mut().for_each(&mut rename);
                }
                _ => {}
            }
        }
        names
    }

    /// Gives the calls of an answer the names and the kinds that the client knows.
    pub fn restore(&self, response: &mut Response) {
        for part in response.candidates.iter_mut().flat_map(|candidate| &mut candidate.parts) {
            let Part::ToolCall(call) = part else { continue };
            if let Some(name) = self.renamed.get(&call.name) {
                call.name.clone_from(name);
            }
            if self.custom.contains(&call.name) {
                call.custom = true;
                if let Some(input) = input_of(&call.arguments) {
                    call.arguments = input;
                }
            }
        }
    }

    /// The same for an event of a stream. Says whether nothing of it is left.
    pub fn restore_event(&mut self, event: &mut Event) -> bool {
        if self.renamed.is_empty() && self.custom.is_empty() {
            return false;
        }
        match event {
            Event::ToolStart { candidate, tool, name, custom, .. } => {
                if let Some(known) = self.renamed.get(name) {
                    name.clone_from(known);
                }
                if self.custom.contains(name) {
                    *custom = true;
                    self.streaming.insert((*candidate, *tool), Unpack::default());
                }
                false
            }
            Event::ToolArguments { candidate, tool, json } => {
                let Some(unpack) = self.streaming.get_mut(&(*candidate, *tool)) else {
                    return false;
                };
                *json = unpack.feed(json);
                json.is_empty()
            }
            Event::ToolEnd { candidate, tool } => {
                self.streaming.remove(&(*candidate, *tool));
                false
            }
            _ => false,
        }
    }
}

/// Leaves out the functions that the model is not to see yet, and has it see all others from the start: what names a
/// tool in one dialect's conversation names nothing in another's. Where the provider itself searches for tools, which
/// no other can do, the model would never come to see them: then all are offered.
fn leave_out_deferred(tools: &mut Vec<Tool>) {
    let is_search = |tool: &Tool| matches!(tool, Tool::Foreign(foreign) if foreign.kind.starts_with("tool_search"));
    let searches = tools.iter().any(is_search);
    tools.retain_mut(|tool| {
        let Tool::Function(function) = tool else {
            return true;
        };
        std::mem::take(&mut function.loading) != Loading::Deferred || searches
    });
}

/// Tells of each tool what its namespace is for, since the target has no other place for it.
fn describe_namespaces(request: &mut Request) {
    let namespaces: BTreeMap<String, String> = request.namespaces.drain(..).collect();
    for tool in &mut request.tools {
        let (name, description) = match tool {
            Tool::Function(function) => (&function.name, &mut function.description),
            Tool::Custom(custom) => (&custom.name, &mut custom.description),
            Tool::WebSearch(_) | Tool::Foreign(_) => continue,
        };
        let of_all = namespace::split(name).0.and_then(|namespace| namespaces.get(namespace));
        if let Some(of_all) = of_all.filter(|text| !text.is_empty()) {
            let own = description.take().map_or_else(String::new, |own| format!("\n\n{own}"));
            *description = Some(format!("{of_all}{own}"));
        }
    }
}

/// A function that takes what a custom tool takes. A grammar is told to the model in words, since no schema holds one.
fn as_function(custom: crate::canonical::Custom) -> Function {
    let grammar = custom.grammar.map(|(syntax, text)| format!("The input keeps to this {syntax} grammar:\n{text}"));
    let input = json!({"type": "string", "description": grammar.unwrap_or_else(|| "The tool's input, as plain text.".to_owned())});
    Function {
        name: custom.name,
        description: custom.description,
        parameters: Some(json!({
            "type": "object",
            "properties": { INPUT: input },
            "required": [INPUT],
            "additionalProperties": false,
        })),
        ..Function::default()
    }
}

/// The input of a custom tool's call that was made as a function's; `None` where the model did not keep to the schema.
fn input_of(arguments: &str) -> Option<String> {
    let mut arguments: Value = serde_json::from_str(arguments).ok()?;
    match arguments.get_mut(INPUT)?.take() {
        Value::String(input) => Some(input),
        _ => None,
    }
}

/// A name that the target takes, in place of one that it does not: the same for the same name, and another for
/// another.
fn allowed(name: &str, most: usize) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.len() <= most && !name.is_empty() && name.chars().all(fits) {
        return None;
    }
    let plain: String = name.chars().map(|c| if fits(c) { c } else { '_' }).take(most - 9).collect();
    Some(format!("{plain}_{:08x}", fnv(name)))
}

/// The 32-bit hash of Fowler, Noll and Vo (FNV-1a). Names within one request are few and their maker is the client, who
/// can harm nobody else with two that collide.
fn fnv(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::{Candidate, Custom, Message, Role, ToolCall};

    const RULES: ToolRules = ToolRules { name: 64, custom: false };

    fn custom(name: &str) -> Tool {
        Tool::Custom(Custom {
            name: name.to_owned(),
            grammar: Some(("lark".to_owned(), "start: /x+/".to_owned())),
            ..Custom::default()
        })
    }

    #[test]
    fn a_custom_tool_goes_as_a_function_and_its_call_comes_back_as_it_was() {
        let call =
            ToolCall { name: "patch".to_owned(), arguments: "a \"b\"".to_owned(), custom: true, ..ToolCall::default() };
        let mut request = Request {
            tools: vec![custom("patch")],
            messages: vec![Message::new(Role::Assistant, vec![Part::ToolCall(call)], "input[0]")],
            ..Request::default()
        };
        let names = ToolNames::adapt(&mut request, RULES);
        let Tool::Function(function) = &request.tools[0] else { panic!("no function") };
        assert!(function.parameters.as_ref().unwrap().to_string().contains("start: /x+/"));
        let Part::ToolCall(sent) = request.messages[0].parts[0].clone() else { panic!("no call") };
        assert_eq!((sent.custom, sent.arguments.as_str()), (false, r#"{"input":"a \"b\""}"#));

        let candidate = Candidate { parts: vec![Part::ToolCall(sent)], finish: crate::canonical::Finish::ToolCalls };
        let mut answer = Response { candidates: vec![candidate], ..Response::default() };
        names.restore(&mut answer);
        let Part::ToolCall(back) = &answer.candidates[0].parts[0] else { panic!("no call") };
        assert_eq!((back.custom, back.arguments.as_str()), (true, "a \"b\""));
    }

    #[test]
    fn a_tool_in_a_namespace_goes_under_one_name_and_its_call_comes_back_under_two() {
        let function = |name: &str| Tool::Function(Function { name: name.to_owned(), ..Function::default() });
        let mut request = Request {
            tools: vec![function("math::add"), function("a::b"), function("a__b")],
            namespaces: vec![("math".to_owned(), "Sums.".to_owned())],
            tool_choice: Some(ToolChoice::Tool("math::add".to_owned())),
            ..Request::default()
        };
        let mut names = ToolNames::adapt(&mut request, RULES);
        let sent: Vec<String> = request.tools.iter().map(|tool| tool.name().unwrap().to_owned()).collect();
        assert!(sent[0] == "math__add" && sent[1].starts_with("a__b_") && sent[2] == "a__b", "{sent:?}");
        assert_eq!(request.tool_choice, Some(ToolChoice::Tool("math__add".to_owned())));
        let Tool::Function(add) = &request.tools[0] else { panic!("no function") };
        assert_eq!(add.description.as_deref(), Some("Sums."));
        for (sent, known) in sent.into_iter().zip(["math::add", "a::b", "a__b"]) {
            let mut event = Event::ToolStart { candidate: 0, tool: 0, id: "c".to_owned(), name: sent, custom: false };
            assert!(!names.restore_event(&mut event));
            assert!(matches!(event, Event::ToolStart { name, .. } if name == known));
        }
    }

    #[test]
    fn a_name_that_the_target_cannot_have_is_given_back() {
        let long = format!("mcp__{}__read", "server".repeat(20));
        let function = |name: &str| Tool::Function(Function { name: name.to_owned(), ..Function::default() });
        let mut request = Request {
            tools: vec![function(&long), function("a.b"), function("fine")],
            tool_choice: Some(ToolChoice::Tool(long.clone())),
            ..Request::default()
        };
        let mut names = ToolNames::adapt(&mut request, RULES);
        let sent: Vec<String> = request.tools.iter().map(|tool| tool.name().unwrap().to_owned()).collect();
        assert!(sent[0].len() == 64 && sent[0] != long && sent[1].starts_with("a_b_") && sent[2] == "fine", "{sent:?}");
        assert_eq!(request.tool_choice, Some(ToolChoice::Tool(sent[0].clone())));
        for (sent, known) in sent.iter().zip([long.as_str(), "a.b", "fine"]) {
            let (id, name) = ("c".to_owned(), sent.clone());
            let mut event = Event::ToolStart { candidate: 0, tool: 0, id, name, custom: false };
            assert!(!names.restore_event(&mut event));
            assert!(matches!(event, Event::ToolStart { name, .. } if name == known));
        }
    }
}
