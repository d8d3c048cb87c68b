//! `/v1/embeddings`: vectors that are the same for the same text, of length one, and mean nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::completion::PromptInput;
use crate::engine::Sequence;
use crate::error::ApiError;
use crate::job::Target;
use crate::request::{Common, parse};
use crate::tokens::{self, Prompt};

/// The most texts in one request.
const MAX_INPUTS: usize = 2048;
const MAX_DIMENSIONS: usize = 8192;

#[derive(Debug, Deserialize)]
struct EmbeddingRequest {
    input: PromptInput,
    dimensions: Option<usize>,
    encoding_format: Option<String>,
}

/// Texts to embed, and how.
#[derive(Debug)]
pub(crate) struct Embedding {
    texts: Vec<String>,
    prompts: Vec<Prompt>,
    dimensions: usize,
    as_base64: bool,
    seed: u64,
    model: String,
}

/// What an embedding request comes to.
///
/// # Errors
/// 400 with the field that is wrong.
pub(crate) fn plan(body: &[u8], common: &Common, target: &Target, usual: usize) -> Result<Embedding, ApiError> {
    let request: EmbeddingRequest = parse(body)?;
    let texts = request.input.into_texts();
    if texts.is_empty() || texts.len() > MAX_INPUTS || texts.iter().any(String::is_empty) {
        return Err(ApiError::field("input", format!("input must be 1 to {MAX_INPUTS} texts, none of them empty")));
    }
    let dimensions = request.dimensions.unwrap_or(usual);
    if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
        return Err(ApiError::field("dimensions", format!("dimensions must be from 1 to {MAX_DIMENSIONS}")));
    }
    let as_base64 = match request.encoding_format.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            return Err(ApiError::field(
                "encoding_format",
                format!("encoding_format is `{other}`; there are float and base64"),
            ));
        }
    };
    let prompts: Vec<Prompt> =
        texts.iter().map(|text| Prompt::new(text, &target.salt(common), target.block_size)).collect();
    if let Some(long) = prompts.iter().find(|prompt| prompt.tokens > target.max_model_len) {
        return Err(ApiError::context(target.max_model_len, long.tokens, 0));
    }
    Ok(Embedding { texts, prompts, dimensions, as_base64, seed: target.seed, model: target.name.clone() })
}

impl Embedding {
    /// What the engine is asked for: prompts without answers.
    pub(crate) fn sequences(&self) -> impl Iterator<Item = Sequence> + '_ {
        self.prompts.iter().map(|prompt| Sequence {
            prompt: prompt.clone(),
            output_tokens: 0,
            ttft: Some(std::time::Duration::ZERO),
            tpot: None,
            adapter: None,
        })
    }

    /// The body of the answer.
    pub(crate) fn answer(&self, id: &str, created: u64) -> Value {
        let data: Vec<Value> = self
            .texts
            .iter()
            .enumerate()
            .map(|(index, text)| json!({"object": "embedding", "index": index, "embedding": self.encoded(text)}))
            .collect();
        let tokens: usize = self.prompts.iter().map(|prompt| prompt.tokens).sum();
        json!({
            "id": id,
            "object": "list",
            "created": created,
            "model": self.model,
            "data": data,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0, "prompt_tokens_details": null},
        })
    }

    fn encoded(&self, text: &str) -> Value {
        let seed = tokens::digest(&[&self.seed.to_le_bytes(), self.model.as_bytes(), text.as_bytes()]);
        let vector = vector(seed, self.dimensions);
        if self.as_base64 {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            json!(STANDARD.encode(bytes))
        } else {
            json!(vector)
        }
    }
}

/// A direction in space, of length one.
fn vector(seed: u64, dimensions: usize) -> Vec<f32> {
    let mut dice = SmallRng::seed_from_u64(seed);
    let raw: Vec<f32> = (0..dimensions).map(|_| dice.random_range(-1.0..1.0)).collect();
    let length = raw.iter().map(|number| number * number).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    raw.into_iter().map(|number| number / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_of_length_one_and_always_the_same() {
        let one = vector(5, 64);
        assert!((one.iter().map(|number| number * number).sum::<f32>() - 1.0).abs() < 1e-5);
        assert_eq!(one, vector(5, 64));
        assert_ne!(one, vector(6, 64));
    }
}
