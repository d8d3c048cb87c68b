//! Marks of how far a prompt may be cached: OpenAI's `prompt_cache_breakpoint`, and `cache_control`, which OpenRouter
//! takes as Anthropic has it.

use serde_json::Value;
use weir_core::GatewayError;

use crate::canonical::{CacheMark, CacheTtl, Unplaced};
use crate::fields::Fields;

/// Takes the mark of a part or a tool.
pub(super) fn mark(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Option<CacheMark>, GatewayError> {
    let mut found = None;
    for key in ["cache_control", "prompt_cache_breakpoint"] {
        if let Some(mut inner) = fields.object(key)? {
            inner.ignore("type", &["ephemeral".into()]);
            inner.ignore("mode", &["explicit".into()]);
            found = Some(CacheMark { ttl: ttl(&mut inner, unplaced)? });
            inner.rest(unplaced);
        }
    }
    Ok(found)
}

/// What the request says of all of its prompt: `prompt_cache_retention` and `prompt_cache_options`.
pub(super) fn whole(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Option<CacheMark>, GatewayError> {
    let mut found = None;
    if let Some(mut options) = fields.object("prompt_cache_options")? {
        let ttl = ttl(&mut options, unplaced)?;
        // `explicit` leaves it to the marks.
        if options.take("mode").is_none_or(|mode| mode != "explicit") {
            found = Some(CacheMark { ttl });
        }
        options.rest(unplaced);
    }
    match fields.text("prompt_cache_retention")?.as_deref() {
        None => {}
        Some("24h") => found = Some(CacheMark { ttl: Some(CacheTtl::Hours) }),
        Some("in_memory" | "in-memory") => found = Some(CacheMark { ttl: Some(CacheTtl::Minutes) }),
        Some(_) => unplaced.push(Unplaced::new(fields.path_of("prompt_cache_retention"))),
    }
    Ok(found)
}

fn ttl(fields: &mut Fields, unplaced: &mut Vec<Unplaced>) -> Result<Option<CacheTtl>, GatewayError> {
    match fields.take("ttl") {
        None => Ok(None),
        Some(Value::String(ttl)) if matches!(ttl.as_str(), "5m" | "30m") => Ok(Some(CacheTtl::Minutes)),
        Some(Value::String(ttl)) if matches!(ttl.as_str(), "1h" | "12h" | "24h") => Ok(Some(CacheTtl::Hours)),
        Some(_) => {
            unplaced.push(Unplaced::new(fields.path_of("ttl")));
            Ok(None)
        }
    }
}
