//! How the answer should be made.

use serde_json::{Value, json};
use weir_core::Tokens;
use weir_translator::canonical::{
    CacheMark, CacheTtl, Effort, Part, ResponseFormat, ServiceTier, Shown, Text, ThinkingMode, Verbosity,
};

use super::make::{function, think};
use super::read::{effort, marks, mode, reasoning, tier};
use super::{Row, row};

/// The rows.
pub(super) const ROWS: &[Row] = &[
    row(
        "answers by a JSON schema",
        |request| {
            request.response_format = ResponseFormat::JsonSchema {
                name: Some("city".to_owned()),
                schema: function("f").parameters.unwrap(),
                strict: Some(true),
            };
        },
        |request| match &request.response_format {
            ResponseFormat::JsonSchema { schema, .. } => schema.clone(),
            ResponseFormat::JsonObject | ResponseFormat::Text => Value::Null,
        },
    ),
    row(
        "answers in any JSON",
        |request| request.response_format = ResponseFormat::JsonObject,
        |request| json!(request.response_format != ResponseFormat::Text),
    ),
    row("an effort", |request| request.thinking.effort = Some(Effort::High), effort),
    row("the least effort", |request| request.thinking.effort = Some(Effort::Minimal), effort),
    row("the most effort", |request| request.thinking.effort = Some(Effort::Max), effort),
    row(
        "a budget of thoughts",
        |request| {
            request.max_output = Some(Tokens(8_192));
            request.thinking.mode = Some(ThinkingMode::Budget(Tokens(4_096)));
        },
        mode,
    ),
    row("thinking as the model sees fit", |request| request.thinking.mode = Some(ThinkingMode::Adaptive), mode),
    row(
        "no thinking",
        |request| request.thinking.mode = Some(ThinkingMode::Off),
        |request| {
            json!(request.thinking.mode == Some(ThinkingMode::Off) || request.thinking.effort == Some(Effort::None))
        },
    ),
    row(
        "thoughts shown",
        |request| {
            request.thinking.mode = Some(ThinkingMode::Adaptive);
            request.thinking.shown = Some(Shown::Auto);
        },
        |request| json!(request.thinking.shown.map(|shown| format!("{shown:?}"))),
    ),
    row(
        "thoughts sent back",
        |request| think(request, "c2ln"),
        |request| reasoning(request, |reasoning| Some(reasoning.words().into_owned().into())),
    ),
    row(
        "cache marks",
        |request| {
            let cache = Some(CacheMark { ttl: None });
            request.messages[0].parts = vec![Part::Text(Text { text: "hi".to_owned(), cache, ..Text::default() })];
        },
        marks,
    ),
    row(
        "caching as the backend sees fit",
        |request| request.cache = Some(CacheMark { ttl: None }),
        |request| json!(request.cache.is_some()),
    ),
    row(
        "for how long to cache",
        |request| request.cache = Some(CacheMark { ttl: Some(CacheTtl::Hours) }),
        |request| json!(request.cache.and_then(|mark| mark.ttl).map(|ttl| format!("{ttl:?}"))),
    ),
    row("a cache key", |request| request.cache_key = Some("k".to_owned()), |request| json!(request.cache_key)),
    row("stop sequences", |request| request.stop = vec!["END".to_owned()], |request| json!(request.stop)),
    row(
        "the answer's length",
        |request| request.max_output = Some(Tokens(99)),
        |request| json!(request.max_output.map(|tokens| tokens.0)),
    ),
    row(
        "temperature",
        |request| request.sampling.temperature = Some(0.5),
        |request| json!(request.sampling.temperature),
    ),
    row(
        "temperature above 1",
        |request| request.sampling.temperature = Some(1.5),
        |request| json!(request.sampling.temperature),
    ),
    row("top_p", |request| request.sampling.top_p = Some(0.5), |request| json!(request.sampling.top_p)),
    row("top_k", |request| request.sampling.top_k = Some(40), |request| json!(request.sampling.top_k)),
    row(
        "penalties",
        |request| request.sampling.frequency_penalty = Some(0.5),
        |request| json!(request.sampling.frequency_penalty),
    ),
    row("a seed", |request| request.sampling.seed = Some(7), |request| json!(request.sampling.seed)),
    row("several answers", |request| request.candidates = Some(2), |request| json!(request.candidates)),
    row("logprobs", |request| request.logprobs = Some(2), |request| json!(request.logprobs)),
    row("the user", |request| request.user = Some("u1".to_owned()), |request| json!(request.user)),
    row(
        "metadata",
        |request| request.metadata = vec![("k".to_owned(), "v".to_owned())],
        |request| json!(request.metadata),
    ),
    row("a service tier", |request| request.service_tier = Some(ServiceTier::Standard), tier),
    row("a service tier with priority", |request| request.service_tier = Some(ServiceTier::Priority), tier),
    row(
        "verbosity",
        |request| request.verbosity = Some(Verbosity::Low),
        |request| json!(request.verbosity.map(|verbosity| format!("{verbosity:?}"))),
    ),
];
