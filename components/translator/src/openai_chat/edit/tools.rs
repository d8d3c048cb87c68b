//! Tools and the choice among them, as a server takes them.

use indexmap::IndexMap;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use weir_core::GatewayError;
use weir_core::config::Quirks;
use weir_core::json::Object;

use crate::unsupported::Unsupported;

/// An object's members as they were written.
type Members<'a> = IndexMap<String, &'a RawValue>;

/// Whether the request offers custom tools. A server without them gets functions in their place, and since its calls
/// must be turned back in the answer, such a request does not stay as it is, but is translated.
#[must_use]
pub fn has_custom_tools(body: &Object) -> bool {
    let offers = |raw: &&RawValue| raw.get().contains("\"custom\"");
    let tools =
        body.raw("tools").filter(offers).and_then(|raw| serde_json::from_str::<Vec<Members<'_>>>(raw.get()).ok());
    tools.is_some_and(|tools| tools.iter().any(|tool| tool.get("type").is_some_and(|kind| kind.get() == "\"custom\"")))
}

pub(super) fn fit(body: &mut Object, quirks: &Quirks, unsupported: &mut Unsupported) -> Result<(), GatewayError> {
    choice(body, quirks);
    if quirks.strict {
        return Ok(());
    }
    let Some(raw) = body.raw("tools").filter(|raw| raw.get().contains("\"strict\"")) else {
        return Ok(());
    };
    let Ok(tools) = serde_json::from_str::<Vec<&RawValue>>(raw.get()) else {
        return Ok(());
    };
    let mut kept = Vec::with_capacity(tools.len());
    for (index, tool) in tools.into_iter().enumerate() {
        kept.push(match not_strict(tool) {
            Some((changed, said)) => {
                if said {
                    let mend = "the backend does not keep calls to their schema";
                    unsupported.field(&format!("tools[{index}].function.strict"), mend)?;
                }
                changed
            }
            None => tool.to_owned(),
        });
    }
    body.set("tools", &kept);
    Ok(())
}

/// The tool without `strict`, and whether that was asked for; `None` where it does not speak of it.
fn not_strict(tool: &RawValue) -> Option<(Box<RawValue>, bool)> {
    let mut members: Members<'_> = serde_json::from_str(tool.get()).ok()?;
    let mut function: Members<'_> = serde_json::from_str(members.get("function")?.get()).ok()?;
    let strict = function.shift_remove("strict")?;
    let function = to_raw_value(&function).ok()?;
    members.insert("function".to_owned(), &function);
    Some((to_raw_value(&members).ok()?, strict.get() == "true"))
}

/// What OpenAI calls `required`, some call `any`.
fn choice(body: &mut Object, quirks: &Quirks) {
    let (known, other) = if quirks.tool_choice_any { ("any", "required") } else { ("required", "any") };
    if body.read::<Value>("tool_choice").ok().flatten().is_some_and(|choice| choice == other) {
        body.set("tool_choice", &known);
    }
}
