//! How many tokens a prompt has, guessed from its length.
//!
//! A tokenizer for each model would be right, and far too large for an edge. The guess is for reserving: four bytes
//! of ASCII text a token and three bytes of other text (a CJK character), which is above the truth for most prose,
//! and a fixed figure for what is not text. What was really used is settled afterwards.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use weir_core::Tokens;
use weir_core::json::Object;

/// Tokens that an image, a file or a recording counts as, whatever its size: about what the large providers count
/// for an image at full resolution.
pub const ATTACHMENT: Tokens = Tokens(1_600);

/// The members of a body that a model reads, in all dialects.
const READ_BY_MODELS: [&str; 14] = [
    "messages",
    "system",
    "input",
    "instructions",
    "prompt",
    "suffix",
    "tools",
    "functions",
    "response_format",
    "text",
    "output_config",
    "output_format",
    "documents",
    "prediction",
];

/// The prompt's tokens, estimated from its length. The names of members count too: they are about as long as what
/// chat templates put between messages, and in a tool's schema models do read them.
#[must_use]
pub fn prompt(body: &Object) -> Tokens {
    let mut weight = Weight::default();
    for raw in READ_BY_MODELS.iter().filter_map(|key| body.raw(key)) {
        let mut deserializer = serde_json::Deserializer::from_str(raw.get());
        let seed = Weigh { weight: &mut weight, under: Under::Any, kind: Kind::Prompt };
        if seed.deserialize(&mut deserializer).is_err() {
            // Deeper than serde_json goes, where a configuration allows that much.
            weight.text(raw.get());
        }
    }
    weight.tokens()
}

/// The text in a request of KServe's protocols, estimated as tokens: strings in V1's `instances` and `inputs`, in V2's
/// tensors of bytes, and Triton's `text_input`. Numbers are no text, nor are binary values (`b64`), nor the bytes of
/// tensors behind the JSON.
#[must_use]
pub fn tensors(body: &Object) -> Tokens {
    let mut weight = Weight::default();
    for raw in ["instances", "inputs", "text_input"].iter().filter_map(|key| body.raw(key)) {
        let mut deserializer = serde_json::Deserializer::from_str(raw.get());
        // Deeper than serde_json goes, it is no text.
        let _ = Weigh { weight: &mut weight, under: Under::Any, kind: Kind::Tensors }.deserialize(&mut deserializer);
    }
    weight.tokens()
}

/// Pieces of text, whatever they are in, estimated as tokens.
#[must_use]
pub fn texts(pieces: &[&[u8]]) -> Tokens {
    let mut weight = Weight::default();
    for piece in pieces {
        let other: u64 = piece.iter().map(|byte| u64::from(byte >> 7)).sum();
        weight.ascii_bytes += piece.len() as u64 - other;
        weight.other_bytes += other;
    }
    weight.tokens()
}

/// The cap on an answer's tokens among the parameters of Triton's `generate`, as its backends for language models call
/// it; what is no whole number there is for the server to refuse.
#[must_use]
pub fn parameter_cap(body: &Object) -> Option<Tokens> {
    let parameters = body.read::<serde_json::Map<String, serde_json::Value>>("parameters").ok().flatten()?;
    ["max_tokens", "max_new_tokens"].iter().filter_map(|key| parameters.get(*key)?.as_u64()).max().map(Tokens)
}

/// What a prompt consists of.
#[derive(Default)]
struct Weight {
    ascii_bytes: u64,
    other_bytes: u64,
    numbers: u64,
    attachments: u64,
}

impl Weight {
    fn text(&mut self, text: &str) {
        // Most text is ASCII, and to see that is many times faster than to count.
        let other = if text.is_ascii() { 0 } else { text.bytes().map(|byte| u64::from(byte >> 7)).sum() };
        self.ascii_bytes += text.len() as u64 - other;
        self.other_bytes += other;
    }

    /// A number counts as a token: lists of numbers are prompts that were tokenized already.
    fn tokens(&self) -> Tokens {
        let text = self.ascii_bytes.div_ceil(4) + self.other_bytes.div_ceil(3) + self.numbers;
        Tokens(text.saturating_add(self.attachments.saturating_mul(ATTACHMENT.0)))
    }
}

