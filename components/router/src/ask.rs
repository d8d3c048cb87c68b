//! What a request asks for, as its body says. The body is checked as a whole; then only what a decision needs is
//! read, and the rest goes on byte for byte.

use weir_core::json::Object;
use weir_core::{Endpoint, Estimate, GatewayError, Limits, RequestView, Tokens};

use crate::model::ModelName;
use crate::{content, destination, estimate};

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The model, as the caller names it.
    pub model: ModelName,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// The prompt's tokens, estimated: see [`estimate::prompt`].
    pub input: Tokens,
    /// The most tokens that one answer may have, if the caller says; zero where the endpoint has none.
    pub output_cap: Option<Tokens>,
    /// How many answers are wanted.
    pub choices: u64,
}

impl Ask {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// `InvalidRequest` that points at the field.
    pub fn read(view: &RequestView, body: &[u8], limits: &Limits) -> Result<Self, GatewayError> {
        let body = Object::parse(body, limits.json_depth)?;
        destination::check_body(&body)?;
        let model = ModelName::new(model(view, &body)?, limits.model_bytes)?;
        content::check(&view.endpoint, &body)?;
        let stream = body.read::<bool>("stream")?.unwrap_or(false) && can_stream(&view.endpoint);
        let (output_cap, choices) = output(&view.endpoint, &body)?;
        Ok(Self { model, stream, input: estimate::prompt(&body), output_cap, choices })
    }

    /// What the request may cost, where `model_cap` is the most tokens that an answer of the model can have.
    #[must_use]
    pub fn estimate(&self, model_cap: Tokens) -> Estimate {
        // No model answers with more than that; a larger figure would only make sums overflow.
        const MOST: u64 = 1 << 32;
        let each = self.output_cap.unwrap_or(model_cap);
        Estimate { input: self.input, output: Tokens(each.0.saturating_mul(self.choices).min(MOST)) }
    }
}

/// The model: the path's, where it names one, as Azure does, which then reads none in the body. What is enforced here is
/// also what goes on: the plan's candidates take the place of whatever the body says.
fn model(view: &RequestView, body: &Object) -> Result<String, GatewayError> {
    let stated = match &view.model {
        Some(name) => Some(name.clone()),
        None => body.read("model")?,
    };
    stated.ok_or_else(|| content::missing("model", "name a model, as `GET /v1/models` lists them"))
}

fn can_stream(endpoint: &Endpoint) -> bool {
    !(endpoint.counts() || *endpoint == Endpoint::Embeddings)
}

/// The cap on the tokens of an answer, and how many answers there will be.
fn output(endpoint: &Endpoint, body: &Object) -> Result<(Option<Tokens>, u64), GatewayError> {
    let caps: [&str; 2] = match endpoint {
        Endpoint::Responses => ["max_output_tokens", "max_output_tokens"],
        Endpoint::ChatCompletions => ["max_completion_tokens", "max_tokens"],
        _ => ["max_tokens", "max_tokens"],
    };
    // The larger counts where both are there: a backend may read either.
    let cap = whole(body, caps[0])?.max(whole(body, caps[1])?).map(Tokens);
    let choices = whole(body, "n")?.max(whole(body, "best_of")?).unwrap_or(1).max(1);
    match endpoint {
        Endpoint::Embeddings | Endpoint::CountTokens | Endpoint::InputTokens => Ok((Some(Tokens::ZERO), 1)),
        Endpoint::ChatCompletions | Endpoint::Completions => Ok((cap, choices)),
        _ => Ok((cap, 1)),
    }
}

/// A member that must be a whole number if it is there.
fn whole(body: &Object, key: &str) -> Result<Option<u64>, GatewayError> {
    body.read::<u64>(key).map_err(|_| content::wrong(key, "must be a whole number, 0 or more"))
}

#[cfg(test)]
mod tests {
    use http::Method;
    use weir_core::ErrorKind;

    use super::*;

    fn read(path: &str, body: &str) -> Result<Ask, GatewayError> {
        let view = RequestView::parse(&Method::POST, path, false).ok().unwrap();
        Ask::read(&view, body.as_bytes(), &Limits::default())
    }

