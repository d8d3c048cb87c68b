//! The course of a request over its attempts: after each failure, whether to try again, and with what.

use http::HeaderMap;
use weir_core::config::Retry;
use weir_core::usage::Failure;
use weir_core::{Ending, Millis, Outcome, Plan, header};

use crate::{Cooldowns, RetryBudget};

/// A request's attempts so far, and the candidates that are left.
#[derive(Clone, Debug)]
pub struct Course {
    plan: Plan,
    attempt: u32,
    attempts: u32,
}

/// What comes after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The rest of the plan goes down again.
    Again,
    /// The client gets the failure.
    Stop(Stop),
}

/// Why no further attempt is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Another candidate would do no better.
    Final,
    /// The client left.
    ClientGone,
    /// The request has had all the attempts that it may have.
    Attempts,
    /// No candidate is left.
    Candidates,
    /// Those that are left asked to be left alone.
    Cooling,
    /// The instance has no further attempts to spend.
    Budget,
}

/// Whether a response is a failed attempt that no event preceded, as its headers say; `None` where it is an answer.
/// What cannot be read is no reason to try again.
#[must_use]
pub fn failure(status: u16, headers: &HeaderMap) -> Option<Failure> {
    if headers.contains_key(header::DENIED) {
        // The limiter has looked at every candidate: to ask again would change nothing.
        return Some(Failure { retry: false, retry_after: None });
    }
    match header::read_json::<Failure>(headers, header::FAILED) {
        Ok(Some(failure)) => Some(failure),
        Ok(None) if status == 503 && headers.contains_key(header::SPILL) => {
            Some(Failure { retry: true, retry_after: None })
        }
        Ok(None) => None,
        Err(_) => Some(Failure { retry: false, retry_after: None }),
    }
}

impl Course {
    /// The course of a request with this plan: before its first attempt.
    #[must_use]
    pub fn new(plan: Plan, retry: &Retry) -> Self {
        Self { plan, attempt: 1, attempts: retry.attempts }
    }

