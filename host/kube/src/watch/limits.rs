//! How long watching may take, and how large what comes may be.

use std::time::Duration;

/// How long things may take, and how large they may be.
#[derive(Clone, Debug)]
pub struct WatchLimits {
    /// Objects in one page of a list. Default: 500.
    pub page: u32,
    /// How long one page, or the head of any answer, may take. Default: 60 s.
    pub answer: Duration,
    /// The largest page that is read, in bytes. Default: 256 MiB.
    pub page_bytes: usize,
    /// The longest event that is read, in bytes; the API server stores no object over 3 MiB. Default: 8 MiB.
    pub event_bytes: usize,
    /// For how long a watch is asked for, at most; each asks for this or up to a fifth less, so that they do not all end
    /// at once. Default: 300 s.
    pub watch: Duration,
    /// After how long without a byte a watch counts as dead; the API server sends a bookmark each minute. Default: 75 s.
    pub silence: Duration,
    /// The first pause after a failure, at most; each further one is twice as long. Default: 0.25 s.
    pub first_pause: Duration,
    /// The longest pause, also where `Retry-After` asks for a longer one. Default: 30 s.
    pub longest_pause: Duration,
    /// How long a watch has to last until failures before it are forgotten. Default: 60 s.
    pub good: Duration,
    /// How long a watch has to last so that its end, clean or not, is not held against the server: proxies cut what is
    /// quiet for them. Default: 5 s.
    pub steady: Duration,
    /// How often to look for a kind that is not installed. Default: 30 s.
    pub absent_pause: Duration,
    /// How long a kind has to be absent until its objects are removed: a server that starts may say 404 of what it has.
    /// Default: 10 s.
    pub absent_grace: Duration,
    /// How often to look which versions of a kind are served. Default: 180 s.
    pub discovery: Duration,
    /// Within what time changes are gathered after one was told. Default: 20 ms.
    pub gather: Duration,
}

impl Default for WatchLimits {
    fn default() -> Self {
        Self {
            page: 500,
            answer: Duration::from_secs(60),
            page_bytes: 256 << 20,
            event_bytes: 8 << 20,
            watch: Duration::from_secs(300),
            silence: Duration::from_secs(75),
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(30),
            good: Duration::from_secs(60),
            steady: Duration::from_secs(5),
            absent_pause: Duration::from_secs(30),
            absent_grace: Duration::from_secs(10),
            discovery: Duration::from_secs(180),
            gather: Duration::from_millis(20),
        }
    }
}