    #[test]
    fn caps_and_choices_make_the_estimate() {
        let cases = [
            ("/v1/chat/completions", r#""messages":[{}]"#, 1000),
            ("/v1/chat/completions", r#""messages":[{}],"max_tokens":7"#, 7),
            ("/v1/chat/completions", r#""messages":[{}],"max_tokens":7,"max_completion_tokens":9,"n":3"#, 27),
            ("/v1/chat/completions", r#""messages":[{}],"max_tokens":null,"n":2"#, 2000),
            ("/v1/chat/completions", r#""messages":[{}],"n":0"#, 1000),
            ("/v1/chat/completions", r#""messages":[{}],"max_tokens":18446744073709551615,"n":2"#, 1 << 32),
            ("/v1/completions", r#""prompt":"a","max_tokens":5,"best_of":4,"n":2"#, 20),
            ("/v1/responses", r#""input":"a","max_output_tokens":11,"n":5"#, 11),
            ("/v1/messages", r#""messages":[{}],"max_tokens":13"#, 13),
            ("/v1/embeddings", r#""input":"a""#, 0),
            ("/v1/messages/count_tokens", r#""messages":[{}]"#, 0),
            ("/v1/responses/input_tokens", r#""input":"a""#, 0),
        ];
        for (path, members, expected) in cases {
            let ask = read(path, &format!(r#"{{"model":"m",{members}}}"#)).unwrap();
            assert_eq!(ask.estimate(Tokens(1000)).output, Tokens(expected), "{path} {members}");
        }
    }

    #[test]
    fn only_what_can_stream_does() {
        assert!(read("/v1/chat/completions", r#"{"model":"m","messages":[{}],"stream":true}"#).unwrap().stream);
        assert!(!read("/v1/chat/completions", r#"{"model":"m","messages":[{}],"stream":null}"#).unwrap().stream);
        assert!(!read("/v1/embeddings", r#"{"model":"m","input":"a","stream":true}"#).unwrap().stream);
    }

    #[test]
    fn e5_the_model_in_the_path_is_the_one_that_counts() {
        let path = "/openai/deployments/meta/a%20b/chat/completions?api-version=2024-10-21";
        for body in [r#"{"messages":[{}]}"#, r#"{"model":"other","messages":[{}]}"#, r#"{"model":7,"messages":[{}]}"#] {
            assert_eq!(read(path, body).unwrap().model.as_str(), "meta/a b", "{body}");
        }
        for name in ["%20a", "a%C2%85b"] {
            let path = format!("/openai/deployments/{name}/chat/completions");
            let error = read(&path, r#"{"model":"fine","messages":[{}]}"#).unwrap_err();
            assert_eq!((error.status(), error.param()), (400, Some("model")), "{name}");
        }
    }

    #[test]
    fn a_wrong_type_is_refused_at_its_field() {
        let cases = [
            (r#"{"messages":[{}]}"#, "model"),
            (r#"{"model":null,"messages":[{}]}"#, "model"),
            (r#"{"model":["m"],"messages":[{}]}"#, "model"),
            (r#"{"model":"","messages":[{}]}"#, "model"),
            (r#"{"model":"m"}"#, "messages"),
            (r#"{"model":"m","messages":[]}"#, "messages"),
            (r#"{"model":"m","messages":"hello"}"#, "messages"),
            (r#"{"model":"m","messages":[{},"x"]}"#, "messages[1]"),
            (r#"{"model":"m","messages":[{}],"stream":"true"}"#, "stream"),
            (r#"{"model":"m","messages":[{}],"max_tokens":"7"}"#, "max_tokens"),
            (r#"{"model":"m","messages":[{}],"max_tokens":-1}"#, "max_tokens"),
            (r#"{"model":"m","messages":[{}],"max_completion_tokens":1.5}"#, "max_completion_tokens"),
            (r#"{"model":"m","messages":[{}],"n":true}"#, "n"),
            (r#"{"model":"m","messages":[{"role":"a","role":"b"}]}"#, "messages[0].role"),
            (r#"{"model":"m","messages":[{}],"base_url":"http://a"}"#, "base_url"),
        ];
        for (body, field) in cases {
            let error = read("/v1/chat/completions", body).unwrap_err();
            assert_eq!((error.kind(), error.param()), (ErrorKind::InvalidRequest, Some(field)), "{body}");
        }
    }
}