    /// What goes down with the attempt at hand.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Which attempt is at hand, counted from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Whether a failure of the attempt at hand could be followed by another: if not, its answer can be passed on
    /// as it comes.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.attempt >= self.attempts || self.plan.candidates.len() <= 1
    }

    /// The attempt at hand failed; `outcome` is what its trailer said. Notes what the backend asked for, and says
    /// whether the rest of the plan is to be tried.
    pub fn after(
        &mut self,
        failure: Failure,
        outcome: Option<&Outcome>,
        cooldowns: &mut Cooldowns,
        budget: &mut RetryBudget,
        now: Millis,
    ) -> Next {
        let called = self.called(outcome);
        if let (Some(backend), Some(length)) = (self.plan.candidates.get(called), failure.retry_after) {
            cooldowns.note(&backend.backend, length, now);
        }
        match outcome.map(|outcome| outcome.ending) {
            Some(Ending::ClientGone) => return Next::Stop(Stop::ClientGone),
            Some(Ending::Refused) => return Next::Stop(Stop::Final),
            _ if !failure.retry => return Next::Stop(Stop::Final),
            _ if self.attempt >= self.attempts => return Next::Stop(Stop::Attempts),
            _ => {}
        }
        let mut rest = self.plan.candidates.split_off((called + 1).min(self.plan.candidates.len()));
        if rest.is_empty() {
            return Next::Stop(Stop::Candidates);
        }
        rest.retain(|candidate| !cooldowns.cooling(&candidate.backend, now));
        if rest.is_empty() {
            return Next::Stop(Stop::Cooling);
        }
        if !budget.take(now) {
            return Next::Stop(Stop::Budget);
        }
        self.plan.candidates = rest;
        self.attempt += 1;
        Next::Again
    }

    /// The place in the plan of the candidate that was called: the limiter may have skipped some. Without word of
    /// it, the first.
    fn called(&self, outcome: Option<&Outcome>) -> usize {
        let place = |outcome: &Outcome| self.plan.candidates.iter().position(|c| *c == outcome.candidate);
        outcome.and_then(place).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use weir_core::{Candidate, Usage};

    use super::*;

    const NOW: Millis = Millis(1_000);
    const RETRY: Failure = Failure { retry: true, retry_after: None };

    struct Instance {
        cooldowns: Cooldowns,
        budget: RetryBudget,
    }

    impl Instance {
        fn new() -> Self {
            Self { cooldowns: Cooldowns::default(), budget: RetryBudget::new(&Retry::default(), NOW) }
        }

        fn after(&mut self, course: &mut Course, failure: Failure, outcome: Option<&Outcome>) -> Next {
            course.after(failure, outcome, &mut self.cooldowns, &mut self.budget, NOW)
        }
    }

    fn candidate(backend: &str) -> Candidate {
        Candidate { backend: backend.to_owned(), model: "m".to_owned() }
    }

    fn course(backends: &[&str]) -> Course {
        let candidates = backends.iter().map(|backend| candidate(backend)).collect();
        let plan = Plan { model: "m".to_owned(), stream: false, on_unsupported: Default::default(), candidates };
        Course::new(plan, &Retry::default())
    }

    fn outcome(backend: &str, ending: Ending) -> Outcome {
        let (usage, took) = (Usage::default(), Millis(1));
        Outcome { candidate: candidate(backend), usage, ending, first_event: None, took, status: Some(503) }
    }

    fn left(course: &Course) -> Vec<&str> {
        course.plan().candidates.iter().map(|candidate| candidate.backend.as_str()).collect()
    }

    #[test]
    fn the_rest_of_the_plan_goes_down_again() {
        let (mut instance, mut course) = (Instance::new(), course(&["a", "b", "c", "d"]));
        assert_eq!(instance.after(&mut course, RETRY, Some(&outcome("a", Ending::Failed))), Next::Again);
        assert_eq!((course.attempt(), left(&course)), (2, vec!["b", "c", "d"]));
        // The limiter skipped `b`.
        assert_eq!(instance.after(&mut course, RETRY, Some(&outcome("c", Ending::Failed))), Next::Again);
        assert_eq!((course.attempt(), left(&course)), (3, vec!["d"]));
        assert!(course.is_last());
        let stop = instance.after(&mut course, RETRY, Some(&outcome("d", Ending::Failed)));
        assert_eq!(stop, Next::Stop(Stop::Attempts));
    }

    #[test]
    fn without_word_of_it_the_first_candidate_was_called() {
        for word in [None, Some(outcome("unheard-of", Ending::Failed))] {
            let (mut instance, mut course) = (Instance::new(), course(&["a", "b"]));
            assert_eq!(instance.after(&mut course, RETRY, word.as_ref()), Next::Again);
            assert_eq!(left(&course), ["b"]);
        }
    }

    #[test]
    fn what_another_candidate_cannot_mend_is_final() {
        let cases = [
            (Failure { retry: false, retry_after: None }, Ending::Failed, Stop::Final),
            (RETRY, Ending::Refused, Stop::Final),
            (RETRY, Ending::ClientGone, Stop::ClientGone),
        ];
        for (failure, ending, stop) in cases {
            let (mut instance, mut course) = (Instance::new(), course(&["a", "b"]));
            assert_eq!(instance.after(&mut course, failure, Some(&outcome("a", ending))), Next::Stop(stop));
        }
        let (mut instance, mut one) = (Instance::new(), course(&["a"]));
        assert!(one.is_last());
        assert_eq!(instance.after(&mut one, RETRY, None), Next::Stop(Stop::Candidates));
    }

    #[test]
    fn r3_a_backend_that_asked_to_be_left_alone_is_not_tried_again() {
        let after_7_s = Failure { retry: true, retry_after: Some(Millis(7_000)) };
        let (mut instance, mut course) = (Instance::new(), course(&["a", "a", "b"]));
        assert_eq!(instance.after(&mut course, after_7_s, Some(&outcome("a", Ending::Failed))), Next::Again);
        assert_eq!(left(&course), ["b"]);
        let mut only = super::tests::course(&["a", "a"]);
        assert_eq!(instance.after(&mut only, after_7_s, None), Next::Stop(Stop::Cooling));
        assert!(instance.cooldowns.cooling("a", Millis(NOW.0 + 6_999)));
    }

    #[test]
    fn r2_an_empty_budget_ends_it() {
        let (mut instance, mut tried) = (Instance::new(), 0);
        while instance.after(&mut course(&["a", "b"]), RETRY, None) == Next::Again {
            tried += 1;
        }
        assert_eq!(tried, 10, "a second's worth");
        assert_eq!(instance.after(&mut course(&["a", "b"]), RETRY, None), Next::Stop(Stop::Budget));
    }

    #[test]
    fn headers_say_whether_an_attempt_failed() {
        let with = |pairs: &[(&'static str, &str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
        };
        let no = Some(Failure { retry: false, retry_after: None });
        assert_eq!(failure(500, &with(&[])), None);
        assert_eq!(failure(200, &with(&[("x-weir-spill", "1")])), None);
        assert_eq!(failure(503, &with(&[("x-weir-spill", "1")])), Some(RETRY));
        assert_eq!(failure(502, &with(&[("x-weir-failed", r#"{"retry":true}"#)])), Some(RETRY));
        assert_eq!(failure(502, &with(&[("x-weir-failed", "yes")])), no);
        let denied = with(&[("x-weir-denied", "backends"), ("x-weir-failed", r#"{"retry":true}"#)]);
        assert_eq!(failure(429, &denied), no);
    }
}
