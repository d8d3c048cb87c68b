//! Tokens, read from answers as they go by: no byte is held back or copied.

use bytes::Bytes;
use memchr::memmem;
use serde::Deserialize;

/// What an answer says of the tokens that it took, so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) input: Option<u64>,
    pub(crate) output: Option<u64>,
}

/// The names that OpenAI's and Anthropic's answers have for them.
#[derive(Deserialize)]
struct Usage {
    #[serde(alias = "input_tokens")]
    prompt_tokens: Option<u64>,
    #[serde(alias = "output_tokens")]
    completion_tokens: Option<u64>,
}

const MEMBER: &[u8] = b"\"usage\":";

impl Tokens {
    /// More of the answer. A `usage` that is cut in two pieces is not seen: model servers write it in one.
    pub(crate) fn pass(&mut self, piece: &Bytes) {
        // In a text of the answer the quotes are escaped, so this is a member's name.
        let mut at = 0;
        while let Some(found) = memmem::find(&piece[at..], MEMBER) {
            at += found + MEMBER.len();
            let mut values = serde_json::Deserializer::from_slice(&piece[at..]).into_iter::<Usage>();
            if let Some(Ok(usage)) = values.next() {
                // What is said later counts: a stream may say it with each event.
                self.input = usage.prompt_tokens.or(self.input);
                self.output = usage.completion_tokens.or(self.output);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&'static str]) -> (Option<u64>, Option<u64>) {
        let mut tokens = Tokens::default();
        for piece in pieces {
            tokens.pass(&Bytes::from_static(piece.as_bytes()));
        }
        (tokens.input, tokens.output)
    }

    #[test]
    fn usage_is_read_from_whole_answers_and_from_streams_of_both_dialects() {
        let whole = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}"#;
        assert_eq!(read(&[whole]), (Some(7), Some(3)));
        let openai = [
            "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n",
            "data: {\"choices\":[],\"usage\": {\"prompt_tokens\":7,\"completion_tokens\":9}}\n\ndata: [DONE]\n\n",
        ];
        assert_eq!(read(&openai), (Some(7), Some(9)));
        let anthropic = [
            "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n",
            "data: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":15}}\n\n",
        ];
        assert_eq!(read(&anthropic), (Some(25), Some(15)));
    }

    #[test]
    fn what_is_no_usage_or_is_cut_is_unknown() {
        assert_eq!(read(&[r#"{"usage":"#, r#"{"prompt_tokens":7}}"#]), (None, None));
        assert_eq!(read(&[r#"{"content":"say \"usage\":{\"prompt_tokens\":7}"}"#]), (None, None));
        assert_eq!(read(&[r#"{"usage":{"prompt_tokens":-1}}"#, "{}", r#"{"usage":[1]}"#]), (None, None));
    }
}