/// Weighs one value.
struct Weigh<'a> {
    weight: &'a mut Weight,
    under: Under,
    kind: Kind,
}

/// What is weighed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// What a model reads as tokens: text, names, numbers.
    Prompt,
    /// Tensors, of which text alone is read so.
    Tensors,
}

/// What the name says that a value stands under.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Under {
    /// Nothing: text is there to be read.
    Any,
    /// That it may be an image or a file, or where one is.
    Attachment,
    /// That it is a file that the provider has.
    File,
    /// That it proves something to the provider, and no model reads it.
    Proof,
    /// That it describes a tensor, or is binary.
    Description,
}

impl Under {
    /// In all dialects: Anthropic's `source` has `data` and `url`, chat completions have `image_url.url`, `input_audio.data`
    /// and `file.file_data`, responses have `image_url` and `file_url`.
    fn of(key: &str, kind: Kind) -> Self {
        match key {
            "b64" | "name" | "datatype" | "shape" | "parameters" if kind == Kind::Tensors => Self::Description,
            _ if kind == Kind::Tensors => Self::Any,
            "url" | "image_url" | "data" | "file_data" | "file_url" => Self::Attachment,
            "file_id" => Self::File,
            "signature" => Self::Proof,
            _ => Self::Any,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Weigh<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Weigh<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        match self.under {
            Under::Attachment if is_attachment(text) => self.weight.attachments += 1,
            Under::File => self.weight.attachments += 1,
            Under::Proof | Under::Description => {}
            Under::Any | Under::Attachment => self.weight.text(text),
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.number()
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.number()
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.number()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let under = if self.under == Under::Description { self.under } else { Under::Any };
        while items.next_element_seed(Weigh { weight: self.weight, under, kind: self.kind })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(key) = members.next_key::<std::borrow::Cow<'de, str>>()? {
            let under = if self.under == Under::Description { self.under } else { Under::of(&key, self.kind) };
            if self.kind == Kind::Prompt {
                self.weight.text(&key);
            }
            members.next_value_seed(Weigh { weight: self.weight, under, kind: self.kind })?;
        }
        Ok(())
    }
}

impl Weigh<'_> {
    fn number<E>(self) -> Result<(), E> {
        self.weight.numbers += u64::from(self.kind == Kind::Prompt);
        Ok(())
    }
}

