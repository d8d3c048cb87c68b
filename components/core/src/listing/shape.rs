//! How models are told, in the shape of the caller's dialect: OpenAI's
//! (<https://platform.openai.com/docs/api-reference/models/list>) or Anthropic's
//! (<https://docs.anthropic.com/en/api/models-list>).

use serde_json::{Value, json};

use crate::{Dialect, ErrorKind, GatewayError};

/// The list of the models of these names. OpenAI's has KServe V1's beside it, the names under `models`, which its SDKs
/// pass over. Anthropic's comes in pages, which `query` turns: `limit`, `after_id`, `before_id` and `lifecycle`.
///
/// # Errors
/// `InvalidRequest` for a page that cannot be.
pub fn list(names: &[&str], dialect: Dialect, query: &str) -> Result<Value, GatewayError> {
    let models = |names: &[&str]| -> Vec<Value> { names.iter().map(|name| model(name, dialect)).collect() };
    if dialect != Dialect::AnthropicMessages {
        return Ok(json!({"object": "list", "data": models(names), "models": names}));
    }
    let page = Page::read(query)?;
    let (page, has_more) = page.of(if page.may_be_active() { names } else { &[] });
    Ok(json!({"data": models(page), "has_more": has_more, "first_id": page.first(), "last_id": page.last()}))
}

/// One model. When it was made is not known here: the epoch stands for that, as Anthropic's documents have it. Whatever
/// else Anthropic tells of a model is `null` where it is not known.
#[must_use]
pub fn model(name: &str, dialect: Dialect) -> Value {
    if dialect != Dialect::AnthropicMessages {
        return json!({"id": name, "object": "model", "created": 0, "owned_by": "weir"});
    }
    json!({
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": ACTIVE,
        "deprecated_at": null,
        "retires_at": null,
        "line": null,
        "capabilities": null,
        "max_input_tokens": null,
        "max_tokens": null,
    })
}

/// The stage of life that every model is in here.
const ACTIVE: &str = "active";

/// A page of Anthropic's list.
#[derive(Default)]
struct Page<'a> {
    limit: Option<usize>,
    after: Option<&'a str>,
    before: Option<&'a str>,
    lifecycles: Vec<&'a str>,
}

impl<'a> Page<'a> {
    fn read(query: &'a str) -> Result<Self, GatewayError> {
        let mut page = Self::default();
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match key {
                "after_id" => page.after = Some(value),
                "before_id" => page.before = Some(value),
                "limit" => page.limit = Some(limit(value)?),
                // The SDKs write lists so.
                "lifecycle" | "lifecycle[]" | "lifecycle%5B%5D" => page.lifecycles.push(value),
                _ => {}
            }
        }
        Ok(page)
    }

    /// Whether the list is to have models that are in use.
    fn may_be_active(&self) -> bool {
        self.lifecycles.is_empty() || self.lifecycles.contains(&ACTIVE)
    }

    /// The names on the page, and whether more follow in the direction of travel. A cursor that names no model of
    /// the list stands before its start or after its end.
    fn of<'n, 's>(&self, names: &'s [&'n str]) -> (&'s [&'n str], bool) {
        let position = |cursor: &str| names.iter().position(|name| same(name, cursor));
        let from = self.after.and_then(position).map_or(0, |at| at + 1);
        let to = self.before.and_then(position).unwrap_or(names.len()).max(from);
        let range = &names[from..to];
        let limit = self.limit.unwrap_or(range.len()).min(range.len());
        let backwards = self.before.is_some() && self.after.is_none();
        let page = if backwards { &range[range.len() - limit..] } else { &range[..limit] };
        (page, limit < range.len())
    }
}

fn limit(value: &str) -> Result<usize, GatewayError> {
    value.parse().ok().filter(|limit| (1..=1000).contains(limit)).ok_or_else(|| {
        GatewayError::new(ErrorKind::InvalidRequest, "`limit` must be a whole number from 1 to 1000")
            .with_param("limit")
    })
}

/// Whether a cursor, which came in a query, names this model.
fn same(name: &str, cursor: &str) -> bool {
    percent_encoding::percent_decode_str(cursor).eq(name.bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_turn_in_both_directions() {
        let names = ["a", "b/c", "d", "e"];
        let cases: [(&str, &[&str], bool); 8] = [
            ("", &["a", "b/c", "d", "e"], false),
            ("limit=2", &["a", "b/c"], true),
            ("limit=2&after_id=b%2Fc", &["d", "e"], false),
            ("limit=1&after_id=a", &["b/c"], true),
            ("limit=2&before_id=e", &["b/c", "d"], true),
            ("limit=2&before_id=d", &["a", "b/c"], false),
            ("after_id=e", &[], false),
            ("after_id=d&before_id=a", &[], false),
        ];
        for (query, expected, more) in cases {
            assert_eq!(Page::read(query).unwrap().of(&names), (expected, more), "{query}");
        }
        for query in ["limit=0", "limit=1001", "limit=x", "limit=-1"] {
            assert_eq!(Page::read(query).err().unwrap().param(), Some("limit"), "{query}");
        }
    }
}
