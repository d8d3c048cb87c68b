//! The text of a custom tool's input, out of the JSON that it was streamed in.

/// Takes `{"input":"…"}` piece by piece, and gives out the text between the quotes as it comes, escapes undone.
///
/// A model that writes something else than such an object gets its words passed on as they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Unpack {
    state: State,
    /// What has come of the head, or of an escape, and may still turn out to be either.
    held: String,
    /// The first half of a pair of surrogates.
    high: Option<u16>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Head,
    Text,
    Escape,
    Over,
    Plain,
}

/// How long an escape is without its backslash: `u` and four digits.
const UNICODE: usize = 5;

impl Unpack {
    /// The text in the next piece.
    pub(super) fn feed(&mut self, piece: &str) -> String {
        let mut out = String::with_capacity(piece.len());
        for c in piece.chars() {
            match self.state {
                State::Head => self.head(c, &mut out),
                State::Text => match c {
                    '"' => self.state = State::Over,
                    '\\' => self.state = State::Escape,
                    c => self.put(c, &mut out),
                },
                State::Escape => self.escape(c, &mut out),
                State::Over => {}
                State::Plain => out.push(c),
            }
        }
        out
    }

    fn head(&mut self, c: char, out: &mut String) {
        self.held.push(c);
        let tight: String = self.held.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        const HEAD: &str = "{\"input\":\"";
        if tight == HEAD {
            self.held.clear();
            self.state = State::Text;
        } else if !HEAD.starts_with(&tight) {
            out.push_str(&std::mem::take(&mut self.held));
            self.state = State::Plain;
        }
    }

    fn escape(&mut self, c: char, out: &mut String) {
        self.held.push(c);
        if self.held.starts_with('u') && self.held.len() < UNICODE {
            return;
        }
        let escape = std::mem::take(&mut self.held);
        self.state = State::Text;
        match escape.as_bytes() {
            [b'u', digits @ ..] => {
                let unit = std::str::from_utf8(digits).ok().and_then(|hex| u16::from_str_radix(hex, 16).ok());
                self.unit(unit.unwrap_or(0xfffd), out);
            }
            b"n" => self.put('\n', out),
            b"t" => self.put('\t', out),
            b"r" => self.put('\r', out),
            b"b" => self.put('\u{8}', out),
            b"f" => self.put('\u{c}', out),
            _ => self.put(c, out),
        }
    }

    /// A unit of UTF-16.
    fn unit(&mut self, unit: u16, out: &mut String) {
        match (self.high.take(), unit) {
            (Some(high), 0xdc00..=0xdfff) => {
                out.extend(char::decode_utf16([high, unit]).map(|c| c.unwrap_or('\u{fffd}')));
            }
            (high, 0xd800..=0xdbff) => {
                out.extend(high.map(|_| '\u{fffd}'));
                self.high = Some(unit);
            }
            (high, unit) => {
                out.extend(high.map(|_| '\u{fffd}'));
                out.push(char::from_u32(u32::from(unit)).unwrap_or('\u{fffd}'));
            }
        }
    }

    fn put(&mut self, c: char, out: &mut String) {
        if self.high.take().is_some() {
            out.push('\u{fffd}');
        }
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_comes_out_as_it_was_however_it_is_cut(text in "\\PC{0,40}[\"\\\\\n\u{1F600}]{0,4}", cut in 1usize..9, ascii: bool) {
            let mut json = serde_json::json!({"input": text}).to_string();
            if ascii {
                let escaped = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
                json = json.chars().map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) }).collect();
            }
            let mut unpack = Unpack::default();
            let chars: Vec<char> = json.chars().collect();
            let out: String = chars.chunks(cut).map(|piece| unpack.feed(&piece.iter().collect::<String>())).collect();
            prop_assert_eq!(out, text);
        }
    }

    #[test]
    fn words_that_are_no_such_object_are_passed_on() {
        for text in ["*** Begin Patch", "{\"other\":1}", "{\"input\":7}"] {
            let mut unpack = Unpack::default();
            let out: String = text.chars().map(|c| unpack.feed(&c.to_string())).collect();
            assert_eq!(out, text);
        }
    }
}