/// Whether a text is an attachment, or where one is, rather than something to read: Anthropic has plain text under
/// `data`, too.
fn is_attachment(text: &str) -> bool {
    const LOOK_AT: usize = 64;
    let is_base64 = |b: &u8| b.is_ascii_alphanumeric() || b"+/=-_".contains(b);
    ["data:", "https://", "http://"].iter().any(|scheme| text.starts_with(scheme))
        || text.as_bytes().get(..LOOK_AT).is_some_and(|start| start.iter().all(is_base64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(body: &str) -> u64 {
        prompt(&Object::parse(body.as_bytes(), 64).unwrap()).0
    }

    #[test]
    fn text_counts_by_its_length() {
        assert_eq!(tokens(r#"{"prompt":"12345678"}"#), 2);
        assert_eq!(tokens(r#"{"prompt":"123456789"}"#), 3);
        assert_eq!(tokens(r#"{"prompt":"你好"}"#), 2);
        assert_eq!(tokens(r#"{"prompt":"\u4f60\u597d"}"#), 2);
        assert_eq!(tokens(r#"{"prompt":[11,12,13]}"#), 3);
        assert_eq!(tokens(r#"{"prompt":[[11],[12,13]]}"#), 3);
        assert_eq!(tokens(r#"{"model":"a very long name","user":"not read","prompt":""}"#), 0);
    }

    #[test]
    fn of_tensors_the_text_counts() {
        let tokens = |body: &str| tensors(&Object::parse(body.as_bytes(), 64).unwrap()).0;
        for (body, expected) in [
            (r#"{"instances":["12345678",[1,2,3],{"key":"1234","x":[0.5]}]}"#, 3),
            (r#"{"instances":[{"image":{"b64":"aaaaaaaaaaaaaaaaaaaaaaaa"}}]}"#, 0),
            (r#"{"inputs":["1234"],"parameters":{"a":"not read"}}"#, 1),
            (
                r#"{"inputs":[{"name":"n","shape":[1],"datatype":"BYTES","parameters":{"p":"q"},"data":["12345678"]}]}"#,
                2,
            ),
            (r#"{"inputs":[{"name":"n","shape":[3],"datatype":"FP32","data":[1.5,2,-3]}]}"#, 0),
            (r#"{"text_input":"12345678","parameters":{"stream":true}}"#, 2),
            (r#"{"model":"a long name of a model"}"#, 0),
        ] {
            assert_eq!(tokens(body), expected, "{body}");
        }
    }

    #[test]
    fn an_attachment_counts_as_a_fixed_figure() {
        let image = "iVBORw0KGgo".repeat(10_000);
        let openai =
            format!(r#"{{"messages":[{{"content":[{{"image_url":{{"url":"data:image/png;base64,{image}"}}}}]}}]}}"#);
        let anthropic = format!(r#"{{"messages":[{{"content":[{{"source":{{"data":"{image}"}}}}]}}]}}"#);
        let responses = r#"{"input":[{"content":[{"image_url":"https://example.com/a.png"}]}]}"#;
        let stored = r#"{"messages":[{"content":[{"source":{"type":"file","file_id":"file_1"}}]}]}"#;
        for body in [&openai, &anthropic, responses, stored] {
            let counted = tokens(body);
            assert!((ATTACHMENT.0..ATTACHMENT.0 + 20).contains(&counted), "{counted}");
        }
        let text =
            format!(r#"{{"messages":[{{"content":[{{"source":{{"data":"{}"}}}}]}}]}}"#, "so it is. ".repeat(1000));
        assert!((2_500..2_550).contains(&tokens(&text)));
    }

    #[test]
    fn a_conversation_counts_alike_in_each_dialect() {
        let (rules, question, thought) =
            ("Be brief. ".repeat(40), "Why is the sky blue? ".repeat(40), "Hm. ".repeat(40));
        let answer = "Air scatters it. ".repeat(40);
        let schema = r#"{"type":"object","properties":{"city":{"type":"string","description":"A city's name"}}}"#;
        let signature = "EqQBCkYIBRgCKkA".repeat(100);
        let chat = format!(
            r#"{{"messages":[{{"role":"system","content":"{rules}"}},{{"role":"user","content":"{question}"}},
                {{"role":"assistant","reasoning_content":"{thought}","content":"{answer}"}},{{"role":"user","content":"{question}"}}],
                "tools":[{{"type":"function","function":{{"name":"weather","parameters":{schema}}}}}]}}"#
        );
        let responses = format!(
            r#"{{"instructions":"{rules}","input":[{{"role":"user","content":"{question}"}},
                {{"type":"reasoning","summary":[{{"type":"summary_text","text":"{thought}"}}]}},
                {{"role":"assistant","content":[{{"type":"output_text","text":"{answer}"}}]}},{{"role":"user","content":"{question}"}}],
                "tools":[{{"type":"function","name":"weather","parameters":{schema}}}]}}"#
        );
        let messages = format!(
            r#"{{"system":[{{"type":"text","text":"{rules}"}}],"messages":[{{"role":"user","content":"{question}"}},
                {{"role":"assistant","content":[{{"type":"thinking","thinking":"{thought}","signature":"{signature}"}},
                {{"type":"text","text":"{answer}"}}]}},{{"role":"user","content":"{question}"}}],
                "tools":[{{"name":"weather","input_schema":{schema}}}]}}"#
        );
        let counted = [&chat, &responses, &messages].map(|body| tokens(body));
        let (least, most) = (counted.iter().min().unwrap(), counted.iter().max().unwrap());
        assert!(*least > 700 && most - least < least / 10, "{counted:?}");
    }
}
