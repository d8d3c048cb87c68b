//! JSON values that satisfy a JSON schema: arguments of tools, and structured answers.
//!
//! Understood: `$ref` into the same document, `allOf`, `anyOf`, `oneOf`, `const`, `enum`, `type` (one or several), objects
//! (`properties`, `required`), arrays (`items`, `prefixItems`, `minItems`, `maxItems`), numbers (bounds, `multipleOf`),
//! strings (`minLength`, `maxLength`, common `format`s). `pattern` and conditionals are not: a value is made as if they
//! were not there.

use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::{Map, Number, Value, json};

use crate::words;

/// How deep a value may nest; recursive schemas end here.
const MAX_DEPTH: usize = 12;

/// How many values one document may hold; what is beyond is null.
const MAX_VALUES: usize = 2000;

/// Makes a value for `schema`; the same dice make the same value.
pub(crate) fn value_for(schema: &Value, dice: &mut SmallRng) -> Value {
    Maker { root: schema, dice, left: MAX_VALUES }.value(schema, 0)
}

struct Maker<'a> {
    root: &'a Value,
    dice: &'a mut SmallRng,
    left: usize,
}

impl Maker<'_> {
    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        if depth > 2 * MAX_DEPTH || self.left == 0 {
            return Value::Null;
        }
        self.left -= 1;
        let schema = self.resolve(schema, depth);
        if let Some(fixed) = schema.get("const") {
            return fixed.clone();
        }
        if let Some(choices) = schema.get("enum").and_then(Value::as_array).filter(|choices| !choices.is_empty()) {
            return choices[self.dice.random_range(0..choices.len())].clone();
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(first) = schema.get(key).and_then(Value::as_array).and_then(|all| self.pick_branch(all, depth))
            {
                return self.value(&first, depth + 1);
            }
        }
        match self.kind(&schema) {
            "object" => self.object(&schema, depth),
            "array" => self.array(&schema, depth),
            "string" => Value::String(self.string(&schema)),
            "integer" => self.integer(&schema),
            "number" => self.number(&schema),
            "boolean" => Value::Bool(self.dice.random()),
            _ => Value::Null,
        }
    }

    /// Follows references and merges `allOf` into one plain schema.
    fn resolve(&self, schema: &Value, depth: usize) -> Value {
        let mut schema = schema.clone();
        for _ in 0..MAX_DEPTH {
            let target = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
            let Some(found) = target.and_then(|path| self.root.pointer(path)) else { break };
            schema = found.clone();
        }
        let Some(parts) = schema.get("allOf").and_then(Value::as_array).cloned() else { return schema };
        if depth >= MAX_DEPTH {
            return Value::Null;
        }
        let mut merged = schema.as_object().cloned().unwrap_or_default();
        merged.remove("allOf");
        for part in parts {
            merge(&mut merged, self.resolve(&part, depth + 1).as_object().cloned().unwrap_or_default());
        }
        Value::Object(merged)
    }

    /// The first branch; deep down one that does not nest, so that a recursive schema comes to an end.
    fn pick_branch(&self, branches: &[Value], depth: usize) -> Option<Value> {
        let plain = |branch: &&Value| !matches!(self.kind(&self.resolve(branch, depth)), "object" | "array");
        let shallow = if depth >= MAX_DEPTH / 2 { branches.iter().find(plain) } else { None };
        shallow.or(branches.first()).cloned()
    }

    fn kind(&self, schema: &Value) -> &'static str {
        let named = match schema.get("type") {
            Some(Value::String(one)) => Some(one.as_str()),
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
            _ => None,
        };
        let implied = || match schema {
            _ if schema.get("properties").is_some() => "object",
            _ if schema.get("items").is_some() => "array",
            Value::Object(_) | Value::Bool(true) => "string",
            _ => "null",
        };
        match named {
            Some("object") => "object",
            Some("array") => "array",
            Some("string") => "string",
            Some("integer") => "integer",
            Some("number") => "number",
            Some("boolean") => "boolean",
            Some(_) => "null",
            None => implied(),
        }
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Value {
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let mut made = Map::new();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let wanted = required.contains(&name.as_str());
            if wanted || depth < MAX_DEPTH / 2 && self.dice.random_bool(0.5) {
                made.insert(
                    name.clone(),
                    if depth < MAX_DEPTH { self.value(property, depth + 1) } else { Value::Null },
                );
            }
        }
        for name in required {
            if !made.contains_key(name) {
                made.insert(name.to_owned(), Value::String(words::word(self.dice)));
            }
        }
        Value::Object(made)
    }

    fn array(&mut self, schema: &Value, depth: usize) -> Value {
        let bound =
            |key: &str| schema.get(key).and_then(Value::as_u64).map(|n| usize::try_from(n).unwrap_or(64).min(64));
        let prefix = schema.get("prefixItems").and_then(Value::as_array).cloned().unwrap_or_default();
        let least = bound("minItems").unwrap_or(if depth < MAX_DEPTH / 2 { 1 } else { 0 }).max(prefix.len());
        let most = bound("maxItems").unwrap_or(least.max(3)).max(bound("minItems").unwrap_or(0));
        let length =
            if least < most && depth < MAX_DEPTH / 2 { self.dice.random_range(least..=most) } else { least.min(most) };
        let any = json!({"type": "string"});
        let items = schema.get("items").filter(|items| items.is_object()).unwrap_or(&any);
        (0..length).map(|index| self.value(prefix.get(index).unwrap_or(items), depth + 1)).collect()
    }

    fn string(&mut self, schema: &Value) -> String {
        let number = self.dice.random_range(10..29);
        match schema.get("format").and_then(Value::as_str) {
            Some("date") => return format!("2025-06-{number}"),
            Some("time") => return format!("12:{number}:00Z"),
            Some("date-time") => return format!("2025-06-{number}T12:00:00Z"),
            Some("email") => return format!("{}@example.com", words::word(self.dice)),
            Some("uri" | "url") => return format!("https://example.com/{}", words::word(self.dice)),
            Some("uuid") => return format!("{:08x}-0000-4000-8000-0000000000{number}", self.dice.random::<u32>()),
            Some("ipv4") => return format!("192.0.2.{number}"),
            _ => {}
        }
        let length = |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let (least, most) = (length("minLength").unwrap_or(0).min(4096), length("maxLength").unwrap_or(usize::MAX));
        let mut text = words::word(self.dice);
        while text.chars().count() < least {
            text.push(' ');
            text.push_str(&words::word(self.dice));
        }
        text.chars().take(most.max(least)).collect()
    }

    fn integer(&mut self, schema: &Value) -> Value {
        let whole = |key: &str, inclusive: &str, step: i64| {
            let strict =
                schema.get(inclusive).and_then(Value::as_f64).map(|bound| as_whole(bound).saturating_add(step));
            strict.or_else(|| schema.get(key).and_then(Value::as_f64).map(as_whole))
        };
        let least = whole("minimum", "exclusiveMinimum", 1);
        let most = whole("maximum", "exclusiveMaximum", -1);
        let (least, most) = range(least, most, 100, i64::saturating_add, i64::saturating_sub);
        let step = schema.get("multipleOf").and_then(Value::as_i64).filter(|step| *step > 0).unwrap_or(1);
        let picked = self.dice.random_range(least..=most.max(least));
        let stepped = picked - picked.rem_euclid(step);
        let fitting = if stepped < least { stepped.saturating_add(step) } else { stepped };
        Value::Number(fitting.into())
    }

    fn number(&mut self, schema: &Value) -> Value {
        let bound = |key: &str, strict: &str| schema.get(key).or(schema.get(strict)).and_then(Value::as_f64);
        let least = bound("minimum", "exclusiveMinimum");
        let most = bound("maximum", "exclusiveMaximum");
        let (least, most) = range(least, most, 100.0, |a, b| a + b, |a, b| a - b);
        // Strictly between the bounds, and short enough to read: a quarter, a half or three quarters of the way.
        let share = f64::from(self.dice.random_range(1..4_u8)) / 4.0;
        Number::from_f64(least + (most - least) * share).map_or(Value::Null, Value::Number)
    }
}

fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
            (Some(Value::Array(old)), Value::Array(new)) if key == "required" => old.extend(new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Fills in the bound that is missing, `width` away from the other.
fn range<N: Copy + Default>(
    least: Option<N>,
    most: Option<N>,
    width: N,
    add: fn(N, N) -> N,
    sub: fn(N, N) -> N,
) -> (N, N) {
    match (least, most) {
        (Some(least), Some(most)) => (least, most),
        (Some(least), None) => (least, add(least, width)),
        (None, Some(most)) => (sub(most, width), most),
        (None, None) => (N::default(), width),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "`as` saturates, which is what a bound outside i64 should do")]
fn as_whole(bound: f64) -> i64 {
    bound.ceil() as i64
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn make(schema: &Value, seed: u64) -> Value {
        value_for(schema, &mut SmallRng::seed_from_u64(seed))
    }

    #[test]
    fn required_properties_are_there_with_their_types() {
        let schema = json!({"type": "object", "required": ["city", "days", "unit", "extra"], "properties": {
            "city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 7},
            "unit": {"enum": ["c", "f"]}, "note": {"type": ["string", "null"]}}});
        for seed in 0..50 {
            let made = make(&schema, seed);
            assert!(made["city"].is_string() && made["extra"].is_string());
            assert!((1..=7).contains(&made["days"].as_i64().unwrap()));
            assert!(["c", "f"].contains(&made["unit"].as_str().unwrap()));
        }
    }

    #[test]
    fn numbers_keep_to_their_bounds() {
        for seed in 0..50 {
            let step = make(&json!({"type": "integer", "minimum": 3, "maximum": 30, "multipleOf": 5}), seed);
            assert!(step.as_i64().is_some_and(|n| (3..=30).contains(&n) && n % 5 == 0), "{step}");
            let open = make(&json!({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 2}), seed);
            assert_eq!(open, json!(1));
            let real = make(&json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}), seed);
            assert!(real.as_f64().is_some_and(|n| n > 0.0 && n < 1.0), "{real}");
        }
    }

    #[test]
    fn lengths_of_arrays_and_strings_are_kept() {
        for seed in 0..50 {
            let list =
                make(&json!({"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 4}), seed);
            assert!((2..=4).contains(&list.as_array().unwrap().len()));
            let text = make(&json!({"type": "string", "minLength": 30, "maxLength": 31}), seed);
            assert!((30..=31).contains(&text.as_str().unwrap().chars().count()));
        }
    }

    #[test]
    fn references_and_combinations_are_followed() {
        let schema = json!({"$ref": "#/$defs/order", "$defs": {
            "order": {"allOf": [{"type": "object", "properties": {"id": {"const": 7}}, "required": ["id"]},
                                {"properties": {"who": {"anyOf": [{"type": "boolean"}]}}, "required": ["who"]}]}}});
        let made = make(&schema, 1);
        assert_eq!(made["id"], json!(7));
        assert!(made["who"].is_boolean());
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let schema = json!({"type": "object", "required": ["next", "all"], "properties": {
            "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
            "all": {"type": "array", "items": {"$ref": "#"}}}});
        for seed in 0..20 {
            assert!(make(&schema, seed).is_object());
        }
        assert!(make(&json!({"$ref": "#"}), 1).is_string());
        make(&json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}), 1);
        make(&json!({"anyOf": [{"$ref": "#"}]}), 1);
        make(&json!({"items": {"$ref": "#"}}), 1);
        make(&json!({"items": {"$ref": "#"}, "minItems": 60}), 1);
    }
}
