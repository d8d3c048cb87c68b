//! What a request asks for, as its body says. The body is checked as a whole; then only what a decision needs is
//! read, and the rest goes on byte for byte.

use http::{HeaderMap, Method};
use weir_core::grpc::{self, Message};
use weir_core::json::Object;
use weir_core::{Endpoint, Estimate, GatewayError, Limits, RequestView, Rpc, Tokens, tensors};

use crate::model::ModelName;
use crate::{content, destination, estimate, named};

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The model, as the caller names it.
    pub model: ModelName,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// The prompt's tokens, estimated: see [`estimate::prompt`] and [`estimate::tensors`].
    pub input: Tokens,
    /// The most tokens that one answer may have, if the caller says; zero where the endpoint has none.
    pub output_cap: Option<Tokens>,
    /// How many answers are wanted.
    pub choices: u64,
}

impl Ask {
    /// Reads the body of a request, where it is of a kind that has one; of a body with tensors behind it, the JSON.
    ///
    /// # Errors
    /// `InvalidRequest` that points at the field.
    pub fn read(view: &RequestView, headers: &HeaderMap, body: &[u8], limits: &Limits) -> Result<Self, GatewayError> {
        if view.endpoint.method() == Method::GET {
            let model = ModelName::new(named::model(view, headers, None)?, limits.model_bytes)?;
            return Ok(Self { model, stream: false, input: Tokens::ZERO, output_cap: Some(Tokens::ZERO), choices: 1 });
        }
        if let Endpoint::Grpc(rpc) = view.endpoint {
            return Self::of_message(rpc, body, limits);
        }
        let body = Object::parse(tensors::json_of(&view.endpoint, headers, body)?, limits.json_depth)?;
        destination::check_body(&body)?;
        let model = ModelName::new(named::model(view, headers, Some(&body))?, limits.model_bytes)?;
        content::check(&view.endpoint, &body)?;
        let stream = streams(view, &body)?;
        let input = if view.dialect.is_inference() { estimate::tensors(&body) } else { estimate::prompt(&body) };
        let (output_cap, choices) = output(&view.endpoint, &body, input)?;
        Ok(Self { model, stream, input, output_cap, choices })
    }

