//! What completions and chat completions ask in common, read and checked.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// The most choices that one request may ask for.
const MAX_CHOICES: usize = 128;

/// Fields of both kinds of request. What is not known is ignored, as vLLM does.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Common {
    pub(crate) model: Option<String>,
    pub(crate) n: Option<usize>,
    pub(crate) max_tokens: Option<usize>,
    pub(crate) max_completion_tokens: Option<usize>,
    pub(crate) min_tokens: Option<usize>,
    pub(crate) ignore_eos: Option<bool>,
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) seed: Option<i64>,
    pub(crate) stop: Option<OneOrMany>,
    pub(crate) stream: Option<bool>,
    pub(crate) stream_options: Option<StreamOptions>,
    pub(crate) cache_salt: Option<String>,
}

/// `stream_options`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct StreamOptions {
    pub(crate) include_usage: Option<bool>,
    pub(crate) continuous_usage_stats: Option<bool>,
}

/// A string or a list of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(crate) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl Common {
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        let within = |name: &str, value: Option<f64>, least: f64, most: f64| match value {
            Some(value) if !(least..=most).contains(&value) => {
                Err(ApiError::field(name, format!("{name} must be from {least} to {most}, got {value}")))
            }
            _ => Ok(()),
        };
        within("temperature", self.temperature, 0.0, 2.0)?;
        within("top_p", self.top_p, 0.0, 1.0)?;
        if !(1..=MAX_CHOICES).contains(&self.choices()) {
            return Err(ApiError::field("n", format!("n must be from 1 to {MAX_CHOICES}")));
        }
        if self.asked() == Some(0) {
            return Err(ApiError::field("max_tokens", "max_tokens must be at least 1, got 0"));
        }
        if self.stream_options.is_some() && !self.stream() {
            return Err(ApiError::field("stream_options", "stream_options make sense only with `stream: true`"));
        }
        Ok(())
    }

    pub(crate) fn choices(&self) -> usize {
        self.n.unwrap_or(1)
    }

    pub(crate) fn stream(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    /// The tokens that the caller asked for at most, if it said.
    pub(crate) fn asked(&self) -> Option<usize> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    pub(crate) fn stops(&self) -> Vec<String> {
        self.stop.clone().map(OneOrMany::into_vec).unwrap_or_default()
    }

    pub(crate) fn usage_wanted(&self) -> UsageWanted {
        let options = self.stream_options.unwrap_or_default();
        UsageWanted {
            at_the_end: options.include_usage.unwrap_or(false),
            all_along: options.continuous_usage_stats.unwrap_or(false),
        }
    }

    /// The tokens that a prompt of this length leaves for the answer.
    pub(crate) fn limit(
        &self,
        prompt_tokens: usize,
        max_model_len: usize,
        usual: Option<usize>,
    ) -> Result<usize, ApiError> {
        let left = max_model_len.saturating_sub(prompt_tokens);
        match self.asked() {
            Some(asked) if asked > left => Err(ApiError::context(max_model_len, prompt_tokens, asked)),
            Some(asked) => Ok(asked),
            None if left == 0 => Err(ApiError::context(max_model_len, prompt_tokens, 1)),
            None => Ok(usual.unwrap_or(left).min(left)),
        }
    }
}

/// Where a stream tells its usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UsageWanted {
    /// In a last chunk of its own.
    pub(crate) at_the_end: bool,
    /// In every chunk.
    pub(crate) all_along: bool,
}

/// Reads a JSON body; what does not fit is a 400 that names the place.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        // "." is the body as a whole, "?" a place that is not known.
        match path.as_str() {
            "." | "?" => ApiError::new(http::StatusCode::BAD_REQUEST, message),
            path => ApiError::field(path, format!("{path}: {message}")),
        }
    })?;
    json.end().map_err(|error| ApiError::new(http::StatusCode::BAD_REQUEST, error.to_string()))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Common, ApiError> {
        let common: Common = parse(body.as_bytes())?;
        common.check().map(|()| common)
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (body, param) in [
            (r#"{"max_tokens": "many"}"#, Some("max_tokens")),
            (r#"{"max_tokens": 0}"#, Some("max_tokens")),
            (r#"{"max_tokens": -1}"#, Some("max_tokens")),
            (r#"{"temperature": 3}"#, Some("temperature")),
            (r#"{"n": 0}"#, Some("n")),
            (r#"{"n": 1000}"#, Some("n")),
            (r#"{"stream_options": {"include_usage": true}}"#, Some("stream_options")),
            (r#"{"stop": [1]}"#, Some("stop")),
            (r#"{"stream": "yes"}"#, Some("stream")),
            ("{", None),
            ("[]x", None),
            ("", None),
        ] {
            let error = read(body).unwrap_err();
            assert_eq!((error.status.as_u16(), error.param.as_deref()), (400, param), "{body}: {error}");
        }
        assert!(read(r#"{"something_new": {}}"#).is_ok());
    }

    #[test]
    fn the_answer_fits_into_what_the_prompt_leaves() {
        let asked = |max| Common { max_tokens: max, ..Common::default() };
        assert_eq!(asked(Some(10)).limit(90, 100, None), Ok(10));
        assert_eq!(asked(Some(11)).limit(90, 100, None).unwrap_err().status.as_u16(), 400);
        assert_eq!(asked(None).limit(90, 100, None), Ok(10));
        assert_eq!(asked(None).limit(50, 100, Some(16)), Ok(16));
        assert_eq!(asked(None).limit(100, 100, None).unwrap_err().status.as_u16(), 400);
    }
}
