//! Behaviour on demand: `[[sim:…]]` in the last user message.
//!
//! The list is in the `--help` text of [`SimOptions`](crate::SimOptions). What is not understood is an error, since a test
//! that asks for a fault and gets none proves nothing.

use std::time::Duration;

use http::StatusCode;

use crate::options::parse_time;

const OPEN: &str = "[[sim:";
const CLOSE: &str = "]]";

/// What one request asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// Answer with so many tokens.
    pub tokens: Option<usize>,
    /// Answer with the message.
    pub echo: bool,
    /// Tokens of reasoning before the answer.
    pub reasoning: Option<usize>,
    /// Time to the first token.
    pub ttft: Option<Duration>,
    /// Time to each further token.
    pub tpot: Option<Duration>,
    /// What goes wrong, if anything.
    pub fault: Option<Fault>,
}

/// What goes wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status and no tokens.
    Fail(StatusCode),
    /// An error event after so many tokens.
    ErrorAfter(usize),
    /// The connection breaks after so many tokens.
    CutAfter(usize),
    /// Silence after so many tokens; 0 is before the response's head.
    HangAfter(usize),
}

/// A directive that is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "[[sim:{text}]] is not a directive of this simulator; there are tokens=N, echo, reasoning=N, ttft=TIME, tpot=TIME, \
     fail=STATUS, error=N, cut=N, hang and hang=N"
)]
pub struct UnknownDirective {
    /// What stood between the brackets.
    pub text: String,
}

impl Directives {
    /// Takes the directives out of `message`; the rest of the message comes back with them.
    ///
    /// # Errors
    /// [`UnknownDirective`] with the first that is not understood.
    pub fn extract(message: &str) -> Result<(Self, String), UnknownDirective> {
        let mut directives = Self::default();
        let mut plain = String::new();
        let mut rest = message;
        while let Some((before, after)) = rest.split_once(OPEN) {
            plain.push_str(before);
            let Some((text, tail)) = after.split_once(CLOSE) else {
                return Err(UnknownDirective { text: after.chars().take(40).collect() });
            };
            directives.apply(text).ok_or_else(|| UnknownDirective { text: text.to_owned() })?;
            rest = tail;
        }
        plain.push_str(rest);
        Ok((directives, plain.trim().to_owned()))
    }

    fn apply(&mut self, text: &str) -> Option<()> {
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        let number = || value.and_then(|value| value.parse::<usize>().ok());
        let time = || value.and_then(|value| parse_time(value).ok());
        match name {
            "tokens" => self.tokens = Some(number().filter(|tokens| *tokens > 0)?),
            "echo" if value.is_none() => self.echo = true,
            "reasoning" => self.reasoning = Some(number()?),
            "ttft" => self.ttft = Some(time()?),
            "tpot" => self.tpot = Some(time()?),
            "fail" => {
                let code = u16::try_from(number()?).ok().filter(|code| (400..600).contains(code))?;
                self.fault = Some(Fault::Fail(StatusCode::from_u16(code).ok()?));
            }
            "error" => self.fault = Some(Fault::ErrorAfter(number()?)),
            "cut" => self.fault = Some(Fault::CutAfter(number()?)),
            "hang" if value.is_none() => self.fault = Some(Fault::HangAfter(0)),
            "hang" => self.fault = Some(Fault::HangAfter(number()?)),
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_taken_out_of_the_message() {
        let (directives, plain) = Directives::extract("Hi [[sim:tokens=5]] there[[sim:ttft=2s]][[sim:cut=3]]").unwrap();
        assert_eq!(plain, "Hi  there");
        assert_eq!(directives.tokens, Some(5));
        assert_eq!(directives.ttft, Some(Duration::from_secs(2)));
        assert_eq!(directives.fault, Some(Fault::CutAfter(3)));
    }

    #[test]
    fn every_fault_can_be_asked_for() {
        for (text, fault) in [
            ("fail=503", Fault::Fail(StatusCode::SERVICE_UNAVAILABLE)),
            ("error=1", Fault::ErrorAfter(1)),
            ("cut=0", Fault::CutAfter(0)),
            ("hang", Fault::HangAfter(0)),
            ("hang=7", Fault::HangAfter(7)),
        ] {
            let (directives, _) = Directives::extract(&format!("[[sim:{text}]]")).unwrap();
            assert_eq!(directives.fault, Some(fault), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for bad in ["nap", "tokens", "tokens=0", "tokens=-1", "fail=200", "fail=700", "ttft=2", "echo=1", "cut"] {
            let error = Directives::extract(&format!("[[sim:{bad}]]")).unwrap_err();
            assert_eq!(error.text, bad);
        }
        assert!(Directives::extract("[[sim:cut=3").is_err());
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        assert_eq!(Directives::extract("a [[b]] c").unwrap(), (Directives::default(), "a [[b]] c".into()));
    }
}