    /// Reads the message of a call over gRPC; the first one where the caller goes on to send others.
    fn of_message(rpc: Rpc, body: &[u8], limits: &Limits) -> Result<Self, GatewayError> {
        let message = Message::only(body, limits.body_bytes)?;
        let name = message.name(limits.model_bytes)?.ok_or_else(|| content::missing("model_name", "name a model"))?;
        let model = ModelName::new(name.text().to_owned(), limits.model_bytes)?;
        let input = if rpc.infers() { estimate::texts(&grpc::texts(message.bytes())) } else { Tokens::ZERO };
        // Numbers are no prompt, and what comes of them is no text.
        let output_cap = (input == Tokens::ZERO).then_some(Tokens::ZERO);
        Ok(Self { model, stream: rpc.goes_on(), input, output_cap, choices: 1 })
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

/// Whether the answer is to be a stream: V2 says so by the path, the others by a member, where the endpoint has streams.
fn streams(view: &RequestView, body: &Object) -> Result<bool, GatewayError> {
    if view.dialect.is_inference() {
        return Ok(view.endpoint == Endpoint::GenerateStream);
    }
    let never = view.endpoint.is_free() || view.endpoint == Endpoint::Embeddings;
    Ok(body.read::<bool>("stream")?.unwrap_or(false) && !never)
}

/// The cap on the tokens of an answer, and how many answers there will be. `input` is the estimate of the prompt.
fn output(endpoint: &Endpoint, body: &Object, input: Tokens) -> Result<(Option<Tokens>, u64), GatewayError> {
    let caps: [&str; 2] = match endpoint {
        Endpoint::Responses => ["max_output_tokens", "max_output_tokens"],
        Endpoint::ChatCompletions => ["max_completion_tokens", "max_tokens"],
        _ => ["max_tokens", "max_tokens"],
    };
    // The larger counts where both are there: a backend may read either.
    let cap = whole(body, caps[0])?.max(whole(body, caps[1])?).map(Tokens);
    let choices = whole(body, "n")?.max(whole(body, "best_of")?).unwrap_or(1).max(1);
    match endpoint {
        _ if endpoint.is_free() || *endpoint == Endpoint::Embeddings => Ok((Some(Tokens::ZERO), 1)),
        // Numbers are no prompt, and what comes of them is no text.
        Endpoint::Predict | Endpoint::Explain | Endpoint::Infer if input == Tokens::ZERO => Ok((Some(Tokens::ZERO), 1)),
        Endpoint::Generate | Endpoint::GenerateStream => Ok((cap.max(estimate::parameter_cap(body)), 1)),
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
        Ask::read(&view, &HeaderMap::new(), body.as_bytes(), &Limits::default())
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
            ("/tokenize", r#""prompt":"a""#, 0),
            ("/v1/models/m:predict", r#""instances":[[1,2]]"#, 0),
            ("/v1/models/m:predict", r#""instances":["a text"]"#, 1000),
            ("/v2/models/m/infer", r#""inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1]}]"#, 0),
            ("/v2/models/m/generate", r#""text_input":"a","parameters":{"max_tokens":17}"#, 17),
            ("/v2/models/m/generate_stream", r#""text_input":"a","max_tokens":19"#, 19),
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
    fn a_message_of_grpc_names_its_model_and_its_text_counts() {
        let read = |rpc: Rpc, message: &[u8]| {
            let view = RequestView::parse(&Method::POST, rpc.path(), false).ok().unwrap();
            Ask::read(&view, &HeaderMap::new(), &grpc::framed(message), &Limits::default())
        };
        let numbers = read(Rpc::ModelInfer, b"\x0a\x01m").unwrap();
        assert_eq!((numbers.model.as_str(), numbers.input, numbers.output_cap), ("m", Tokens(0), Some(Tokens(0))));
        // One input of BYTES with the text `12345678`.
        let text = read(Rpc::ModelInfer, b"\x0a\x01m\x2a\x13\x12\x05BYTES\x2a\x0a\x42\x0812345678").unwrap();
        assert_eq!((text.input, text.output_cap), (Tokens(2), None));
        assert_eq!(read(Rpc::ModelReady, b"\x0a\x01m").unwrap().model.as_str(), "m");
        let kind = |message: &[u8]| read(Rpc::ModelInfer, message).unwrap_err().kind();
        for message in [&b""[..], b"\x0a\x00", b"\x0a\x01m\x0a\x01n", b"\x0a\x05m"] {
            assert_eq!(kind(message), ErrorKind::InvalidRequest, "{message:?}");
        }
    }

    #[test]
    fn the_header_of_gateways_may_name_the_model_and_not_another() {
        let read = |path: &str, told: &[&'static str], body: &str| {
            let view = RequestView::parse(&Method::POST, path, false).ok().unwrap();
            let mut headers = HeaderMap::new();
            for value in told {
                headers.append("x-gateway-model-name", http::HeaderValue::from_static(value));
            }
            Ask::read(&view, &headers, body.as_bytes(), &Limits::default()).map(|ask| ask.model.into())
        };
        let (chat, service) = ("/v1/chat/completions", "/team/llama/v1/chat/completions");
        let (named, nameless) = (r#"{"model":"m","messages":[{}]}"#, r#"{"messages":[{}]}"#);
        let cases: [(&str, &[&'static str], &str, Option<&str>); 9] = [
            (chat, &["m"], named, Some("m")),
            (chat, &["m"], nameless, Some("m")),
            (chat, &["other"], named, None),
            (chat, &["m", "m"], nameless, None),
            (service, &[], nameless, Some("publishers/team/models/llama")),
            (service, &[], named, Some("m")),
            (service, &["other"], named, None),
            ("/v2/models/m/infer", &["m"], r#"{"inputs":[]}"#, Some("m")),
            ("/v1/models/m:predict", &["other"], r#"{"instances":[]}"#, None),
        ];
        for (path, told, body, expected) in cases {
            let model: Result<String, _> = read(path, told, body);
            assert_eq!(model.as_deref().ok(), expected, "{path} {told:?} {body}");
            let blames = model.err().map(|error| (error.status(), error.param().map(str::to_owned)));
            assert!(blames.is_none_or(|blames| blames == (400, Some("x-gateway-model-name".to_owned()))));
        }
    }

    #[test]
    fn of_a_body_with_tensors_behind_it_the_json_is_read() {
        let view = RequestView::parse(&Method::POST, "/v2/models/m/infer", false).ok().unwrap();
        let headers = |length: &'static str| {
            HeaderMap::from_iter([("inference-header-content-length".parse().unwrap(), length.parse().unwrap())])
        };
        let json = r#"{"inputs":[{"name":"x","shape":[2],"datatype":"BYTES"}]}"#;
        let body = [json.as_bytes(), &[4, 0, 0, 0, 0xff, 0xfe, b'"', b'{']].concat();
        let ask = Ask::read(&view, &headers("56"), &body, &Limits::default()).unwrap();
        assert_eq!((json.len(), ask.model.as_str(), ask.input, ask.output_cap), (56, "m", Tokens(0), Some(Tokens(0))));
        for wrong in ["0", "55", "57", "64", "65", "x"] {
            assert_eq!(
                Ask::read(&view, &headers(wrong), &body, &Limits::default()).unwrap_err().status(),
                400,
                "{wrong}"
            );
        }
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
