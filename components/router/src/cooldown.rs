//! Backends that asked to be left alone. What is kept is advice for this instance and bounded by the configuration:
//! a backend's name and a time, nothing of any request.

use std::collections::BTreeMap;

use weir_core::{Candidate, Millis};

/// The longest that a backend's word is taken for: one that says "tomorrow" is asked again sooner.
pub const LONGEST: Millis = Millis(300_000);

/// Until when each backend is to be left alone, on a clock that does not go back.
#[derive(Clone, Debug, Default)]
pub struct Cooldowns {
    until: BTreeMap<String, Millis>,
}

impl Cooldowns {
    /// A backend asked at `now` to be left alone for `length`.
    pub fn note(&mut self, backend: &str, length: Millis, now: Millis) {
        self.until.retain(|_, until| *until > now);
        let until = now + length.min(LONGEST);
        let known = self.until.entry(backend.to_owned()).or_default();
        *known = until.max(*known);
    }

    /// Whether a backend is to be left alone at `now`.
    #[must_use]
    pub fn cooling(&self, backend: &str, now: Millis) -> bool {
        self.until.get(backend).is_some_and(|until| *until > now)
    }

    /// Takes the cooling ones out of `candidates` while others remain, and gives them back. Where all are cooling,
    /// all stay: the word of a backend is advice, and a request is better tried than not.
    pub fn set_aside(&self, candidates: &mut Vec<Candidate>, now: Millis) -> Vec<Candidate> {
        let cooling = |candidate: &Candidate| self.cooling(&candidate.backend, now);
        if self.until.is_empty() || candidates.iter().all(cooling) {
            return Vec::new();
        }
        candidates.extract_if(.., |candidate| cooling(candidate)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(backends: &[&str]) -> Vec<Candidate> {
        backends.iter().map(|b| Candidate { backend: (*b).to_owned(), model: "m".to_owned() }).collect()
    }

    #[test]
    fn r3_a_backend_is_left_alone_for_exactly_as_long_as_it_asked() {
        let mut cooldowns = Cooldowns::default();
        cooldowns.note("a", Millis(7_000), Millis(100));
        assert!(cooldowns.cooling("a", Millis(7_099)));
        assert!(!cooldowns.cooling("a", Millis(7_100)));
        assert!(!cooldowns.cooling("b", Millis(100)));
        cooldowns.note("a", Millis(1), Millis(200));
        assert!(cooldowns.cooling("a", Millis(7_099)), "a shorter wish does not cut a longer one short");
        cooldowns.note("a", Millis(u64::MAX), Millis(200));
        assert!(!cooldowns.cooling("a", Millis(200 + LONGEST.0)));
    }

    #[test]
    fn cooling_backends_are_set_aside_while_others_remain() {
        let mut cooldowns = Cooldowns::default();
        cooldowns.note("a", Millis(10), Millis(0));
        let mut plan = candidates(&["a", "b", "a", "c"]);
        assert_eq!(cooldowns.set_aside(&mut plan, Millis(5)), candidates(&["a", "a"]));
        assert_eq!(plan, candidates(&["b", "c"]));
        let mut only = candidates(&["a", "a"]);
        assert!(cooldowns.set_aside(&mut only, Millis(5)).is_empty());
        assert_eq!(only, candidates(&["a", "a"]));
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let mut cooldowns = Cooldowns::default();
        for name in 0..1_000 {
            cooldowns.note(&name.to_string(), Millis(1), Millis(name * 10));
        }
        assert_eq!(cooldowns.until.len(), 1);
    }
}
