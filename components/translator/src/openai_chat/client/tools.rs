//! Tools and the choice among them, OpenAI's older functions among them.

use serde_json::{Value, json};
use weir_core::{Dialect, GatewayError};

use super::cache;
use crate::canonical::{Custom, Foreign, Function, Tool, ToolChoice, Unplaced, WebSearch};
use crate::fields::{Fields, missing, wrong};

/// What a request says of its tools.
#[derive(Default)]
pub(super) struct Tools {
    pub(super) tools: Vec<Tool>,
    pub(super) choice: Option<ToolChoice>,
    pub(super) parallel: Option<bool>,
}

impl Tools {
    /// Takes it.
    pub(super) fn read(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Self, GatewayError> {
        let mut read = Self { parallel: fields.flag("parallel_tool_calls")?, ..Self::default() };
        for (index, value) in fields.list("tools")?.into_iter().enumerate() {
            read.tools.push(tool(format!("tools[{index}]"), value, unplaced)?);
        }
        read.choice = tool_choice(fields, unplaced)?;
        read.functions(fields, unplaced)?;
        if let Some(options) = fields.object("web_search_options")? {
            read.tools.push(Tool::WebSearch(web_search(options, unplaced)?));
        }
        Ok(read)
    }

    /// `functions` and `function_call`, of which an answer makes one at most.
    fn functions(&mut self, fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<(), GatewayError> {
        let functions = fields.list("functions")?;
        if !functions.is_empty() {
            self.parallel = self.parallel.or(Some(false));
        }
        for (index, value) in functions.into_iter().enumerate() {
            let inner = Fields::of(format!("functions[{index}]"), value)?;
            self.tools.push(Tool::Function(function(inner, unplaced)?));
        }
        let choice = match fields.take("function_call") {
            None => return Ok(()),
            Some(Value::String(word)) if word == "auto" => ToolChoice::Auto,
            Some(Value::String(word)) if word == "none" => ToolChoice::None,
            Some(Value::Object(named)) => {
                let mut named = Fields::of("function_call".to_owned(), named.into())?;
                let name = named.need_text("name")?;
                named.rest(unplaced);
                ToolChoice::Tool(name)
            }
            Some(other) => return Err(wrong("function_call", "`auto`, `none` or an object", &other)),
        };
        self.choice = self.choice.take().or(Some(choice));
        Ok(())
    }
}

fn tool(path: String, value: Value, unplaced: &mut Vec<Unplaced>) -> Result<Tool, GatewayError> {
    let kind = value.get("type").cloned().filter(|kind| !kind.is_null());
    match kind.as_ref().map(|kind| kind.as_str()) {
        // Mistral's clients leave the type out.
        None | Some(Some("function")) => {}
        Some(Some("custom")) => return custom(path, value, unplaced),
        // One of those that run at one provider.
        Some(Some(kind)) => {
            let (family, kind) = (Dialect::OpenaiChat, kind.to_owned());
            return Ok(Tool::Foreign(Foreign { family, kind, value, at: path }));
        }
        Some(None) => return Err(wrong(&format!("{path}.type"), "a string", &kind.unwrap_or_default())),
    }
    let mut fields = Fields::of(path, value)?;
    fields.take("type");
    let inner = fields.object("function")?.ok_or_else(|| missing(&fields.path_of("function")))?;
    let mut read = function(inner, unplaced)?;
    read.cache = cache::mark(&mut fields, unplaced)?;
    fields.rest(unplaced);
    Ok(Tool::Function(read))
}

fn function(mut fields: Fields, unplaced: &mut Vec<Unplaced>) -> Result<Function, GatewayError> {
    let read = Function {
        name: fields.need_text("name")?,
        description: fields.text("description")?,
        parameters: fields.take("parameters"),
        strict: fields.flag("strict")?,
        ..Function::default()
    };
    fields.rest(unplaced);
    Ok(read)
}

fn custom(path: String, value: Value, unplaced: &mut Vec<Unplaced>) -> Result<Tool, GatewayError> {
    let mut fields = Fields::of(path, value)?;
    fields.take("type");
    let mut inner = fields.object("custom")?.ok_or_else(|| missing(&fields.path_of("custom")))?;
    let (name, description) = (inner.need_text("name")?, inner.text("description")?);
    let mut grammar = None;
    if let Some(mut format) = inner.object("format")? {
        match format.need_text("type")?.as_str() {
            "text" => {}
            "grammar" => {
                let mut inner = format.object("grammar")?.ok_or_else(|| missing(&format.path_of("grammar")))?;
                grammar = Some((inner.need_text("syntax")?, inner.need_text("definition")?));
                inner.rest(unplaced);
            }
            _ => unplaced.push(Unplaced::new(format.path_of("type"))),
        }
        format.rest(unplaced);
    }
    inner.rest(unplaced);
    let at = fields.path().to_owned();
    fields.rest(unplaced);
    Ok(Tool::Custom(Custom { name, description, grammar, at }))
}

fn web_search(mut options: Fields, unplaced: &mut Vec<Unplaced>) -> Result<WebSearch, GatewayError> {
    let mut search = WebSearch {
        context_size: options.text("search_context_size")?,
        at: options.path().to_owned(),
        ..WebSearch::default()
    };
    if let Some(mut location) = options.object("user_location")? {
        location.ignore("type", &[json!("approximate")]);
        search.user_location = location.take("approximate").filter(Value::is_object);
        location.rest(unplaced);
    }
    options.rest(unplaced);
    Ok(search)
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
    let allowed = value.get("type").is_some_and(|kind| kind == "allowed_tools");
    let mut choice = Fields::of("tool_choice".to_owned(), value)?;
    if allowed {
        return allowed_tools(choice, unplaced).map(Some);
    }
    let name = named(&mut choice, unplaced)?;
    choice.rest(unplaced);
    Ok(name.map(ToolChoice::Tool))
}

/// The name of a tool; `None`, told as left over, for one of another kind.
fn named(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Option<String>, GatewayError> {
    // Mistral's clients leave the type out here, too.
    let kind = match fields.text("type")?.as_deref() {
        None | Some("function") => "function",
        Some("custom") => "custom",
        Some(_) => {
            unplaced.push(Unplaced::new(fields.path()));
            return Ok(None);
        }
    };
    let mut inner = fields.object(kind)?.ok_or_else(|| missing(&fields.path_of(kind)))?;
    let name = inner.need_text("name")?;
    inner.rest(unplaced);
    Ok(Some(name))
}

fn allowed_tools(mut choice: Fields, unplaced: &mut Vec<Unplaced>) -> Result<ToolChoice, GatewayError> {
    choice.take("type");
    let mut allowed = choice.object("allowed_tools")?.ok_or_else(|| missing("tool_choice.allowed_tools"))?;
    let required = match allowed.need_text("mode")?.as_str() {
        "auto" => false,
        "required" => true,
        other => return Err(wrong(&allowed.path_of("mode"), "`auto` or `required`", &other.into())),
    };
    let base = allowed.path_of("tools");
    let mut names = Vec::new();
    for (index, value) in allowed.list("tools")?.into_iter().enumerate() {
        let mut tool = Fields::of(format!("{base}[{index}]"), value)?;
        names.extend(named(&mut tool, unplaced)?);
    }
    allowed.rest(unplaced);
    choice.rest(unplaced);
    Ok(ToolChoice::Allowed { required, names })
}
