//! A request that stays in its dialect: no more is changed than must be.

mod fit;
mod messages;
mod tools;

use serde_json::Value;
use weir_core::GatewayError;
use weir_core::json::Object;

pub use fit::fit;
pub use tools::has_custom_tools;

/// Renames `model`, and has a streamed answer end in its usage; everything else stays as it was written.
/// `asks_usage` is for the endpoints that know `stream_options`.
///
/// Says whether the client itself had asked for the usage.
///
/// # Errors
/// `InvalidRequest` when `stream_options` is no object.
pub fn edit(body: &mut Object, model: &str, stream: bool, asks_usage: bool) -> Result<bool, GatewayError> {
    // A name that stays keeps the very bytes that the client wrote.
    if body.read::<String>("model").ok().flatten().as_deref() != Some(model) {
        body.set("model", &model);
    }
    if !stream || !asks_usage {
        return Ok(true);
    }
    let mut options: serde_json::Map<String, Value> = body.read("stream_options")?.unwrap_or_default();
    if options.get("include_usage") == Some(&Value::Bool(true)) {
        return Ok(true);
    }
    options.insert("include_usage".to_owned(), Value::Bool(true));
    body.set("stream_options", &options);
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(body: &str, stream: bool) -> (String, bool) {
        let mut object = Object::parse(body.as_bytes(), 64).unwrap();
        let asked = edit(&mut object, "m", stream, true).unwrap();
        (String::from_utf8(object.to_bytes()).unwrap(), asked)
    }

    #[test]
    fn no_more_is_changed_than_must_be() {
        assert_eq!(edited(r#"{"model":"\u006d","x":1.0}"#, false), (r#"{"model":"\u006d","x":1.0}"#.into(), true));
        assert_eq!(
            edited(r#"{"x":1e0,"model":"a","stream":true}"#, true),
            (r#"{"x":1e0,"model":"m","stream":true,"stream_options":{"include_usage":true}}"#.into(), false)
        );
        assert_eq!(
            edited(r#"{"model":"m","stream_options":{"include_usage":false,"include_obfuscation":false}}"#, true),
            (r#"{"model":"m","stream_options":{"include_usage":true,"include_obfuscation":false}}"#.into(), false)
        );
        let asks = r#"{"model":"m","stream_options":{"include_usage":true}}"#;
        assert_eq!(edited(asks, true), (asks.into(), true));
        assert_eq!(edited(r#"{"model":"m","stream_options":null}"#, true).0, asks);
    }

    #[test]
    fn stream_options_that_are_no_object_are_the_clients_fault() {
        let mut object = Object::parse(br#"{"stream_options":1}"#, 64).unwrap();
        assert_eq!(edit(&mut object, "m", true, true).unwrap_err().param(), Some("stream_options"));
    }
}
