//! What can go wrong, on request.

use serde::Deserialize;

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Objects, in pages.
    List,
    /// What happens to them.
    Watch,
    /// One object.
    Get,
    /// Which kinds there are.
    Discover,
}

/// An answer that is given instead of the right one.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refusal {
    /// The status.
    code: u16,
    /// `Retry-After`, in seconds.
    #[serde(default)]
    retry_after: Option<u64>,
    /// The body, where it is not a `Status`.
    #[serde(default)]
    body: Option<String>,
    /// Only for this kind.
    #[serde(default)]
    plural: Option<String>,
    /// Only for this verb.
    #[serde(default)]
    verb: Option<Verb>,
    /// How many requests it is still given to.
    #[serde(default = "once")]
    times: u32,
    /// How many requests are answered rightly before.
    #[serde(default)]
    skip: u32,
    /// Never answered at all.
    #[serde(default)]
    hang: bool,
}

fn once() -> u32 {
    1
}

impl Refusal {
    /// This status, to the next request.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self { code, retry_after: None, body: None, plural: None, verb: None, times: 1, skip: 0, hang: false }
    }

    /// No answer, to the next request.
    #[must_use]
    pub fn hang() -> Self {
        Self { hang: true, ..Self::status(200) }
    }

    /// With `Retry-After`.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// With this body, as it is.
    #[must_use]
    pub fn body(self, body: impl Into<String>) -> Self {
        Self { body: Some(body.into()), ..self }
    }

    /// Only to requests of this kind and with this verb.
    #[must_use]
    pub fn of(self, plural: impl Into<String>, verb: Verb) -> Self {
        Self { plural: Some(plural.into()), verb: Some(verb), ..self }
    }

    /// To so many requests.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// After so many that are answered rightly.
    #[must_use]
    pub fn skip(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    pub(crate) fn is_for(&self, plural: Option<&str>, verb: Verb) -> bool {
        self.plural.as_deref().is_none_or(|wanted| plural == Some(wanted))
            && self.verb.is_none_or(|wanted| wanted == verb)
    }

    /// Whether it is due for a request that it is for.
    pub(crate) fn is_due(&mut self) -> bool {
        let due = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        due
    }

    /// Uses it once; whether it is used up.
    pub(crate) fn take(&mut self) -> bool {
        self.times = self.times.saturating_sub(1);
        self.times == 0
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.hang
    }

    pub(crate) fn parts(&self) -> (u16, Option<u64>, Option<&str>) {
        (self.code, self.retry_after, self.body.as_deref())
    }
}

/// What happens to the watches that are open.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interruption {
    /// They end, as they do when their time is over.
    End,
    /// The connection breaks.
    Kill,
    /// They end within an event, but cleanly.
    HalfClose,
    /// They send nothing any more, not even bookmarks, and do not end.
    Silence,
    /// They tell the last event again.
    Repeat,
    /// They tell a bookmark now.
    Bookmark,
    /// They send these bytes as they are.
    Send(String),
    /// They tell an `ERROR` of this code and end.
    Error(u16),
    /// From now on they send each event in pieces of so many bytes, with a pause of a millisecond between them.
    Slowly(usize),
}
